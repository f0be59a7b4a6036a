"""What an account passes on for the record of charging sessions and trips."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bmw2mqtt.vehicle.charging.session import BmwSession, ChargingSession, Phase
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.trips import Coordinates, Measured, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRecord:
    """A finished session of BMW's own charging history."""

    session: BmwSession
    json: str
    """As it came, without places."""
    place: Coordinates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedVehicle:
    """One car at a moment, once a burst of messages has settled or a poll has been answered."""

    vin: str
    at: datetime
    """The time."""
    driving: Observation
    """What the rules about trips read."""
    transitions: tuple[Transition, ...] = ()
    """What happened to its charging since the last time."""
    session: ChargingSession | None = None
    """Its open charging session, else the last one."""
    power_kw: float | None = None
    """The power it charges with now."""
    range_km: float | None = None
    """The electric range, else the whole one."""
    battery_12v_v: Measured[float] | None = None
    """The voltage of the 12 V battery."""


class VehicleRecorder(Protocol):
    """Records what accounts pass on."""

    is_recording: bool
    """Whether anything can be recorded now."""

    def observe(self, observed: ObservedVehicle) -> None:
        """Record what is new of a car."""

    def import_records(self, vin: str, records: tuple[ChargeRecord, ...]) -> None:
        """Merge BMW's own record of a car's charges."""


def charging_sign(session: ChargingSession | None) -> Measured[bool] | None:
    """Return whether a car charges, with the newest time of which that is certain."""
    if session is None:
        return None
    if session.phase is Phase.CHARGING:
        return Measured(True, session.last_evidence_at)  # noqa: FBT003 - the value
    return None if session.end_at is None else Measured(False, session.end_at)  # noqa: FBT003
