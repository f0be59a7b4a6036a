"""Whether a vehicle can carry out a command now: checked at its arrival, and before it is sent."""

from typing import Final, Protocol

from bmw2mqtt.entities.base import Entity
from bmw2mqtt.mqtt.device import Device
from bmw2mqtt.vehicle.commands import Command, CommandResult, EventType, Executor, Reason
from bmw2mqtt.vehicle.snapshot import Vehicle

NO_COMMANDS: Final = "read-only: BMW offers no remote commands for this account"


class VehicleHandle(Protocol):
    """One registered vehicle, as commands see it."""

    @property
    def vehicle(self) -> Vehicle:
        """The last snapshot."""

    @property
    def executor(self) -> Executor | None:
        """What carries out commands; `None`: the vehicle's account has none."""

    @property
    def is_read_only(self) -> bool:
        """Whether the vehicle's account is in read-only mode."""

    @property
    def device(self) -> Device[Vehicle]:
        """The device that publishes the vehicle."""


class VehicleLookup(Protocol):
    """All vehicles, as commands see them."""

    def find(self, vin: str) -> VehicleHandle | None:
        """Return the handle of a vehicle; `None`: it is not known."""

    def why_unknown(self, vin: str) -> tuple[Reason, str]:
        """Return why `find` does not know a vehicle: not ours, or BMW has not listed it yet."""


def refusal(
    handle: VehicleHandle, entity: Entity[Vehicle], command: Command | None = None
) -> CommandResult | None:
    """Return why a command cannot be carried out now; `None`: it can. Costs no request.

    Args:
        handle: the vehicle.
        entity: the entity that the command sets.
        command: the command; `None` while its payload is not parsed yet.
    """
    reason, message = None, ""
    if handle.executor is None:
        reason, message = Reason.UNSUPPORTED, NO_COMMANDS
    elif handle.is_read_only and not entity.works_read_only:
        reason, message = Reason.READ_ONLY, "the account is in read-only mode"
    elif not entity.exists(handle.vehicle) or not (
        command is None or entity.offers(handle.vehicle, command)
    ):
        reason, message = Reason.UNSUPPORTED, "BMW does not offer this for the car"
    elif command is not None:
        return handle.executor.refusal(handle.vehicle.vin, command)
    if reason is None:
        return None
    return CommandResult(event_type=EventType.REJECTED, reason=reason, message=message)
