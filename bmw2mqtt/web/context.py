"""What the page looks at: the parts of the running bridge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The parts of the bridge that the page shows or drives."""

    accounts: Mapping[str, Account]
    """Those that have been made; empty in the first moments."""
    fleet: DeviceRegistry
    commands: Commands
    statistics: Statistics
    broker: str
    """Where the broker is, `host:port`."""
    is_connected: Callable[[], bool]
    """Whether the broker is there."""
