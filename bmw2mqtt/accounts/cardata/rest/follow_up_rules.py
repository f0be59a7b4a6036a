"""When one car is worth a REST read between two polls: pure rules, every time is passed in.

A car may begin to charge and report no more, charge for hours in silence, or fall asleep before it
reports what a trip has used. One read then brings what BMW knows.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bmw2mqtt.accounts.cardata.rest.trip_end import TripEndDetector
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.vehicle.charging.constants import EXPECTED_END_READ
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.session import ChargingSession, Phase

BEGAN_WITHOUT_DATA: Final = timedelta(minutes=1)
SILENT_FOR: Final = timedelta(hours=1, minutes=2)
"""An hour and some delay: some cars report once an hour."""
AFTER_TRIP: Final = timedelta(minutes=1)
"""What a car streams at the end of a trip arrives within a minute."""
SPACING: Final = timedelta(hours=1)
"""How far apart two follow-up reads of one car are at least."""


class FollowUpReason(StrEnum):
    """Why a car is read, for the log."""

    CHARGE_BEGAN = "a charge began without data"
    CHARGE_SILENT = "a charge is silent"
    CHARGE_OVER = "a charge should be over"
    TRIP_ENDED = "a trip ended"


class FollowUpRules:
    """Watches one car's charges and trips."""

    def __init__(self, vehicle: CarDataVehicle, now: datetime) -> None:
        """Begin with a parked car."""
        self._vehicle = vehicle
        self._trips = TripEndDetector(vehicle.readings, now)
        self._charge: str | None = None
        """The charge that the next three are about."""
        self._began_at: datetime | None = None
        """When the first news of it arrived; `None` once that has been dealt with."""
        self._over_at: datetime | None = None
        """When it should have been over for a while."""
        self._is_over_read = False

    def check(self, now: datetime) -> FollowUpReason | None:
        """Return why the car is to be read now, if it is; each reason is returned once."""
        trip_ended_at = self._trips.check(now)
        charge = self._running_charge(now)
        if not self._may_read(now):
            return None
        if charge is not None and (reason := self._charge_reason(charge, now)):
            return reason
        if trip_ended_at is None or now < trip_ended_at + AFTER_TRIP:
            return None
        self._trips.reset()
        read_at = self._vehicle.read_at
        return None if read_at and read_at > trip_ended_at else FollowUpReason.TRIP_ENDED

    def due_at(self) -> datetime | None:
        """Return when `check` may next have a reason because of a charge."""
        began_at = self._began_at + BEGAN_WITHOUT_DATA if self._began_at else None
        return min((at for at in (began_at, self._over_at) if at), default=None)

    @property
    def _machine(self) -> ChargingMachine | None:
        tracker = self._vehicle.charging_tracker
        return tracker.machine if tracker else None

    def _may_read(self, now: datetime) -> bool:
        last = self._vehicle.followed_up_at
        return last is None or not timedelta() <= now - last < SPACING

    def _running_charge(self, now: datetime) -> ChargingSession | None:
        """Return the charge that runs, and note its beginning and its expected end."""
        machine = self._machine
        session = machine.session if machine else None
        if machine is None or session is None or session.phase is not Phase.CHARGING:
            self._began_at = self._over_at = None
            return None
        if session.id != self._charge:
            self._charge = session.id
            self._began_at = min(machine.last_received_at or now, now)
            self._is_over_read = False
        expected_end = machine.expected_end
        if expected_end is not None:
            self._over_at = None if self._is_over_read else expected_end + EXPECTED_END_READ
        elif self._over_at is not None and now < self._over_at:
            self._over_at = None  # the car no longer reports when it will be over
        return session

    def _charge_reason(self, charge: ChargingSession, now: datetime) -> FollowUpReason | None:
        if self._over_at is not None and now >= self._over_at:
            self._over_at, self._is_over_read = None, True
            return FollowUpReason.CHARGE_OVER
        if self._began_at is not None and now >= self._began_at + BEGAN_WITHOUT_DATA:
            self._began_at = None
            if not self._has_data(charge, now):
                return FollowUpReason.CHARGE_BEGAN
        received_at = self._machine.last_received_at if self._machine else None
        times = (received_at, self._vehicle.read_at, charge.start_at)
        newest = max(at for at in times if at is not None)
        return FollowUpReason.CHARGE_SILENT if now - newest >= SILENT_FOR else None

    def _has_data(self, charge: ChargingSession, now: datetime) -> bool:
        """Whether the car has reported how the charge goes: its SoC, or its power."""
        read_at = self._vehicle.read_at
        if self._machine is None or (read_at is not None and read_at >= charge.start_at):
            return True
        state = self._machine.state(now)
        is_fresh = state.soc_at is not None and state.soc_at >= charge.start_at
        return is_fresh or state.power_kw is not None
