"""A car's counters of charged energy: everywhere, at home, and how much of it is an estimate."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from bmw2mqtt.history.records import CarRecord
from bmw2mqtt.vehicle.charging.counter import EnergyCounter, count
from bmw2mqtt.vehicle.charging.energy import EnergySource, energy_of
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.trips import Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one session has contributed to the counters."""

    everywhere_kwh: float = 0.0
    home_kwh: float = 0.0
    estimated_kwh: float = 0.0


NOTHING_COUNTED: Final = Counted()


LOST_AT_MOST_KWH: Final = 100.0
"""What may have been published and not written when the bridge was killed."""


class EnergyCounters:
    """The counters of one car, held back until it is known what earlier runs have published."""

    def __init__(
        self, stored: CarRecord | None, now: datetime, *, is_complete: bool = False
    ) -> None:
        """Continue with what an earlier run has stored, or begin now.

        If that is complete, nothing was published after it was written.
        """
        self.is_known = stored is not None and is_complete
        """Whether the counters go on where they were published last."""
        self.is_stored = stored is not None
        """Whether an earlier run has stored them."""
        self._stored = stored or CarRecord(vin="", since_at=int(now.timestamp()))
        began_at = datetime.fromtimestamp(self._stored.since_at or 0, UTC)
        self.everywhere = EnergyCounter(
            total_kwh=self._stored.counter_kwh,
            accounted_kwh=self._stored.counter_kwh + self._stored.carry_kwh,
            began_at=began_at,
        )
        self.home = EnergyCounter(
            total_kwh=self._stored.counter_home_kwh,
            accounted_kwh=self._stored.counter_home_kwh + self._stored.carry_home_kwh,
            began_at=began_at,
        )
        self.estimated_kwh = self._stored.estimated_kwh

    def continue_from(self, everywhere_kwh: float, home_kwh: float) -> None:
        """Go on with what was published last: the file may be older, or lost."""
        if self.is_known:
            return
        self.is_known = True
        if self.is_stored:
            self.everywhere = _at_least(self.everywhere, everywhere_kwh)
            self.home = _at_least(self.home, home_kwh)
        else:
            self.everywhere = _raised(self.everywhere, everywhere_kwh)
            self.home = _raised(self.home, home_kwh)

    def count(
        self, session: ChargingSession, counted: Counted, zone: str | None, now: datetime
    ) -> Counted:
        """Count a session, or what has changed since this function returned `counted` for it."""
        self.everywhere, done = count(
            self.everywhere, replace(session, counted_kwh=counted.everywhere_kwh), now
        )
        home_kwh = 0.0
        if zone == Zone.HOME:
            self.home, at_home = count(
                self.home, replace(session, counted_kwh=counted.home_kwh), now
            )
            home_kwh = at_home.counted_kwh
        elif counted.home_kwh:  # it turned out to be elsewhere
            accounted_kwh = self.home.accounted_kwh - counted.home_kwh
            self.home = replace(self.home, accounted_kwh=accounted_kwh)
        is_estimate = energy_of(session).source in {None, EnergySource.ESTIMATED}
        estimated_kwh = done.counted_kwh if is_estimate else 0.0
        self.estimated_kwh += estimated_kwh - counted.estimated_kwh
        return Counted(
            everywhere_kwh=done.counted_kwh, home_kwh=home_kwh, estimated_kwh=estimated_kwh
        )

    @property
    def estimated_share(self) -> float:
        """How much of what was counted is an estimate, from 0 to 1."""
        total_kwh = self.everywhere.total_kwh
        return min(1.0, max(0.0, self.estimated_kwh / total_kwh)) if total_kwh else 0.0

    def record(self, vin: str, capacity_kwh: float | None) -> CarRecord:
        """Return the row."""
        return CarRecord(
            vin=vin,
            counter_kwh=self.everywhere.total_kwh,
            carry_kwh=self.everywhere.carry_kwh,
            counter_home_kwh=self.home.total_kwh,
            carry_home_kwh=self.home.carry_kwh,
            estimated_kwh=self.estimated_kwh,
            since_at=int(self.everywhere.began_at.timestamp()),
            capacity_kwh=capacity_kwh or self._stored.capacity_kwh,
        )


def _at_least(counter: EnergyCounter, kwh: float) -> EnergyCounter:
    """Return a counter that is not below what was published; the rest is counted again."""
    if kwh - counter.total_kwh > LOST_AT_MOST_KWH:
        return counter  # somebody else published it
    return replace(counter, total_kwh=max(counter.total_kwh, kwh))


def _raised(counter: EnergyCounter, kwh: float) -> EnergyCounter:
    return replace(
        counter,
        total_kwh=counter.total_kwh + kwh,
        accounted_kwh=counter.accounted_kwh + kwh,
    )
