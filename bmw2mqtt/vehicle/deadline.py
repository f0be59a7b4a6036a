"""Deadlines that also count the time in which the host or the process stands still."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Returns seconds; only differences mean something."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux: goes on while the host is suspended, as `time.monotonic` does not. macOS has no such
clock; its CLOCK_MONOTONIC goes on while it sleeps."""


def elapsed_s() -> float:
    """Return seconds since the host started, suspended or not; setting the time changes nothing."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which something must not happen any more."""

    at_s: float
    clock: Clock = elapsed_s

    @classmethod
    def after(cls, seconds: float, clock: Clock = elapsed_s) -> "Deadline":
        """Return the deadline that is so many seconds away."""
        return cls(clock() + seconds, clock)

    @property
    def remaining_s(self) -> float:
        """Seconds until it is over; negative afterwards."""
        return self.at_s - self.clock()

    @property
    def is_over(self) -> bool:
        """Whether it is too late."""
        return self.remaining_s <= 0
