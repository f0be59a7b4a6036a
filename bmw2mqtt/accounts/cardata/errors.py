"""What CarData refuses, where the project's own errors do not say enough.

LoginRequired
└── LoginFailed        a login came to nothing: no new code before a person asks
AccountError
├── RequestRefused            REST says no, with one of its own codes
└── Unreachable
    └── ServerFault        REST says that it is out of order itself
"""

from enum import StrEnum

from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, Unreachable


class LoginFailure(StrEnum):
    """Why a login came to nothing."""

    REFUSED = "refused"
    """BMW does not even give a code, or does not take it."""
    UNKNOWN_CLIENT = "unknown_client"
    MISSING_SCOPE = "missing_scope"
    """The client lacks a service."""
    DECLINED = "declined"
    EXPIRED = "expired"
    """Nobody confirmed the code in time."""
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
        """BMW's own words, for whoever looks a name up in them."""


class ServerFault(Unreachable):
    """REST is out of order; BMW also says so of a container whose descriptors it does not like."""

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(message)
        self.code = code
