"""Detects that a car has ended a trip, from its readings alone."""

from datetime import datetime, timedelta
from typing import Final

from bmw2mqtt.accounts.cardata.telemetry.descriptors import IS_MOVING, TRAVELLED_DISTANCE
from bmw2mqtt.accounts.cardata.telemetry.position import PositionFix, distance_km
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings

STANDING: Final = timedelta(minutes=10)
"""A car that has not moved for so long has ended its trip; while driving a position comes every few
minutes, and some cars report once, at the end."""
MOVED_KM: Final = 0.5
LEFT_PLACE_KM: Final = 0.1


class TripEndDetector:
    """Follows the odometer, the position and BMW's own word of one car."""

    def __init__(self, readings: VehicleReadings, now: datetime) -> None:
        """Begin with a parked car: earlier readings are no trip."""
        self._readings = readings
        self._odometer_km: float | None = None
        self._place: PositionFix | None = None
        self._moving_at: datetime | None = None
        self._moved_at: datetime | None = None
        self.check(now)
        self.reset()

    def reset(self) -> None:
        """Forget the trip."""
        self._moved_at = None

    def check(self, now: datetime) -> datetime | None:
        """Return when the car's trip ended; `None`: there is none, or it still drives."""
        for at in (self._odometer_at(), self._place_at(), self._moving_word_at()):
            if at is not None:
                self._moved_at = max(self._moved_at or at, min(at, now))
        moved_at = self._moved_at
        if moved_at is None:
            return None
        stopped_at = self._stopped_at()
        if stopped_at is not None and stopped_at >= moved_at:
            return min(stopped_at, now)
        return moved_at if now - moved_at >= STANDING else None

    def _odometer_at(self) -> datetime | None:
        before, km = self._odometer_km, self._readings.odometer_km
        if km is None or (before is not None and abs(km - before) < MOVED_KM):
            return None
        self._odometer_km = km
        reading = self._readings.view.get(TRAVELLED_DISTANCE)
        is_corrected = before is not None and km < before
        return None if reading is None or is_corrected else reading.measured_at

    def _place_at(self) -> datetime | None:
        before, place = self._place, self._readings.position
        if place is None or (before is not None and distance_km(before, place) < LEFT_PLACE_KM):
            return None
        self._place = place
        return place.measured_at

    def _moving_word_at(self) -> datetime | None:
        moving = self._readings.view.get(IS_MOVING)
        if moving is None or moving.value is not True or moving.measured_at == self._moving_at:
            return None
        self._moving_at = moving.measured_at
        return moving.measured_at

    def _stopped_at(self) -> datetime | None:
        moving = self._readings.view.get(IS_MOVING)
        return moving.measured_at if moving is not None and moving.value is False else None
