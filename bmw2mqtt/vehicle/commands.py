"""Commands to a car as small typed values, and their results.

A backend turns a command into BMW's request; nothing else knows that request.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.deadline import Deadline
from bmw2mqtt.vehicle.snapshot import ChargingMode


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
    """Send a destination to the navigation system; fields that are `None` are not sent."""

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
"""Later, the person who wanted the car open has left or opened it in another way."""


def fresh_for_s(command: Command) -> float:
    """Return how long after its receipt a command may still be sent to BMW."""
    return UNLOCK_FRESH_FOR_S if command is Action.UNLOCK else FRESH_FOR_S


class EventType(StrEnum):
    """The result of a command."""

    EXECUTED = "executed"
    FAILED = "failed"
    """BMW or the car refused it."""
    REJECTED = "rejected"
    """The bridge refused it: BMW did not get the command."""
    TIMED_OUT = "timed_out"
    """BMW accepted it, but never confirmed that the car carried it out."""
    IGNORED = "ignored"
    """There was nothing to do."""


class Reason(StrEnum):
    """Why a command was not executed; automations rely on these words."""

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
"""With these statuses a request would fail again and prolong the refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a command ended."""

    event_type: EventType
    reason: Reason | None = None
    message: str | None = None
    """One sentence for a person."""


EXECUTED = CommandResult(event_type=EventType.EXECUTED)


class Executor(Protocol):
    """The part of an account that carries out commands."""

    def refusal(self, vin: str, command: Command) -> CommandResult | None:
        """Return why the command cannot be sent now, `None` if it can; sends no request."""

    async def execute(self, vin: str, command: Command, deadline: Deadline) -> CommandResult:
        """Carry out a command; never raises for errors of BMW.

        The deadline is checked last when the request that carries the command is sent. After it
        the result is `expired`, and the car never gets the command.
        """

    def needs_refresh(self, command: Command) -> bool:
        """Whether this command changes what the car reports."""

    def settling_s(self) -> float:
        """Return how many seconds BMW needs before its data shows the result of a command."""

    async def refresh_vehicle(self, vin: str) -> None:
        """Request one car's state; never raises for errors of BMW."""
