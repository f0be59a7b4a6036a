"""What a car can be told, as small typed values.

A backend turns one into BMW's request; nobody else knows what that looks like.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.snapshot import Capabilities, ChargingMode


class Action(StrEnum):
    """Commands without a value."""

    LOCK = "lock"
    UNLOCK = "unlock"
    FLASH_LIGHTS = "flash_lights"
    SOUND_HORN = "sound_horn"
    START_CLIMATE = "start_climate"
    STOP_CLIMATE = "stop_climate"
    START_CHARGING = "start_charging"
    STOP_CHARGING = "stop_charging"
    FIND_VEHICLE = "find_vehicle"


@dataclass(frozen=True, slots=True)
class SetTargetSoc:
    """Charge up to this state of charge."""

    percent: int


@dataclass(frozen=True, slots=True)
class SetAcLimit:
    """Charge with at most this current from an alternating-current plug."""

    ampere: int


@dataclass(frozen=True, slots=True)
class SetChargingMode:
    """Charge at once, or in the owner's window."""

    mode: ChargingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPoi:
    """Send a destination to the navigation system; what is `None` is not sent."""

    latitude: float
    longitude: float
    name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None


Command = Action | SetTargetSoc | SetAcLimit | SetChargingMode | SendPoi


FRESH_FOR_S = 300.0
UNLOCK_FRESH_FOR_S = 60.0
"""Whoever wanted the car open has left, or opened it otherwise."""


def fresh_for_s(command: Command) -> float:
    """Return how long after its receipt a command may still be sent to BMW."""
    return UNLOCK_FRESH_FOR_S if command is Action.UNLOCK else FRESH_FOR_S


_CAPABILITY: Final[Mapping[object, Callable[[Capabilities], bool]]] = {
    Action.LOCK: lambda offered: offered.lock,
    Action.UNLOCK: lambda offered: offered.unlock,
    Action.FLASH_LIGHTS: lambda offered: offered.lights,
    Action.SOUND_HORN: lambda offered: offered.horn,
    Action.START_CLIMATE: lambda offered: offered.climate_start,
    Action.STOP_CLIMATE: lambda offered: offered.climate_state,
    Action.START_CHARGING: lambda offered: offered.charge_start,
    Action.STOP_CHARGING: lambda offered: offered.charge_stop,
    Action.FIND_VEHICLE: lambda offered: offered.find_vehicle,
    SetTargetSoc: lambda offered: offered.target_soc,
    SetAcLimit: lambda offered: offered.ac_limit,
    SetChargingMode: lambda offered: offered.charging_plan,
    SendPoi: lambda offered: offered.send_poi,
}
"""Which of BMW's services a command needs."""


def is_offered(command: Command | type[Command], offered: Capabilities) -> bool:
    """Whether BMW offers a command, or commands of a type, for a car.

    It may offer to lock a car and not to unlock it.
    """
    kind = command if isinstance(command, Action | type) else type(command)
    return _CAPABILITY[kind](offered)


class EventType(StrEnum):
    """What became of a command."""

    EXECUTED = "executed"
    FAILED = "failed"
    """BMW or the car said no."""
    REJECTED = "rejected"
    """Refused here: BMW did not get the command."""
    TIMED_OUT = "timed_out"
    """BMW took it, and nobody knows whether the car did it."""
    IGNORED = "ignored"
    """There was nothing to do."""


class Reason(StrEnum):
    """Why a command was not executed: stable words that automations can rely on."""

    RETAINED = "retained"
    UNKNOWN_VEHICLE = "unknown_vehicle"
    UNKNOWN_ENTITY = "unknown_entity"
    INVALID_PAYLOAD = "invalid_payload"
    UNSUPPORTED = "unsupported"
    READ_ONLY = "read_only"
    IN_PROGRESS = "in_progress"
    QUEUE_FULL = "queue_full"
    EXPIRED = "expired"
    LOGIN_REQUIRED = "login_required"
    QUOTA_EXCEEDED = "quota_exceeded"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    REFUSED_BY_VEHICLE = "refused_by_vehicle"
    BRIDGE_STOPPED = "bridge_stopped"


REASON_OF_STATUS = {
    AccountStatus.LOGIN_REQUIRED: Reason.LOGIN_REQUIRED,
    AccountStatus.QUOTA_EXCEEDED: Reason.QUOTA_EXCEEDED,
    AccountStatus.BLOCKED: Reason.BLOCKED,
}
"""While an account stands so, asking BMW would only make it worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a command ended."""

    event_type: EventType
    reason: Reason | None = None
    message: str | None = None
    """One sentence for a person."""


EXECUTED = CommandResult(event_type=EventType.EXECUTED)


class Executor(Protocol):
    """Carries out the commands of an account's cars."""

    def refusal(self, vin: str, command: Command) -> CommandResult | None:
        """Return why it would not send this command now; costs no request."""

    async def execute(self, vin: str, command: Command, deadline: Deadline) -> CommandResult:
        """Carry out a command; never raises for what BMW does.

        The deadline holds until the request that carries the command leaves, whatever has to be
        waited for before: the outcome is then `expired`, and the car never gets the command.
        """

    def needs_refresh(self, command: Command) -> bool:
        """Whether the car has something new to tell after this command."""

    def settling_s(self) -> float:
        """How long BMW takes to show what a car has done."""

    async def refresh_vehicle(self, vin: str) -> None:
        """Ask BMW about one car; never raises for what BMW does."""
