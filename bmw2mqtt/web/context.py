"""The parts of the running daemon that the page uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.history.service import History
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Statistics
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.removal import Removal
from bmw2mqtt.web.setup.service import Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The parts of the daemon that the page reads or controls."""

    accounts: Mapping[str, Account]
    """Accounts by name; empty while the daemon starts."""
    devices: DeviceRegistry
    topics: Topics
    commands: Commands
    statistics: Statistics
    settings: Settings
    is_connected: Callable[[], bool]
    """Whether the broker is connected."""
    history_file: Path | None = None
    """The history of the cars; `None`: nothing is recorded."""
    history: History | None = None
    """Writes what a person changes in it."""
    retained: Callable[[str], bytes | None] = lambda _: None
    """Returns what the bridge retains on a topic."""
    broker_problem: Callable[[], str | None] = lambda: None
    """Why the broker is not connected, if it is known."""
    removal: Removal | None = None
    """Removes everything from the broker; `None`: the page does not offer it."""
    setup: Setup | None = None
    """The setup in the browser; `None`: the page has none."""

    @property
    def broker(self) -> str:
        """The broker's address, `host:port`."""
        return f"{self.settings.mqtt.host}:{self.settings.mqtt.port}"
