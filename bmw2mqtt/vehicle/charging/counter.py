"""The energy counter: what was charged since the first run, from the grid's side, never falling.

Home Assistant takes a falling `total_increasing` value for a new meter and counts it again in full.
So a correction downwards is carried over and used up by the next charge.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import MERGE_WITHOUT_PLUG
from bmw2mqtt.vehicle.charging.energy import energy_of, proven_kwh
from bmw2mqtt.vehicle.charging.session import ChargingSession, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCounter:
    """A vehicle's counter."""

    total_kwh: float = 0.0
    """What is published; it never falls."""
    accounted_kwh: float = 0.0
    """The sum of all contributions as they are known today."""
    began_at: datetime
    """Sessions that ended before do not move it: history that is filled in later."""

    @property
    def carry_kwh(self) -> float:
        """What was published too much (zero or negative); the next charge uses it up."""
        return min(0.0, self.accounted_kwh - self.total_kwh)


def count(
    counter: EnergyCounter, session: ChargingSession, now: datetime
) -> tuple[EnergyCounter, ChargingSession]:
    """Count a session, or what changed since it was counted last.

    The same session may be counted any number of times. Both results belong into one transaction.

    Args:
        counter: the vehicle's.
        session: with `counted_kwh` as this function left it.
        now: the time; a pause of half an hour counts as an end.
    """
    kwh = _contribution_kwh(counter, session, now)
    accounted_kwh = counter.accounted_kwh + kwh - session.counted_kwh
    total_kwh = max(counter.total_kwh, accounted_kwh)
    counter = replace(counter, accounted_kwh=accounted_kwh, total_kwh=total_kwh)
    return counter, replace(session, counted_kwh=kwh)


def _contribution_kwh(counter: EnergyCounter, session: ChargingSession, now: datetime) -> float:
    end_at = session.end_at
    if end_at is not None and end_at < counter.began_at and session.counted_kwh == 0:
        return 0.0
    is_over = session.phase is Phase.ENDED or (
        session.phase is Phase.PAUSED and end_at is not None and now - end_at >= MERGE_WITHOUT_PLUG
    )
    grid_kwh = energy_of(session).grid_kwh if is_over else None
    if grid_kwh is not None:
        return grid_kwh
    return max(session.counted_kwh, proven_kwh(session))
