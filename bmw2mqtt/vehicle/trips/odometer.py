"""Odometer readings: which of them are true.

Some cars and BMW's REST answers switch between kilometres and miles without saying so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.trips import rules
from bmw2mqtt.vehicle.trips.observation import Measured


@dataclass(slots=True)
class Odometer:
    """The last true reading, and one that waits for a second that confirms it."""

    km: float | None = None
    at: datetime | None = None
    """When it was measured last."""
    doubtful: Measured[float] | None = None
    other_unit: int = 0
    """Readings in a row that fit only in the other unit."""

    def accept(self, km: float, at: datetime) -> float | None:
        """Return the kilometres driven since the last true reading; `None` if it tells nothing."""
        if km <= 0:  # a missing one, in one of the backends
            return None
        if self.km is None or self.at is None:
            self._set(km, at)
            return None
        if at < self.at:
            return None
        if self._is_step(km - self.km, at - self.at):
            self.doubtful, self.other_unit = None, 0
            return self._step_to(km, at, rules.ODOMETER_STEP_KM)
        factor = self._factor(km)
        return self._confirm(km, at) if factor is None else self._convert(km, factor, at)

    def _is_step(self, step: float, elapsed: timedelta) -> bool:
        hours = elapsed / timedelta(hours=1)
        return (
            -rules.ODOMETER_STEP_KM
            <= step
            <= min(rules.BIG_STEP_KM, rules.NEAR_KM + rules.MAX_SPEED_KMH * hours)
        )

    def _step_to(self, km: float, at: datetime, least: float) -> float | None:
        assert self.km is not None  # noqa: S101 - the caller compared with it
        step = km - self.km
        if step < least:
            if step == 0:
                self.at = at
            return None
        self._set(km, at)
        return step

    def _factor(self, km: float) -> float | None:
        """Return what turns it into the unit of the last reading, if it fits there."""
        assert self.km is not None  # noqa: S101 - the caller compared with it
        for factor in (rules.MILES, 1 / rules.MILES):
            if -3 * rules.ODOMETER_STEP_KM <= round(km * factor) - self.km <= rules.NEAR_KM:
                return factor
        return None

    def _convert(self, km: float, factor: float, at: datetime) -> float | None:
        """Use a reading in the other unit; after many in a row the first one was wrong."""
        self.doubtful = None
        self.other_unit += 1
        if self.other_unit >= rules.SCALE_READINGS:
            self._set(km, at)
            return None
        readings = self.other_unit
        # both are whole numbers: a smaller step may come from rounding a mile
        step = self._step_to(round(km * factor), at, 3 * rules.ODOMETER_STEP_KM)
        self.other_unit = readings
        return step

    def _confirm(self, km: float, at: datetime) -> float | None:
        """Believe an unlikely reading once a second one is near it."""
        assert self.km is not None  # noqa: S101 - the caller compared with it
        doubtful = self.doubtful
        if doubtful is not None and at > doubtful.at and 0 <= km - doubtful.value <= rules.NEAR_KM:
            step = km - self.km
            self._set(km, at)
            return step if step >= rules.ODOMETER_STEP_KM else None
        if doubtful is None or at > doubtful.at:
            self.doubtful = Measured(km, at)
        return None

    def _set(self, km: float, at: datetime) -> None:
        self.km, self.at = km, at
        self.doubtful, self.other_unit = None, 0
