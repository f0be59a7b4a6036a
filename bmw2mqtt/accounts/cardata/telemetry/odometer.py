"""The odometer of one car: it rises, and falls only if later readings agree on less.

BMW labels miles as kilometres and the other way round for a while, so a step by just that factor
is not a drive.
"""

from dataclasses import dataclass
from datetime import datetime

from bmw2mqtt.accounts.cardata.telemetry.decode import KM_PER_MILE
from bmw2mqtt.accounts.cardata.telemetry.units import unit_that_fits

MAX_KM = 5_000_000
ROUNDING_KM = 2.0
"""A smaller fall is ignored."""
MILE_ROUNDING_KM = 1.0
"""Whole miles are that imprecise."""
GROWTH = 0.25
"""How much farther a car may have driven between two readings, as a share of all it ever did."""
_FACTOR_TOLERANCE = 0.01
_SURE = 3
"""So many readings that agree are contradicted only by as many."""
_RESTORED = 2


@dataclass(slots=True)
class _Rival:
    """Readings that contradict the accepted one but agree with each other."""

    km: float
    measured_at: datetime
    count: int = 1


class OdometerFilter:
    """Judges the readings of one car's odometer."""

    def __init__(self) -> None:
        self.km: float | None = None
        """The accepted reading."""
        self._is_guess = False
        """Whether its unit was never reported."""
        self._support = 0
        """How many readings with a unit agree with it."""
        self._rival: _Rival | None = None

    def restore(self, km: float, *, is_guess: bool) -> None:
        """Restore the reading of an earlier run; several readings may have agreed with it."""
        if 0 <= km <= MAX_KM and km >= (self.km or 0.0):
            self._accept(km, support=1 if is_guess else _RESTORED, is_guess=is_guess)

    def judge(
        self, km: float, measured_at: datetime, *, relabelled_km: float | None = None
    ) -> float | None:
        """Return the mileage that a reading means, or `None` if it must not count (yet).

        Args:
            km: what it says.
            measured_at: when it was measured.
            relabelled_km: what it says if its unit is wrong; `None`: it came without a unit, which
                is why the one that fits was chosen for it.
        """
        known, is_guess = self.km, relabelled_km is None
        if not 0 <= km <= MAX_KM:
            return None
        if known is None:
            return self._accept(km, support=1, is_guess=is_guess)
        if self._is_near(km):
            is_still_guess = self._is_guess and is_guess
            support = self._support + (not is_guess)
            return self._accept(max(km, known), support=support, is_guess=is_still_guess)
        if relabelled_km is not None and self._is_near(relabelled_km):
            if not self._outvotes(km, measured_at, is_guess=is_guess):
                self.km = max(known, round(relabelled_km, 1))
            return self.km
        if km > known and not _is_unit_step(km, known):
            return self._accept(km, support=1, is_guess=is_guess)
        return km if self._outvotes(km, measured_at, is_guess=is_guess) else None

    def without_rounding(self, km: float) -> float:
        """Return the accepted mileage for one in whole miles that means the same."""
        return self.km if self.km is not None and abs(km - self.km) < MILE_ROUNDING_KM else km

    def fitting_unit(self, number: float, *, shown_unit: str) -> str | None:
        """Return the unit in which a number agrees with the accepted reading, if that proves it.

        Numbers without a unit are all taken for what the display shows, and so agree.
        """
        unit = unit_that_fits(number, self.km, growth=GROWTH)
        return None if self._is_guess and unit == shown_unit else unit

    def correct_guess(self, km: float, *, is_trip_end: bool) -> None:
        """Replace a mileage whose unit was only assumed and has been reported since.

        That at the end of an earlier trip was smaller.
        """
        if self._is_guess and (not is_trip_end or km > (self.km or 0.0)):
            self._accept(km, support=1, is_guess=True)

    def _is_near(self, km: float) -> bool:
        """Return whether the car may have driven from the accepted reading to this one."""
        known = self.km or 0.0
        return known - ROUNDING_KM <= km <= known * (1 + GROWTH) + ROUNDING_KM

    def _accept(self, km: float, *, support: int, is_guess: bool) -> float:
        self.km, self._is_guess, self._rival = km, is_guess, None
        self._support = min(support, _SURE)
        return km

    def _outvotes(self, km: float, measured_at: datetime, *, is_guess: bool) -> bool:
        """Count a reading that contradicts the accepted one; accept it if it outweighs that."""
        rival = self._rival
        if rival is None or not rival.km - ROUNDING_KM <= km <= rival.km * (1 + GROWTH):
            rival = self._rival = _Rival(km, measured_at)
        elif measured_at > rival.measured_at:
            rival.count += 1
            rival.km, rival.measured_at = max(km, rival.km), measured_at
        is_rise = km > (self.km or 0.0)
        needed = max(self._support, 2 if is_rise else 1)
        if self._is_guess and not is_guess:
            needed = 1
        if rival.count < needed:
            return False
        self._accept(km, support=rival.count, is_guess=is_guess)
        return True


def _is_unit_step(km: float, known_km: float) -> bool:
    return known_km > 0 and abs(km / known_km / KM_PER_MILE - 1) <= _FACTOR_TOLERANCE
