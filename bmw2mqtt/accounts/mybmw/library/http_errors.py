"""What BMW's answers mean, whoever got them: a block, a quota."""

import re
from datetime import timedelta

import httpx

from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.vehicle.errors import Blocked, QuotaExceeded

_BLOCKED, _FORBIDDEN, _TOO_MANY = 489, 403, 429
_REPLENISHED = re.compile(r"replenished in (\d{1,3}):(\d{2}):(\d{2})")
_SECONDS = re.compile(r"in (\d{1,5}) second")
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""What is raised before a request has left."""

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What the library raises over an answer it did not expect."""


def blocked(response: httpx.Response) -> Blocked | None:
    """Return an error if BMW refuses this client as such (HTTP 489 "Blocked")."""
    if response.status_code != _BLOCKED:
        return None
    return Blocked(
        "BMW blocks third parties on the app API since 2025-09-29; "
        "in the EU and UK use backend cardata; trying again in some hours"
    )


def quota_exceeded(response: httpx.Response) -> QuotaExceeded | None:
    """Return an error if BMW counts too many requests: 429, or 403 with the word quota."""
    is_quota = response.status_code == _FORBIDDEN and "quota" in response.text.lower()
    if is_quota or response.status_code == _TOO_MANY:
        return quota_error(response.text)
    return None


def quota_error(text: str) -> QuotaExceeded:
    """Read when BMW answers again: "replenished in HH:MM:SS", "try again in 15 seconds"."""
    if match := _REPLENISHED.search(text):
        hours, minutes, seconds = (int(part) for part in match.groups())
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        message = f"BMW's request quota is used up for {wait}; waiting until then"
    elif match := _SECONDS.search(text):
        wait = timedelta(seconds=int(match[1]))
        message = "BMW counts too many requests in a moment; waiting as long as it asks for"
    else:
        return QuotaExceeded("BMW's request quota is used up; trying again later")
    return QuotaExceeded(message, utc_now() + wait)
