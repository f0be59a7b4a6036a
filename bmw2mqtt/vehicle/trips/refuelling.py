"""Refuelling: a rise of the tank's level that is more than its tolerance."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.trips import rules
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.records import Refuel


@dataclass(slots=True)
class Rise:
    """A tank that is being filled: the highest level of the next minutes counts."""

    before: Measured[float]
    first_at: datetime
    highest: float
    due_at: datetime
    """By the clock of arrival."""
    odometer_km: float | None = None


@dataclass(slots=True)
class TankLevel:
    """The last levels of a tank, in one unit (litres or percent)."""

    recent: list[Measured[float]] = field(default_factory=list)
    """Of the last ten minutes, and the last one before."""
    rise: Rise | None = None

    def add(
        self,
        level: Measured[float],
        least_rise: float,
        received_at: datetime,
        odometer_km: float | None,
    ) -> Rise | None:
        """Add a reading; return a rise that is over because this reading is later."""
        over = None
        if self.rise is not None:
            if level.at <= self.rise.first_at + rules.REFUEL_WINDOW:
                self.rise.highest = max(self.rise.highest, level.value)
                return None
            over = self.finish()
        recent = self._from(level.at - rules.REFUEL_WINDOW)
        before = min(recent, key=lambda reading: reading.value, default=None)
        self.recent = [*recent, level]
        if before is not None and level.value - before.value >= least_rise:
            due_at = received_at + rules.REFUEL_WINDOW
            self.rise = Rise(before, level.at, level.value, due_at, odometer_km)
        return over

    def advance(self, now: datetime) -> Rise | None:
        """Return a rise whose ten minutes are over."""
        return self.finish() if self.rise is not None and now >= self.rise.due_at else None

    def finish(self) -> Rise | None:
        """End a rise: its highest level is what further ones are compared with."""
        rise, self.rise = self.rise, None
        if rise is not None:
            self.recent = [Measured(rise.highest, rise.first_at)]
        return rise

    def _from(self, oldest: datetime) -> list[Measured[float]]:
        older = [reading for reading in self.recent if reading.at < oldest][-1:]
        return [*older, *(reading for reading in self.recent if reading.at >= oldest)]


@dataclass(slots=True)
class Tank:
    """Both units of a tank."""

    litres: TankLevel = field(default_factory=TankLevel)
    percent: TankLevel = field(default_factory=TankLevel)
    last: Refuel | None = None
    """The last refuelling."""

    def least_litres(self) -> float:
        """Return the rise in litres that counts: 5 l, or 8 % of the tank if its size is known."""
        if not self.litres.recent or not self.percent.recent:
            return rules.REFUEL_L
        litres, percent = self.litres.recent[-1], self.percent.recent[-1]
        if percent.value < 20 or abs(litres.at - percent.at) > timedelta(minutes=1):  # noqa: PLR2004
            return rules.REFUEL_L
        return max(rules.REFUEL_L, litres.value / percent.value * rules.REFUEL_PERCENT)
