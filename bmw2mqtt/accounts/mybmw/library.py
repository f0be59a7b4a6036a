"""bimmer_connected, wrapped: its accounts, its errors, its log, its count of requests.

Whatever the library raises leaves this module as an `AccountError`.
"""

import logging
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Self

import httpx
import structlog
from bimmer_connected import const
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.api.client import MyBMWClientConfiguration
from bimmer_connected.const import Regions
from bimmer_connected.models import (
    GPSPosition,
    MyBMWAPIError,
    MyBMWAuthError,
    MyBMWCaptchaMissingError,
    MyBMWQuotaError,
)

from bmw2mqtt.accounts.mybmw.tokens import Authentication
from bmw2mqtt.accounts.requests import utc_now
from bmw2mqtt.config import Location
from bmw2mqtt.config import MyBmwAccount as AccountSettings
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    Blocked,
    LoginRequired,
    QuotaExceeded,
    Unreachable,
)

log = structlog.get_logger(__name__)

_BLOCKED = 489
_FORBIDDEN = 403
_QUOTA_TIME = re.compile(r"replenished in (\d+):(\d{2}):(\d{2})")


_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What the library raises over an answer it did not expect."""


class AccountRegion(str):
    """A region for one account alone.

    The library looks servers and keys up by region in module-wide tables. This is equal to the
    region it stands for, and has rows of its own in those tables, so that accounts of one region
    can use different servers.
    """

    __slots__ = ("value",)
    value: str
    """What the library writes into headers."""

    @classmethod
    def register(cls, region: Regions, server: str | None) -> Self:
        """Make a region and its rows in the library's tables."""
        self = cls(region.value)
        self.value = region.value
        tables: tuple[dict[Any, Any], ...] = (
            const.SERVER_URLS_MYBMW,
            const.OCP_APIM_KEYS,
            const.APP_VERSIONS,
            const.USER_AGENTS,
        )
        for table in tables:
            if region in table:
                table[self] = table[region]
        if server is not None:
            tables[0][self] = server
        return self

    __eq__ = str.__eq__
    __hash__ = object.__hash__


def captcha_page(region: str) -> str | None:
    """Return where a person solves BMW's captcha; China has none."""
    if region == "china":
        return None
    return f"https://bimmer-connected.readthedocs.io/en/stable/captcha/{region}.html"


def make_account(
    settings: AccountSettings, tls: ssl.SSLContext
) -> tuple[MyBMWAccount, Authentication]:
    """Make the library's account; nothing is sent yet.

    Args:
        settings: credentials, region, server.
        tls: the one context for every request; building one costs more than a poll.
    """
    region: Any = AccountRegion.register(Regions[settings.region.upper()], settings.server)
    captcha = settings.captcha_token
    authentication = Authentication(
        settings.username,
        settings.password.get_secret_value(),
        region,
        hcaptcha_token=captcha.get_secret_value() if captcha else None,
        verify=tls,
    )
    account = MyBMWAccount(
        settings.username,
        "",
        region,
        config=MyBMWClientConfiguration(
            authentication, observer_position=_position(settings.location), verify=tls
        ),
    )
    return account, authentication


def _position(location: Location | None) -> GPSPosition | None:
    return GPSPosition(location.latitude, location.longitude) if location else None


@contextmanager
def translated(region: str) -> Iterator[None]:
    """Turn the library's errors into ours, with a sentence a person can act on."""
    try:
        yield
    except MyBMWCaptchaMissingError as error:
        raise LoginRequired(
            f"BMW wants a captcha: solve it at {captcha_page(region)} and set captcha_token"
        ) from error
    except MyBMWQuotaError as error:
        raise quota_exceeded(str(error)) from error
    except MyBMWAuthError as error:
        raise _auth_error(error) from error
    except MyBMWAPIError as error:
        raise _api_error(error) from error
    except httpx.RequestError as error:
        raise Unreachable(
            f"BMW's server cannot be reached ({type(error).__name__}: {error}); trying again"
        ) from error
    except _UNREADABLE as error:
        raise BadAnswer(
            f"BMW sent an answer that cannot be read ({type(error).__name__}); trying again"
        ) from error


def quota_exceeded(text: str) -> QuotaExceeded:
    """Read when BMW answers again from "Quota will be replenished in HH:MM:SS"."""
    match = _QUOTA_TIME.search(text)
    if match is None:
        return QuotaExceeded("BMW's request quota is used up; trying again later")
    hours, minutes, seconds = (int(part) for part in match.groups())
    wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return QuotaExceeded(
        f"BMW's request quota is used up for {wait}; waiting until then", utc_now() + wait
    )


def _response(error: BaseException) -> httpx.Response | None:
    cause = error.__cause__
    return cause.response if isinstance(cause, httpx.HTTPStatusError) else None


def _is_blocked(error: BaseException) -> bool:
    response = _response(error)
    return response is not None and response.status_code == _BLOCKED


def _blocked() -> Blocked:
    return Blocked(
        "BMW blocks third parties on the app API since 2025-09-29; "
        "in the EU and UK use backend cardata; trying again in some hours"
    )


def _auth_error(error: MyBMWAuthError) -> AccountError:
    """Everything that goes wrong while logging in comes as this, an outage too."""
    response = _response(error)
    if _is_blocked(error):
        return _blocked()
    if response is not None and (response.status_code >= 500 or response.status_code in {408, 429}):  # noqa: PLR2004
        return Unreachable(f"BMW's login is out of order (HTTP {response.status_code})")
    if (
        response is not None
        and response.status_code == _FORBIDDEN
        and "bmw-vin" in response.request.headers
    ):
        return Unreachable("BMW does not tell about this car (HTTP 403); trying again")
    return LoginRequired("BMW refuses the login: check username and password, then log in again")


def _api_error(error: MyBMWAPIError) -> AccountError:
    if _is_blocked(error):
        return _blocked()
    response = _response(error)
    status = "no status" if response is None else f"HTTP {response.status_code}"
    return Unreachable(f"BMW's server is out of order ({status}); trying again")


_on_request: ContextVar[Callable[[], None] | None] = ContextVar("on_request", default=None)


class _RequestCounter(logging.Handler):
    """Counts: httpx reports each answered request to its log, logins included."""

    def emit(self, _: logging.LogRecord) -> None:
        if (count := _on_request.get()) is not None:
            count()


def count_requests(callback: Callable[[], None]) -> None:
    """Let every request of the current task call back once it is answered."""
    logger = logging.getLogger("httpx")
    if not any(isinstance(handler, _RequestCounter) for handler in logger.handlers):
        logger.addHandler(_RequestCounter())
        logger.setLevel(logging.INFO)
        logger.propagate = False  # its lines hold VINs and account ids
    _on_request.set(callback)
