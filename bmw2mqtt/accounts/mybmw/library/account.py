"""bimmer_connected, wrapped: its accounts and its errors.

Whatever the library raises leaves this module as an `AccountError`.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx
import structlog
from bimmer_connected import const
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.api.client import MyBMWClientConfiguration
from bimmer_connected.const import Regions
from bimmer_connected.models import GPSPosition, MyBMWAPIError, MyBMWQuotaError

from bmw2mqtt.accounts.mybmw.auth.attempts import LoginAttempts
from bmw2mqtt.accounts.mybmw.auth.authentication import Authentication
from bmw2mqtt.accounts.mybmw.library.http_errors import NEVER_SENT, UNREADABLE, blocked, quota_error
from bmw2mqtt.accounts.mybmw.library.request_hook import count
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.config import Location
from bmw2mqtt.config import MyBmwSettings as AccountSettings
from bmw2mqtt.vehicle.errors import AccountError, BadAnswer, NoConnection, Unreachable

log = structlog.get_logger(__name__)

_UNAUTHORIZED, _FORBIDDEN = 401, 403


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


_CAPTCHA = "https://bimmer-connected.readthedocs.io/en/stable/captcha"


def captcha_page(region: str) -> str | None:
    """Return where a person solves BMW's captcha; China has none."""
    return None if region == "china" else f"{_CAPTCHA}/{region}.html"


def captcha_form(region: str) -> str | None:
    """Return the same page as a form that POSTs the token to its `redirect_uri`."""
    return None if region == "china" else f"{_CAPTCHA}/{region}_form.html"


def make_account(
    settings: AccountSettings, tls: ssl.SSLContext, memory: StateFile
) -> tuple[MyBMWAccount, Authentication]:
    """Make the library's account; nothing is sent yet.

    Args:
        settings: credentials, region, server.
        tls: the one context for every request; building one costs more than a poll.
        memory: where refused logins are written down.
    """
    region: Any = AccountRegion.register(Regions[settings.region.upper()], settings.server)
    captcha = settings.captcha_token
    authentication = Authentication(
        settings.username, settings.password.get_secret_value(), region, verify=tls
    )
    authentication.guard = LoginAttempts(memory, settings)
    authentication.captcha_page = captcha_page(settings.region)
    authentication.give_captcha(captcha.get_secret_value() if captcha else None)
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
def translated() -> Iterator[None]:
    """Turn the library's errors into ours, with a sentence a person can act on.

    What goes wrong while logging in is ours already, see `login`.
    """
    try:
        yield
    except MyBMWQuotaError as error:
        raise quota_error(str(error)) from error
    except MyBMWAPIError as error:
        raise _api_error(error) from error
    except httpx.RequestError as error:
        if not isinstance(error, NEVER_SENT):
            count(None)
        raise _request_error(error) from error
    except UNREADABLE as error:
        raise BadAnswer(
            f"BMW sent an answer that cannot be read ({type(error).__name__}); trying again"
        ) from error


def _api_error(error: MyBMWAPIError) -> AccountError:
    cause = error.__cause__
    if not isinstance(cause, httpx.HTTPStatusError):
        return Unreachable("BMW's server is out of order (no status); trying again")
    if block := blocked(cause.response):
        return block
    status = cause.response.status_code
    if status == _UNAUTHORIZED:
        return Unreachable("BMW does not accept its own new login (HTTP 401); trying again")
    if status == _FORBIDDEN:
        return Unreachable("BMW refuses to tell (HTTP 403); trying again")
    return Unreachable(f"BMW's server is out of order (HTTP {status}); trying again")


def _request_error(error: httpx.RequestError) -> Unreachable:
    if not isinstance(error, NEVER_SENT):
        return Unreachable(f"BMW's server does not answer ({type(error).__name__}); trying again")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NoConnection(
            "BMW's certificate is not trusted: check this machine's clock and CA certificates,"
            " and ca_file if you set it; trying again"
        )
    return NoConnection(
        f"BMW's server cannot be reached ({type(error).__name__}: {error}); trying again"
    )
