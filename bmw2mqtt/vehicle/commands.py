"""What a car can be told, as small typed values.

A backend turns one into BMW's request; nobody else knows what that looks like.
"""

from dataclasses import dataclass
from enum import StrEnum

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
    """Send a destination to the navigation system; what is `None` is not sent."""

    latitude: float
    longitude: float
    name: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None


Command = Action | SetTargetSoc | SetAcLimit | SetChargingMode | SendPoi
