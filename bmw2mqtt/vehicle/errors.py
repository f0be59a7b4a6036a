"""Every error of the project, in one tree.

    Bmw2MqttError
    ├── ConfigError        the configuration cannot be used as it is
    │   └── StoreInUse         another bmw2mqtt uses data_dir
    ├── StoreError         a file in data_dir cannot be read or written
    ├── AccountError       BMW did not give what was asked for
    │   ├── LoginRequired      a person has to act
    │   ├── QuotaExceeded      BMW will answer again at `retry_at`
    │   ├── Blocked            BMW refuses third parties
    │   ├── Unreachable        no usable answer: outage, time-out
    │   │   ├── NoConnection       BMW was not even reached: name, network, certificate
    │   │   └── LoginOutage        BMW's login does not work, so nothing else need be asked
    │   └── BadAnswer          an answer that cannot be understood
    └── CommandError       a command was not carried out, and why (`reason`)

Errors of libraries are translated where the library is imported, chained with `from`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from bmw2mqtt.vehicle.account import AccountStatus


class Bmw2MqttError(Exception):
    """The root: whatever the bridge raises on purpose."""


class ConfigError(Bmw2MqttError):
    """The configuration cannot be used; `problems` has one line each, with place and remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StoreInUse(ConfigError):  # noqa: N818 - named for what it is
    """Another bmw2mqtt uses `data_dir`."""


class StoreError(Bmw2MqttError):
    """A file in `data_dir` cannot be read or written; the message names it."""


class AccountError(Bmw2MqttError):
    """BMW did not give what was asked for; the message is a sentence a person can act on."""

    status: ClassVar[AccountStatus] = AccountStatus.ERROR
    """What the account's status says of it."""


class LoginRequired(AccountError):  # noqa: N818 - named for what has to happen
    """BMW wants a login that only a person can give."""

    status = AccountStatus.LOGIN_REQUIRED


class QuotaExceeded(AccountError):  # noqa: N818 - named for what happened
    """BMW counts requests and the quota is used up; `retry_at` is when BMW answers again."""

    status = AccountStatus.QUOTA_EXCEEDED

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Blocked(AccountError):  # noqa: N818 - BMW's own word
    """BMW refuses this client (HTTP 489 "Blocked")."""

    status = AccountStatus.BLOCKED


class Unreachable(AccountError):  # noqa: N818 - named for what happened
    """BMW gave no usable answer: outage, time-out."""

    status = AccountStatus.UNREACHABLE


class NoConnection(Unreachable):
    """BMW was not even reached, so trying again does not bother it: name, network, certificate."""


class LoginOutage(Unreachable):
    """BMW's login does not work at the moment; that says nothing against the login itself."""


class BadAnswer(AccountError):  # noqa: N818 - named for what happened
    """BMW answered with something that cannot be understood."""


class CommandError(Bmw2MqttError):
    """A command was not carried out; `reason` is a stable word of docs/automations.md."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


WHOLE_ACCOUNT = (Blocked, LoginOutage, LoginRequired, NoConnection, QuotaExceeded)
"""Trouble of a whole account: another request would only make it worse."""
