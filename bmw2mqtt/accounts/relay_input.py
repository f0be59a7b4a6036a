"""BMW's stream messages that another program publishes on the owner's broker.

Accounts never see MQTT: the bridge passes on what comes, an account says what it does with it.
"""

from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

MAX_WAITING: Final = 200
"""Topics of which the last message is kept until the account reads."""
MAX_MESSAGE_BYTES: Final = 256 * 1024


class RelayHandler(Protocol):
    """What an account does with the messages."""

    def relay_message(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Record a message; `is_retained`: it was published before, nobody knows when."""

    def relay_changed(self, *, is_available: bool) -> None:
        """Called when the broker has confirmed the subscription, or the connection is lost."""


class RelayInput:
    """The messages for one account.

    The broker delivers what it retains once, and that may be before the account runs. So until
    somebody reads, the last message of each topic is kept.
    """

    def __init__(self, prefix: str) -> None:
        """Prepare; `prefix` is that of the topics, with the slash at its end."""
        self.prefix = prefix
        self.is_available = False
        """Whether there is a subscription."""
        self._handler: RelayHandler | None = None
        self._waiting: dict[str, tuple[bytes, bool]] = {}

    @property
    def filter(self) -> str:
        """Return what to subscribe to."""
        return f"{self.prefix}#"

    def receive(self, topic: str, payload: bytes, *, is_retained: bool) -> bool:
        """Take a message; return whether it is one of these topics."""
        if not topic.startswith(self.prefix):
            return False
        if self._handler is not None:
            self._handler.relay_message(topic, payload, is_retained=is_retained)
        elif len(payload) <= MAX_MESSAGE_BYTES and (
            topic in self._waiting or len(self._waiting) < MAX_WAITING
        ):
            self._waiting[topic] = payload, is_retained
        return True

    def set_available(self, *, is_available: bool) -> None:
        """Record whether there is a subscription."""
        self.is_available = is_available
        if self._handler is not None:
            self._handler.relay_changed(is_available=is_available)

    def open(self, handler: RelayHandler) -> Callable[[], None]:
        """Pass on what has come and all that comes, until the returned function is called."""
        self._handler = handler
        waiting, self._waiting = self._waiting, {}
        handler.relay_changed(is_available=self.is_available)
        for topic, (payload, is_retained) in waiting.items():
            handler.relay_message(topic, payload, is_retained=is_retained)
        return self._close

    def _close(self) -> None:
        self._handler = None


@runtime_checkable
class RelayReader(Protocol):
    """An account that can read its stream from there."""

    def read_relay(self, relay: RelayInput) -> None:
        """Read from there; called before `run`."""
