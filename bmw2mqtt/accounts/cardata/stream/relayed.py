"""BMW's stream as another program passes it on, in the place of a connection to BMW."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.relay_input import RelayInput
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.errors import AccountError


class Stream(Protocol):
    """Where an account's stream messages come from."""

    since: datetime | None
    """Since when it is connected, or not; `None` before the first attempt."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can come."""

    @property
    def problem(self) -> AccountError | None:
        """What to report to the owner; `None` while all is well."""

    @property
    def disconnect_reason(self) -> str | None:
        """Why it is not connected, if that is known."""

    def use(self, tokens: OAuthTokens | None) -> None:
        """Use this login from now on; `None`: disconnect."""

    async def run(self) -> None:
        """Pass on messages until cancelled."""


class RelayedStream:
    """The messages of another program; it needs no login, and no connection to BMW.

    Pausing has no effect on it: what is paused are connections and requests to BMW.
    """

    problem = None
    """Without the broker nothing can be reported anyway."""

    def __init__(
        self,
        on_message: Callable[[str, bytes, bool], None],
        on_change: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare it; `relay` has to be set before `run`.

        `on_message` gets topic and payload, and whether the message was retained.
        """
        self.relay: RelayInput | None = None
        self.is_connected = False
        self.since: datetime | None = None
        self._bug_logger = BugLogger()
        self._on_message = on_message
        self._on_change = on_change
        self._now = now

    @property
    def disconnect_reason(self) -> str | None:
        """Why it is not connected."""
        return None if self.is_connected else "no subscription at the MQTT broker"

    def use(self, tokens: OAuthTokens | None) -> None:
        """Do nothing: the login is for requests only."""

    async def run(self) -> None:
        """Pass on messages until cancelled."""
        if self.relay is None:
            return
        close = self.relay.open(self)
        try:
            await asyncio.Event().wait()
        finally:
            close()

    def relay_message(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Record a message."""
        try:
            self._on_message(topic, payload, is_retained)
        except Exception:  # a bug with one message must not end the broker's connection
            self._bug_logger.exception("stream_message_crashed")

    def relay_changed(self, *, is_available: bool) -> None:
        """Record whether messages can come."""
        if self.since is None or self.is_connected is not is_available:
            self.is_connected, self.since = is_available, self._now()
        self._on_change()
