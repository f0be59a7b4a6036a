"""What a backend is: an interface of BMW's that accounts can use."""

import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from bmw2mqtt.accounts.account import Account, AccountListener
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import AccountSettings
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.vehicle.account import BackendTraits
from bmw2mqtt.vehicle.snapshot import Vehicle

SettingsT = TypeVar("SettingsT", bound=AccountSettings)
SettingsT_contra = TypeVar("SettingsT_contra", bound=AccountSettings, contravariant=True)


class Terminal(NamedTuple):
    """The person at the command line."""

    ask: Callable[[str], str]
    """Prints a prompt and returns what the person typed."""
    say: Callable[[str], None]
    """Prints a line."""

    def show_code(self, url: str, user_code: str, expires_at: datetime | None = None) -> None:
        """Print what to do with a code of BMW's."""
        until = f" (until {expires_at.astimezone():%H:%M})" if expires_at else ""
        self.say(f"1. Open {url}\n2. Log in, check that it shows {user_code}{until}, and confirm")
        self.say("3. Wait for BMW's success page …")


class AccountFactory(Protocol[SettingsT_contra]):
    """Builds an account; nothing is sent before it runs."""

    def __call__(
        self,
        name: str,
        settings: SettingsT_contra,
        *,
        store: Store,
        listener: AccountListener,
        tls: ssl.SSLContext,
    ) -> Account:
        """Return the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend(Generic[SettingsT]):
    """All that differs between two backends. Its functions import libraries when they are called.

    Attributes:
        traits: its name, and what its accounts can do.
        settings: the class of its accounts' settings.
        entities: returns the table of what a car may have.
        make_account: builds an account.
        try_login: checks whether BMW accepts the login, and returns a sentence about it; raises
            `AccountError`. Gets the account's name and settings.
        log_in: logs in with a person's help and stores the tokens; else like `try_login`.
        ask_for_token: asks a person for the captcha's token, before a login that needs one;
            `None` if none is needed.
    """

    traits: BackendTraits
    settings: type[SettingsT]
    entities: Callable[[], tuple[Entity[Vehicle], ...]]
    make_account: AccountFactory[SettingsT]
    try_login: Callable[[str, SettingsT, Store, ssl.SSLContext], Coroutine[Any, Any, str]]
    log_in: Callable[[str, SettingsT, Store, ssl.SSLContext, Terminal], Coroutine[Any, Any, str]]
    ask_for_token: Callable[[SettingsT, Terminal], str | None] = lambda _, __: None
