"""Positions: which of them are true, and how far the car went between them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.trips import rules
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.places import Coordinates


@dataclass(slots=True)
class Fixes:
    """The last true position, and one too far away that waits for a second near it."""

    last: Measured[Coordinates] | None = None
    doubtful: Measured[Coordinates] | None = None

    def accept(self, place: Coordinates, at: datetime) -> float | None:
        """Return the metres from the last true position (0 for the first); `None` if untrue.

        The first position of a burst can be an old, far one, and single ones jump.
        """
        if abs(place.latitude) < 1e-6 and abs(place.longitude) < 1e-6:  # noqa: PLR2004 - ten cm
            return None
        if self.last is not None and at < self.last.at:
            return None
        fix = Measured(place, at)
        if self.last is None:
            self.last = fix
            return 0.0
        if _is_possible(self.last, fix):
            metres = self.last.value.distance_m(place)
            self.last, self.doubtful = fix, None
            return metres
        doubtful = self.doubtful
        if doubtful is not None and at > doubtful.at and _is_possible(doubtful, fix):
            self.last, self.doubtful = fix, None
            return 0.0
        self.doubtful = fix
        return None


def _is_possible(one: Measured[Coordinates], other: Measured[Coordinates]) -> bool:
    metres = one.value.distance_m(other.value)
    hours = (other.at - one.at) / timedelta(hours=1)
    return metres <= rules.STEP_M + rules.MAX_SPEED_KMH * 1000 * hours
