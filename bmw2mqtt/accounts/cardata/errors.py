"""Errors of CarData that the project's own tree is too coarse for.

LoginRequired
└── LoginFailed        a login failed: no new code before a person asks
    └── CodeExpired        its code was not confirmed in time
AccountError
├── RequestRefused     REST refuses a request, with one of BMW's codes
└── Unreachable
    └── ServerFault        REST reports a fault of its own
"""

from bmw2mqtt.vehicle.errors import AccountError, LoginRequired, Unreachable


class LoginFailed(LoginRequired):
    """A login that a person began, and that has to be begun by a person again."""


class CodeExpired(LoginFailed):
    """The code was not confirmed in time."""


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
