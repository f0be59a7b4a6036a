"""The phases of a simulated car's day: to work, home again, charge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class TripStage(Enum):
    """Where a phase of the day takes place."""

    AT_HOME = auto()
    TO_WORK = auto()
    AT_WORK = auto()
    HOMEWARD = auto()


DRIVING: Final = (TripStage.TO_WORK, TripStage.HOMEWARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPhase:
    """A part of the day in which only the position changes."""

    minutes: int
    stage: TripStage
    locked: bool = False
    open_lids: frozenset[str] = frozenset()
    open_windows: frozenset[str] = frozenset()
    plugged: bool = False
    climate: bool = False


DAY: Final = (
    DayPhase(minutes=8, stage=TripStage.AT_HOME, locked=True, plugged=True, climate=True),
    DayPhase(minutes=2, stage=TripStage.AT_HOME, open_lids=frozenset({"leftFront"})),
    DayPhase(minutes=24, stage=TripStage.TO_WORK, open_windows=frozenset({"leftFront"})),
    DayPhase(minutes=2, stage=TripStage.AT_WORK, open_lids=frozenset({"leftFront", "trunk"})),
    DayPhase(minutes=20, stage=TripStage.AT_WORK, locked=True),
    DayPhase(minutes=2, stage=TripStage.AT_WORK, open_lids=frozenset({"leftFront"})),
    DayPhase(minutes=24, stage=TripStage.HOMEWARD),
    DayPhase(minutes=2, stage=TripStage.AT_HOME, open_lids=frozenset({"leftFront", "rightRear"})),
    DayPhase(minutes=60, stage=TripStage.AT_HOME, locked=True, plugged=True),
)
DEPARTURE: Final = 1
"""The phase in which the car is unplugged, or stays if its range is too short."""
NIGHT: Final = DAY[-1]
DAY_MINUTES: Final = sum(phase.minutes for phase in DAY)


def phase_at(minute: float) -> tuple[int, float]:
    """Return the index of a minute's phase, and the elapsed part of it, 0 to 1."""
    left = minute % DAY_MINUTES
    for index, phase in enumerate(DAY):
        if left < phase.minutes:
            return index, left / phase.minutes
        left -= phase.minutes
    return len(DAY) - 1, 1.0
