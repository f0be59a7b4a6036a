"""Deadlines that include the time during which the host or the process is suspended."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Returns seconds; only differences are meaningful."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux CLOCK_BOOTTIME counts while the host is suspended; `time.monotonic` does not. macOS has
no such clock, and its CLOCK_MONOTONIC counts while it sleeps."""


def elapsed_s() -> float:
    """Return seconds since the host started, including suspension; setting the time is ignored."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which something must no longer happen."""

    at_s: float
    clock: Clock = elapsed_s

    @classmethod
    def after(cls, seconds: float, clock: Clock = elapsed_s) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(clock() + seconds, clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative afterwards."""
        return self.at_s - self.clock()

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return self.remaining_s <= 0
