"""Translate the library's errors, and BMW's answers behind them, into `AccountError`s."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import structlog
from bimmer_connected.models import MyBMWAPIError, MyBMWQuotaError, MyBMWRemoteServiceError

from bmw2mqtt.accounts.mybmw.library.request_hook import count
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.local_time import local_time
from bmw2mqtt.network_errors import describe_network_error
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    Blocked,
    NoConnection,
    QuotaExceeded,
    Unreachable,
)

log = structlog.get_logger(__name__)

_BLOCKED, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 489, 401, 403, 429
_REPLENISHED = re.compile(r"replenished in (\d{1,3}):(\d{2}):(\d{2})")
_SECONDS = re.compile(r"in (\d{1,5}) second")
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""What is raised before a request was sent."""

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What the library raises for an answer it did not expect."""


@contextmanager
def translated() -> Iterator[None]:
    """Translate the library's errors, with a message that an owner can act on.

    Errors of a login are `AccountError`s already and pass through, see `Authentication`. So does
    the library's error about a car's answer to a command, see `commands.py`.
    """
    try:
        yield
    except MyBMWRemoteServiceError:
        raise
    except MyBMWQuotaError as error:
        raise quota_error(str(error)) from error
    except MyBMWAPIError as error:
        raise _api_error(error) from error
    except httpx.RequestError as error:
        if not isinstance(error, NEVER_SENT):
            count(None)
        raise _request_error(error) from error
    except UNREADABLE as error:
        log.debug("answer_not_read", error=type(error).__name__)
        raise BadAnswer("BMW sent an answer that cannot be read; trying again") from error


def blocked(response: httpx.Response) -> Blocked | None:
    """Return an error if BMW refuses third-party clients (HTTP 489 "Blocked")."""
    if response.status_code != _BLOCKED:
        return None
    return Blocked(
        "BMW blocks third parties on the app API since 2025-09-29; "
        "in the EU and UK use backend cardata; trying again in some hours"
    )


def quota_exceeded(response: httpx.Response) -> QuotaExceeded | None:
    """Return an error if BMW reports too many requests: 429, or 403 with the word quota."""
    is_quota = response.status_code == _FORBIDDEN and "quota" in response.text.lower()
    if is_quota or response.status_code == _TOO_MANY:
        return quota_error(response.text)
    return None


def quota_error(text: str) -> QuotaExceeded:
    """Read when BMW answers again: "replenished in HH:MM:SS", "try again in 15 seconds"."""
    if match := _REPLENISHED.search(text):
        hours, minutes, seconds = (int(part) for part in match.groups())
        retry_at = utc_now() + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        message = f"BMW's request quota is used up until {local_time(retry_at)}; waiting until then"
    elif match := _SECONDS.search(text):
        retry_at = utc_now() + timedelta(seconds=int(match[1]))
        message = f"BMW reports too many requests and answers again at {local_time(retry_at)}"
    else:
        return QuotaExceeded("BMW's request quota is used up; trying again later")
    return QuotaExceeded(message, retry_at)


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
        return Unreachable("BMW refuses the request (HTTP 403); trying again")
    return Unreachable(f"BMW's server is out of order (HTTP {status}); trying again")


def _request_error(error: httpx.RequestError) -> Unreachable:
    reason = describe_network_error(error)
    if not isinstance(error, NEVER_SENT):
        return Unreachable(f"BMW's server does not answer ({reason}); trying again")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NoConnection(
            "BMW's certificate is not trusted: check this machine's clock and CA certificates,"
            " and ca_file if you set it; trying again"
        )
    return NoConnection(
        f"BMW's server cannot be reached ({reason}); check this machine's network and DNS; trying"
        " again"
    )
