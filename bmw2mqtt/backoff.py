"""Back-off: how long to wait after each failure in a row."""

import random
from dataclasses import dataclass

MAX_DOUBLINGS = 32
"""More doublings change nothing and would overflow a float after about a thousand failures."""


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Exponential back-off with a cap and jitter: `first_s`, twice that, … at most `longest_s`.

    The counter is public, so that it can be saved and restored over a restart.
    """

    first_s: float
    longest_s: float
    jitter: float = 0.5
    """The largest random reduction of a pause: 0.5 gives 50 to 100 % of it."""
    failures: int = 0
    """Failures in a row."""

    def fail(self) -> float:
        """Count a failure and return the seconds to wait before the next attempt."""
        self.failures += 1
        return self.pause_s()

    def pause_s(self) -> float:
        """Return the seconds to wait after the failures so far; 0 without any."""
        if self.failures <= 0:
            return 0.0
        doublings = min(self.failures - 1, MAX_DOUBLINGS)
        full_s = min(self.first_s * 2.0**doublings, self.longest_s)
        return full_s * random.uniform(1 - self.jitter, 1)

    def reset(self) -> None:
        """Start again from `first_s`: an attempt succeeded."""
        self.failures = 0
