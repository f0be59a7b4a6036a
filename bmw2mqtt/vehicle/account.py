"""One BMW account at one moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

NEW_LOGIN_FAILED: Final = "the new login came to nothing: "
"""How the message begins when a login beside a good one has failed, until the next one."""


class LoginKind(StrEnum):
    """What a person does to log in."""

    CAPTCHA = "captcha"
    """Solves BMW's captcha and pastes its token."""
    DEVICE_CODE = "device_code"
    """Confirms a code on BMW's own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTraits:
    """What an account can do, whatever the interface of BMW that it uses."""

    name: str
    """The word in the settings, such as `mybmw`."""
    title: str
    """Its name for people."""
    login: LoginKind
    has_commands: bool = False
    """Whether its cars can be sent commands."""
    has_quota: bool = False
    """Whether BMW limits the number of requests, and the account counts what is left."""
    has_stream: bool = False
    """Whether BMW sends new values by itself over a connection that stays open."""


class AccountStatus(StrEnum):
    """The state of an account's connection with BMW."""

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
    """What a person wants to know about an account."""

    name: str
    backend: BackendTraits
    status: AccountStatus = AccountStatus.STARTING
    message: str | None = None
    """One sentence that a person can act on; `None` when there is nothing to do."""
    login_url: str | None = None
    """The page on which a person logs in or solves the captcha."""
    login_form_url: str | None = None
    """The same page in a form that, with `?redirect_uri=…`, POSTs its result to that address."""
    user_code: str | None = None
    expires_at: datetime | None = None
    """When `user_code` stops working."""
    last_update: datetime | None = None
    """When BMW last gave this account current data."""
    next_update: datetime | None = None
    """When BMW will be asked next; `None` if only on request."""
    requests_24h: int = 0
    requests_left: int | None = None
    """What is left of the budget; `None` where BMW gives none."""
    is_polling: bool = True

    @property
    def is_login_required(self) -> bool:
        """Whether nothing goes on before a person has logged in."""
        return self.status is AccountStatus.LOGIN_REQUIRED
