"""How many requests were made in the last 24 hours."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(hours=24)


def utc_now() -> datetime:
    """Return the wall-clock time."""
    return datetime.now(UTC)


class RequestLog:
    """A sliding window of 24 hours, counted by the minute."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._minutes: deque[tuple[datetime, int]] = deque()

    def add(self) -> None:
        """Count one request."""
        minute = self._now().replace(second=0, microsecond=0)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1] = (minute, self._minutes[-1][1] + 1)
        else:
            self._minutes.append((minute, 1))

    def count(self) -> int:
        """Return how many there were in the last 24 hours."""
        oldest = self._now() - WINDOW
        while self._minutes and self._minutes[0][0] <= oldest:
            self._minutes.popleft()
        return sum(count for _, count in self._minutes)
