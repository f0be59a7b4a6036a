"""Figures beside their floors, and how they are measured: in turn, in blocks, by the median."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")

BLOCKS = 5
"""At least; a subject whose blocks are short measures more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: what was measured block by block, and the floor in the same blocks."""

    what: str
    ours: Sequence[float]
    floor: Sequence[float] = ()
    unit: str = "ms"
    floor_name: str = ""
    bound: float | None = None
    """How many times the floor it may be."""
    at_least: float | None = None
    """How many times the floor it has to be, where more is better."""

    @property
    def ratio(self) -> float:
        """The median of the blocks' own ratios: noise that lasts for minutes cancels out."""
        pairs = zip(self.ours, self.floor, strict=True)
        return statistics.median(ours / floor for ours, floor in pairs)

    def __str__(self) -> str:
        line = f"  {self.what:<46} {statistics.median(self.ours):>9.2f} {self.unit:<5}"
        if not self.floor:
            return line.rstrip()
        line += f" {statistics.median(self.floor):>9.2f} {self.unit:<5} {self.ratio:>5.2f} ×"  # noqa: RUF001
        if self.bound is not None:
            verdict = "ok" if self.ratio <= self.bound else "over"
            line += f"  ≤ {self.bound:<5.4g} {verdict:<4}"
        if self.at_least is not None:
            verdict = "ok" if self.ratio >= self.at_least else "under"
            line += f"  ≥ {self.at_least:<5.4g} {verdict:<4}"
        return f"{line}  {self.floor_name}".rstrip()


@dataclass(frozen=True, slots=True)
class Note:
    """One line of words."""

    text: str

    def __str__(self) -> str:
        return f"  {self.text}"


Lines = Iterator[Figure | Note]


class Measure(Protocol):
    """One subject."""

    def __call__(self, directory: Path, *, quick: bool) -> Lines:
        """Measure it.

        Args:
            directory: an empty one for files.
            quick: measure once and briefly, to see that it runs.
        """


HEADER = f"  {'':<46} {'ours':>15} {'floor':>15} {'ratio':>7}  bound       floor is"


def in_turn(*measures: Callable[[], float], blocks: int = BLOCKS) -> list[list[float]]:
    """Measure A B C, A B C, …; return what each gave in each block."""
    results: list[list[float]] = [[] for _ in measures]
    for _ in range(blocks):
        for measure, values in zip(measures, results, strict=True):
            values.append(measure())
    return results


def wait_until(condition: Callable[[], T], timeout_s: float = 60) -> T:
    """Wait for a condition; return what it gave."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(0.005)
    return result
