"""Every error of the project, in one tree.

    Bmw2MqttError
    ├── ConfigError        the configuration cannot be used as it is
    │   └── StoreInUse         another bmw2mqtt uses data_dir
    ├── StoreError         a file in data_dir cannot be read or written
    ├── AccountError       a request to BMW failed
    │   ├── LoginRequired      a person has to log in
    │   ├── QuotaExceeded      BMW accepts no requests before `retry_at`
    │   ├── Blocked            BMW refuses third parties
    │   ├── Unreachable        no usable answer: outage, time-out
    │   │   ├── NoConnection       no connection: name, network, certificate
    │   │   └── LoginOutage        BMW's login service is out of order
    │   └── BadAnswer          an answer that cannot be parsed
    └── CommandError       a command was not carried out, and why (`reason`)

Errors of libraries are translated where the library is imported, chained with `from`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from bmw2mqtt.vehicle.account import AccountStatus


class Bmw2MqttError(Exception):
    """The root of all errors the bridge raises."""


class ConfigError(Bmw2MqttError):
    """The configuration cannot be used; `problems` has one line per problem, with a remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StoreInUse(ConfigError):  # noqa: N818 - named for what it is
    """Another bmw2mqtt uses `data_dir`."""


class StoreError(Bmw2MqttError):
    """A file in `data_dir` cannot be read or written; the message names it."""


class AccountError(Bmw2MqttError):
    """A request to BMW failed; the message is a sentence a person can act on."""

    status: ClassVar[AccountStatus] = AccountStatus.ERROR
    """The account's status while this is its last result."""


class LoginRequired(AccountError):  # noqa: N818 - named for what has to happen
    """BMW requires a login by a person."""

    status = AccountStatus.LOGIN_REQUIRED


class QuotaExceeded(AccountError):  # noqa: N818 - named for what happened
    """BMW's quota of requests is used up until `retry_at`."""

    status = AccountStatus.QUOTA_EXCEEDED

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Blocked(AccountError):  # noqa: N818 - BMW's own word
    """BMW refuses this client (HTTP 489 "Blocked")."""

    status = AccountStatus.BLOCKED


class Unreachable(AccountError):  # noqa: N818 - named for what happened
    """There is no usable answer: outage, time-out."""

    status = AccountStatus.UNREACHABLE


class NoConnection(Unreachable):
    """There is no connection (name, network, certificate), so retries put no load on BMW."""


class LoginOutage(Unreachable):
    """BMW's login service is out of order; the stored login may still be good."""


class BadAnswer(AccountError):  # noqa: N818 - named for what happened
    """BMW's answer cannot be parsed."""


class CommandError(Bmw2MqttError):
    """A command was not carried out; `reason` is a stable word of docs/automations.md."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


WHOLE_ACCOUNT = (Blocked, LoginOutage, LoginRequired, NoConnection, QuotaExceeded)
"""Errors of a whole account: further requests would fail too."""
