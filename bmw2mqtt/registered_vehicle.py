"""One car of the device registry."""

from collections.abc import Mapping
from dataclasses import dataclass

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.mqtt.device import Device
from bmw2mqtt.vehicle.commands import Executor
from bmw2mqtt.vehicle.snapshot import Vehicle


@dataclass(slots=True, eq=False, kw_only=True)
class RegisteredVehicle:
    """One car: its account, its last snapshot, and the device that publishes it."""

    account: str
    vehicle: Vehicle
    device: Device[Vehicle]
    is_read_only: bool
    configured_name: str | None
    accounts: Mapping[str, Account]

    @property
    def executor(self) -> Executor | None:
        """What carries out commands; `None`: its account has none."""
        return self.accounts[self.account].executor

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.configured_name or self.vehicle.model

    @property
    def is_available(self) -> bool:
        """Whether what is known of it is current."""
        return self.device.is_available
