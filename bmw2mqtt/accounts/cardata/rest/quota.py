"""Quota limiter of the REST API: BMW allows 50 requests a day, for all programs of an account.

Each request is written down before it is sent, so that neither a restart nor a kill makes room.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

import structlog

from bmw2mqtt.accounts.request_counter import WINDOW, RequestCounter, utc_now
from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.local_time import local_time
from bmw2mqtt.vehicle.errors import QuotaExceeded

log = structlog.get_logger(__name__)

BMW_QUOTA = 50
OWN_SHARE = 40
"""From so many requests of our own on, BMW's quota may be used up without another program."""
_TICK = timedelta(seconds=1)
_LONGEST_PARK = timedelta(hours=25)
"""BMW's quota is of a day; a longer one was written by a wrong clock."""


class QuotaDocument(StateDocument):
    """The requests of the last 24 hours; one in the future counts too: the clock was set back."""

    sent_at: tuple[Annotated[Time, within(past=WINDOW + _TICK, future=WINDOW)], ...] = ()
    parked_until: Annotated[Time, within(future=_LONGEST_PARK)] | None = None


class Priority(Enum):
    """What a request is for; the value is the share of the budget that it leaves to the others."""

    FIRST = 0.0
    """Find the cars, and learn about a car for the first time."""
    CONTAINER = 0.05
    """Keep our containers in order."""
    PERSON = 0.1
    """A person pressed refresh, perhaps again and again."""
    REPEATED = 0.2
    """Telematic data again."""
    FOLLOW_UP = 0.3
    """Telematic data after something happened: a charge, a trip."""
    EXTRA = 0.35
    """What a car can do without."""
    HISTORY = 0.38
    """BMW's own record of charges."""
    PICTURE = 0.4


class RequestQuota(RequestCounter):
    """The requests of the last 24 hours, and what is left."""

    def __init__(
        self, state_file: StateFile, budget: int, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(state_file, now)
        self._budget = budget
        self._sent_at: list[datetime] = []
        self._parked_until: datetime | None = None
        self._is_probing = False

    def restore(self) -> None:
        """Restore what an earlier run has sent."""
        kept = self._state_file.read("requests", QuotaDocument, self._now())
        self._sent_at = sorted(kept.sent_at)
        self._parked_until = kept.parked_until

    def count(self) -> int:
        """Return how many requests were sent in the last 24 hours."""
        now = self._now()
        # A moment in the future is counted too: the clock was set back.
        self._sent_at = [at for at in self._sent_at if abs(now - at) <= WINDOW]
        return len(self._sent_at)

    def left(self) -> int:
        """Return how many may still be sent now."""
        return 0 if self.is_parked else max(self._budget - self.count(), 0)

    def spend(self, priority: Priority) -> datetime:
        """Record that a request is about to be sent; return the time that `refund` takes.

        Raises:
            QuotaExceeded: this one has to wait, until `retry_at`.
        """
        if self._parked_until is not None:
            if self.is_parked or self._is_probing:
                raise self._parked_error()
            self._is_probing = True
        allowed = self._budget - int(self._budget * priority.value)
        if (excess := self.count() - allowed) >= 0:
            self._is_probing = False
            raise self._short_error(priority, self._sent_at[excess] + WINDOW + _TICK)
        now = self._now()
        self._sent_at.append(now)
        self._sent_at.sort()
        self._write()
        return now

    async def saved(self) -> None:
        """Wait until what was written down is on disk: then the request may be sent."""
        await self._state_file.saved()

    def refund(self, spent: datetime) -> None:
        """Uncount a request that was never sent: without a connection BMW counts nothing."""
        self.tally(None)
        self._is_probing = False
        if spent in self._sent_at:
            self._sent_at.remove(spent)
            self._write()

    def exhausted(self) -> QuotaExceeded:
        """Pause all requests, because BMW's own quota is used up; return the error for that.

        When BMW resets it is not documented: after midnight UTC one request tries it.
        """
        tomorrow = self._now() + timedelta(days=1)
        self._parked_until = tomorrow.replace(hour=0, minute=5, second=0, microsecond=0)
        self._is_probing = False
        self._write()
        return self._parked_error()

    def add(self, status: int | None, *, is_exhausted: bool = False) -> None:
        """Record a request's HTTP status; any answer but "exhausted" ends the pause."""
        self.tally(status)
        if self._parked_until is not None and not is_exhausted:
            self._parked_until = None
            self._is_probing = False
            self._write()

    def save(self) -> None:
        """Do nothing: each request was written down before it was sent."""

    @property
    def is_parked(self) -> bool:
        """Whether BMW's own quota is used up."""
        until = self._parked_until
        return until is not None and timedelta() < until - self._now() < _LONGEST_PARK

    def _write(self) -> None:
        self._state_file.write(
            "requests",
            QuotaDocument(sent_at=tuple(self._sent_at), parked_until=self._parked_until),
        )

    def _parked_error(self) -> QuotaExceeded:
        until, own = self._parked_until, self.count()
        when = f"Next request: {local_time(until)}" if until else "Next request: in some hours"
        if own >= OWN_SHARE:
            return QuotaExceeded(
                f"BMW's daily quota of {BMW_QUOTA} requests is used up. {when}. If other programs"
                " use this BMW account too, lower request_budget or stop them",
                until,
            )
        counted = f"{own} request" if own == 1 else f"{own} requests"
        return QuotaExceeded(
            f"BMW's daily quota of {BMW_QUOTA} requests is used up, but bmw2mqtt sent only"
            f" {counted} in the last 24 hours: another program uses this BMW account (evcc, for"
            f" example, needs nearly all of it). Stop it or let it ask less often. {when}",
            until,
        )

    def _short_error(self, priority: Priority, retry_at: datetime) -> QuotaExceeded:
        spent = f"{self.count()} of {self._budget} requests of the last 24 hours are spent"
        when = f"Next request: {local_time(retry_at)}"
        if priority is Priority.FIRST:
            return QuotaExceeded(f"{spent}. {when}", retry_at)
        return QuotaExceeded(f"{spent}; the rest is kept for what matters more. {when}", retry_at)
