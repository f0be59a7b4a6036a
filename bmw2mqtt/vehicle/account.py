"""One BMW account at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

NEW_LOGIN_FAILED: Final = "the new login failed: "
"""Beginning of the message after a new login has failed while the existing one still works."""


class LoginKind(StrEnum):
    """What a person does to log in."""

    CAPTCHA = "captcha"
    """Solves BMW's captcha and pastes its token."""
    DEVICE_CODE = "device_code"
    """Confirms a code on BMW's own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTraits:
    """What the accounts of a backend can do."""

    name: str
    """The word in the settings, such as `mybmw`."""
    title: str
    """Its name for people."""
    login: LoginKind
    has_commands: bool = False
    """Whether its cars can be sent commands."""
    lists_capabilities: bool = False
    """Whether BMW lists what each car can report, so that its entities need no first value."""
    has_quota: bool = False
    """Whether BMW limits the number of requests, and the account counts what is left."""
    has_stream: bool = False
    """Whether BMW sends new values by itself over a connection that stays open."""


class AccountStatus(StrEnum):
    """The status of an account with BMW."""

    STARTING = "starting"
    OK = "ok"
    LOGIN_REQUIRED = "login_required"
    BLOCKED = "blocked"
    QUOTA_EXCEEDED = "quota_exceeded"
    UNREACHABLE = "unreachable"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Everything published about an account."""

    name: str
    backend: BackendTraits
    status: AccountStatus = AccountStatus.STARTING
    message: str | None = None
    """One sentence that a person can act on; `None` when there is nothing to do."""
    login_url: str | None = None
    """The page where a person logs in or solves the captcha."""
    login_form_url: str | None = None
    """The same page; with `?redirect_uri=…` it sends its result to that address by POST."""
    user_code: str | None = None
    expires_at: datetime | None = None
    """When `user_code` stops working."""
    last_update: datetime | None = None
    """When BMW last gave this account current data."""
    next_update: datetime | None = None
    """When the next poll is due; `None` if there is none before a refresh."""
    requests_24h: int = 0
    requests_left: int | None = None
    """Requests left in the budget; `None` without a budget."""
    last_refresh: str | None = None
    """Result of the last refresh in one sentence; `None` before the first."""
    is_polling: bool = True
    paused_at: datetime | None = None
    """When polling was paused; `None` if it is not, or the time is unknown."""
    is_stream_connected: bool | None = None
    """`None` for accounts without a stream."""
    stream_since: datetime | None = None
    """Since when the stream is connected, or not."""
    stream_reason: str | None = None
    """Why the stream is not connected; `None` while it is."""
    last_message_at: datetime | None = None
    """When the stream last brought a message about a car."""

    @property
    def is_login_required(self) -> bool:
        """Whether a person has to log in first."""
        return self.status is AccountStatus.LOGIN_REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedData:
    """What BMW's stream has brought of one car."""

    last: Mapping[str, date]
    """By descriptor, the day on which it last arrived."""
    since: date | None = None
    """The day since which arrivals are recorded; `None`: not yet."""
    is_silent: bool = False
    """Whether nothing has arrived although the login is a day old."""
