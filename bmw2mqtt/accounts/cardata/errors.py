"""Errors of CarData that the project's own tree is too coarse for.

LoginRequired
└── LoginFailed        a login failed: no new code before a person asks
AccountError
├── RequestRefused     REST refuses a request, with one of BMW's codes
└── Unreachable
    └── ServerFault        REST reports a fault of its own
"""

from enum import StrEnum

from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, Unreachable


class LoginFailure(StrEnum):
    """Why a login failed."""

    REFUSED = "refused"
    """BMW issues no code, or does not accept it."""
    UNKNOWN_CLIENT = "unknown_client"
    MISSING_SCOPE = "missing_scope"
    """The client lacks a service."""
    DECLINED = "declined"
    EXPIRED = "expired"
    """The code was not confirmed in time."""
    BMW_FAULT = "bmw_fault"


class LoginFailed(LoginRequired):
    """A login that a person began, and that has to be begun by a person again."""

    def __init__(self, failure: LoginFailure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class RequestRefused(AccountError):  # noqa: N818 - named for what happened
    """REST refuses a request; `code` is BMW's, as `CU-104`, or `None` if it gave none."""

    def __init__(self, code: str | None, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.details = details
        """BMW's answer, which may name a descriptor."""


class ServerFault(Unreachable):
    """REST reports a fault of its own; BMW also does so for a container list that it refuses."""

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(message)
        self.code = code
