"""Counts requests to BMW: in the last 24 hours, and by kind of answer since the start."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile

WINDOW = timedelta(hours=24)
BUCKET = timedelta(minutes=10)


def utc_now() -> datetime:
    """Return the wall-clock time."""
    return datetime.now(UTC)


class RequestsDocument(StateDocument):
    """The requests of the last 24 hours, by the start of each step of ten minutes."""

    buckets: dict[Annotated[Time, within(past=WINDOW, future=timedelta())], int] = Field(
        default_factory=dict
    )


class RequestCounter:
    """A sliding window of 24 hours, counted in steps of ten minutes."""

    def __init__(self, state_file: StateFile, now: Callable[[], datetime] = utc_now) -> None:
        self.totals: Counter[str] = Counter()
        """Requests since the start by status class: `2xx`, `4xx`, … or `none` without an answer."""
        self._state_file = state_file
        self._now = now
        self._buckets: dict[datetime, int] = {}

    def restore(self) -> None:
        """Continue with what an earlier run counted."""
        document = self._state_file.read("requests", RequestsDocument, self._now())
        self._buckets = dict(document.buckets)

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

    def save(self) -> None:
        """Write the counts; a crash may cost those of the last minute."""
        self.count()
        document = RequestsDocument(buckets=self._buckets)
        self._state_file.write("requests", document, can_wait=True)
