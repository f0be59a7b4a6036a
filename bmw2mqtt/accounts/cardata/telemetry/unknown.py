"""When values were known that a car no longer knows: what they had replaced stays replaced."""

from datetime import datetime

from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER
from bmw2mqtt.vehicle.snapshot import Reading


class UnknownValues:
    """The times of one car's unknown values, whatever order its messages come in."""

    def __init__(self) -> None:
        """Begin without any."""
        self.known_at: dict[str, datetime] = {}
        """When the last known values of readings that are unknown now were measured."""
        self._reported: dict[str, datetime] = {}
        """When the car reported of values that were never known that it does not know them."""

    def replace(self, name: str, known: Reading | None, reading: Reading) -> None:
        """Note that a reading replaces another one."""
        if reading.value is not None:
            self.known_at.pop(name, None)
        elif known is not None and known.value is not None and known.measured_at is not None:
            self.known_at[name] = known.measured_at

    def note_known(self, name: str, at: datetime) -> bool:
        """Note when an unknown value was known; return whether that is later than so far known."""
        if at <= self.known_at.get(name, NEVER):
            return False
        self.known_at[name] = at
        return True

    def report(self, name: str, at: datetime) -> None:
        """Note that a value which was never known is unknown."""
        self._reported[name] = max(at, self._reported.get(name, NEVER))

    def pop_reported(self, name: str) -> datetime:
        """Return and forget when a value that becomes known now was reported unknown."""
        return self._reported.pop(name, NEVER)
