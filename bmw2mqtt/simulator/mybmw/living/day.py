"""How a car spends its time: to work, home again, to the plug, over and over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Move(Enum):
    """Where a phase of the day takes place."""

    AT_HOME = auto()
    TO_WORK = auto()
    AT_WORK = auto()
    HOMEWARD = auto()


DRIVING: Final = (Move.TO_WORK, Move.HOMEWARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPhase:
    """A while in which nothing but the position changes by itself."""

    minutes: int
    move: Move
    locked: bool = False
    open_lids: frozenset[str] = frozenset()
    open_windows: frozenset[str] = frozenset()
    plugged: bool = False
    climate: bool = False


DAY: Final = (
    DayPhase(minutes=8, move=Move.AT_HOME, locked=True, plugged=True, climate=True),
    DayPhase(minutes=2, move=Move.AT_HOME, open_lids=frozenset({"leftFront"})),
    DayPhase(minutes=24, move=Move.TO_WORK, open_windows=frozenset({"leftFront"})),
    DayPhase(minutes=2, move=Move.AT_WORK, open_lids=frozenset({"leftFront", "trunk"})),
    DayPhase(minutes=20, move=Move.AT_WORK, locked=True),
    DayPhase(minutes=2, move=Move.AT_WORK, open_lids=frozenset({"leftFront"})),
    DayPhase(minutes=24, move=Move.HOMEWARD),
    DayPhase(minutes=2, move=Move.AT_HOME, open_lids=frozenset({"leftFront", "rightRear"})),
    DayPhase(minutes=36, move=Move.AT_HOME, locked=True, plugged=True),
)
DEPARTURE: Final = 1
"""The phase in which the car leaves the plug, or stays if it cannot make it there and back."""
NIGHT: Final = DAY[-1]
DAY_MINUTES: Final = sum(phase.minutes for phase in DAY)


def phase_at(minute: float) -> tuple[int, float]:
    """Return which phase of the day a minute is in, and how much of it is over, 0 to 1."""
    left = minute % DAY_MINUTES
    for index, phase in enumerate(DAY):
        if left < phase.minutes:
            return index, left / phase.minutes
        left -= phase.minutes
    return len(DAY) - 1, 1.0
