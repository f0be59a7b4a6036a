"""How many requests were made: in the last 24 hours, and of each kind since the start."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bmw2mqtt.accounts.state_file import StateFile, moment

WINDOW = timedelta(hours=24)
BUCKET = timedelta(minutes=10)


def utc_now() -> datetime:
    """Return the wall-clock time."""
    return datetime.now(UTC)


class RequestCounter:
    """A sliding window of 24 hours, counted in steps of ten minutes."""

    def __init__(self, memory: StateFile, now: Callable[[], datetime] = utc_now) -> None:
        self._memory = memory
        self._now = now
        self._buckets: dict[datetime, int] = {}
        self._saved_at: datetime | None = None
        self.totals: Counter[str] = Counter()
        """Requests since the start by status class: `2xx`, `4xx`, … or `none` without an answer."""

    def restore(self) -> None:
        """Go on from what an earlier run counted."""
        buckets = self._memory.recall("requests").get("buckets")
        for text, count in buckets.items() if isinstance(buckets, dict) else ():
            if (start := moment(text)) and isinstance(count, int) and start <= self._now():
                self._buckets[start] = count

    def add(self, status: int | None) -> None:
        """Count one request by the HTTP status of its answer."""
        self.tally(status)
        now = self._now()
        start = now - (now - datetime.min.replace(tzinfo=UTC)) % BUCKET
        self._buckets[start] = self._buckets.get(start, 0) + 1

    def tally(self, status: int | None) -> None:
        """Count one request in the totals."""
        self.totals["none" if status is None else f"{status // 100}xx"] += 1

    def count(self) -> int:
        """Return how many there were in the last 24 hours."""
        oldest = self._now() - WINDOW
        self._buckets = {start: n for start, n in self._buckets.items() if start > oldest}
        return sum(self._buckets.values())

    def save(self, *, at_once: bool = False) -> None:
        """Write them down, not more often than a step lasts: flash memory wears out."""
        now = self._now()
        if at_once or self._saved_at is None or not 0 <= (now - self._saved_at) / BUCKET < 1:
            self._saved_at = now
            self.count()
            buckets: dict[str, Any] = {s.isoformat(): n for s, n in self._buckets.items()}
            self._memory.remember("requests", {"buckets": buckets})
