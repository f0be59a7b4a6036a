"""Records what one car reports of its battery, tank and odometer, every ten minutes at most."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from bmw2mqtt.history.records import ReadingRecord, Record
from bmw2mqtt.vehicle.observed import ObservedVehicle

READING_EVERY_S: Final = 600


class ReadingRecorder:
    """The readings of one car."""

    def __init__(self, vin: str, put: Callable[[Record], None], last: ReadingRecord | None) -> None:
        """Continue after the last reading of an earlier run; `put` gets each row."""
        self._vin, self._put = vin, put
        self._last = last
        self._waiting: ReadingRecord | None = None

    def update(self, observed: ObservedVehicle) -> None:
        """Record what is new."""
        driving = observed.driving
        values = (driving.odometer_km, driving.soc_percent, driving.fuel_l)
        known = [value for value in values if value is not None]
        if not known:
            return
        odometer, soc, fuel = values
        reading = ReadingRecord(
            vin=self._vin,
            key=int(min(max(value.at for value in known), observed.at).timestamp()),
            odometer_km=odometer.value if odometer else None,
            soc=soc.value if soc else None,
            range_km=observed.range_km,
            fuel_l=fuel.value if fuel else None,
        )
        last = self._waiting or self._last
        if last is not None and _values(reading) == _values(last):
            return
        self._waiting = reading
        self.tick(observed.at)

    def tick(self, now: datetime) -> None:
        """Write the reading that waits, if it is time."""
        reading, last = self._waiting, self._last
        if reading is None:
            return
        if last is None or now.timestamp() - last.key >= READING_EVERY_S:
            self._write(reading)

    def save(self) -> None:
        """Write the reading that waits."""
        if self._waiting is not None:
            self._write(self._waiting)

    def _write(self, reading: ReadingRecord) -> None:
        self._put(reading)
        self._last, self._waiting = reading, None


def _values(reading: ReadingRecord) -> tuple[float | None, ...]:
    return reading.odometer_km, reading.soc, reading.range_km, reading.fuel_l
