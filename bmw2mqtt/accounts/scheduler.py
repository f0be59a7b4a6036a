"""Poll scheduler: polls at once, at intervals, on request, and more rarely after a failure.

The intervals vary by a few per cent, so that accounts do not poll at the same moment. A wait after
a failure survives a restart.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from pydantic import Field

from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import PastTime, StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.local_time import local_time
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    Blocked,
    LoginRequired,
    NoConnection,
    QuotaExceeded,
    Unreachable,
)

log = structlog.get_logger(__name__)

JITTER = 0.05
FIRST_RETRY_S = 60
LONGEST_RETRY_S = 3600
LONGEST_RECONNECT_S = 300
"""Without a connection no request reaches BMW, and people want data once their network is back."""
BLOCKED_RETRY_S = 6 * 3600
QUOTA_RETRY_S = 1800
"""Used where BMW does not send when it answers again."""
LONGEST_WAIT = timedelta(hours=25)
"""No kept wait is longer: BMW's quota is per day, and clocks are wrong at times."""
CHECK_EVERY_S = 60.0
"""How often a wait is compared with the wall clock: hosts are suspended."""
REQUESTS = 10
REQUESTS_WITHIN_S = 60.0
"""How many polls on request there may be in a minute."""
MANY_STARTS = 5
MANY_STARTS_WITHIN = timedelta(hours=1)
"""A container that crashes and restarts in a loop must not poll at each start."""
STARTS_KEPT = 20

_ERRORS = {
    error.status: error
    for error in (AccountError, Unreachable, LoginRequired, QuotaExceeded, Blocked)
}


class FailureDocument(StateDocument):
    """The failure that the last poll ended with."""

    status: AccountStatus = AccountStatus.ERROR
    message: str = ""
    count: Annotated[int, Field(ge=1)] = 1
    """Failures in a row."""
    next_at: Annotated[Time, within(past=timedelta(seconds=1), future=LONGEST_WAIT)] | None = None


class PollingDocument(StateDocument):
    """What is kept of an account's polls over a restart."""

    is_paused: bool = False
    paused_at: PastTime | None = None
    succeeded_at: PastTime | None = None
    starts: tuple[Annotated[Time, within(past=MANY_STARTS_WITHIN, future=timedelta())], ...] = ()
    failure: FailureDocument | None = None


class PollScheduler:
    """Decides when one account polls, and runs the polls."""

    def __init__(
        self,
        interval_s: float,
        poll: Callable[[], Awaitable[None]],
        on_outcome: Callable[[AccountError | None], None],
        state_file: StateFile,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare it; nothing is polled before `run`.

        Args:
            interval_s: seconds between polls; 0: only on request, once BMW has answered.
            poll: sends the requests; raises `AccountError` if BMW did not give what was requested.
            on_outcome: called after each poll, and with the kept failure of an earlier run;
                `next_at` is set by then.
            state_file: keeps failures and the pause over a restart.
            now: the wall clock.
        """
        self.is_paused = False
        self.paused_at: datetime | None = None
        """When it was paused; `None` if it is not, or an older version did not keep the time."""
        self.next_at: datetime | None = None
        self.succeeded_at: datetime | None = None
        """When a poll last succeeded."""
        self.notice: str | None = None
        """Why there is no poll before `next_at` although nothing has failed, for the owner."""
        self.outcomes: Counter[str] = Counter()
        """Polls since the start: `ok` or the status they led to."""
        self._interval_s = interval_s
        self._poll = poll
        self._bug_logger = BugLogger()
        self._on_outcome = self._bug_logger.guarded("poll_not_recorded", on_outcome)
        self._state_file = state_file
        self._now = now
        self._backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
        self._error: AccountError | None = None
        self._planned_wait = timedelta()
        """How far away `next_at` was when it was set."""
        self._has_answered = False
        self._request_times_s: deque[float] = deque(maxlen=REQUESTS)
        """When polls on request began, by the monotonic clock."""
        self._starts: list[datetime] = []
        self._requested = asyncio.Event()

    def restore(self, *ignored: type[AccountError]) -> None:
        """Continue where an earlier run stopped.

        Args:
            ignored: failures that no longer count, as a refused login after new credentials.
        """
        kept = self._state_file.read("polling", PollingDocument, self._now())
        self.is_paused = kept.is_paused
        self.paused_at = kept.paused_at if kept.is_paused else None
        self.succeeded_at = kept.succeeded_at
        if kept.failure is not None:
            self._restore_failure(kept.failure, ignored)
        if not self._error and not self.is_paused:
            self._plan(self._first_at(kept.starts))
        self._save()

    def request(self) -> None:
        """Poll now, whenever the next poll is due; a few times a minute at most."""
        self._requested.set()

    def pause(self) -> None:
        """Stop polling except on request; survives a restart."""
        if not self.is_paused:
            self.paused_at = self._now()
        self.is_paused = True
        self.next_at = self.notice = None
        self._save()

    def resume(self) -> None:
        """Poll now and at intervals again."""
        self.is_paused = False
        self.paused_at = None
        self._save()
        self.request()

    async def run(self) -> None:
        """Poll until cancelled."""
        try:
            await self._run()
        finally:
            self._save()

    async def _run(self) -> None:
        if self._error:
            self._on_outcome(self._error)
        elif not self.is_paused and self.next_at is None:
            self.request()
        while True:
            await self._wait()
            if self._requested.is_set():
                await self._wait_for_turn()
            self._requested.clear()
            error = await self._poll_safely()
            self.outcomes[error.status.value if error else "ok"] += 1
            self._record_outcome(error)

    def report(self, error: AccountError) -> None:
        """Record a failure of another request (of a command) as if a poll had failed.

        A repeated failure does not lengthen the wait: people press again and again.
        """
        is_known = self._error is not None and self._error.status is error.status
        if isinstance(error, WHOLE_ACCOUNT) and not is_known:
            self._record_outcome(error)

    def _record_outcome(self, error: AccountError | None) -> None:
        has_failure = error is not None or self._error is not None
        self._backoff.failures = self._backoff.failures + 1 if error else 0
        self._error = error
        self.notice = None
        if error is None:
            self.succeeded_at = self._now()
            self._has_answered = True
        delay_s = None if self.is_paused else self._delay_s(error)
        self._plan(None if delay_s is None else self._now() + timedelta(seconds=delay_s))
        self._save(can_wait=not has_failure)
        self._on_outcome(error)

    async def _poll_safely(self) -> AccountError | None:
        try:
            await self._poll()
        except AccountError as error:
            return error
        except Exception as error:  # a bug must not end in a restart loop that hammers BMW
            self._bug_logger.exception("poll_failed")
            return AccountError(bug_message(error))
        return None

    def _plan(self, at: datetime | None) -> None:
        self.next_at = at
        self._planned_wait = timedelta() if at is None else at - self._now()

    async def _wait_for_turn(self) -> None:
        """Wait until another poll on request is within the limit."""
        loop = asyncio.get_running_loop()
        if len(self._request_times_s) == REQUESTS:
            await asyncio.sleep(self._request_times_s[0] + REQUESTS_WITHIN_S - loop.time())
        self._request_times_s.append(loop.time())

    async def _wait(self) -> None:
        """Wait until a poll is due or requested, by the wall clock."""
        while not self._requested.is_set():
            pause_s = None
            if self.next_at is not None:
                if self.next_at - self._now() > self._planned_wait:  # the clock was set back
                    self.next_at = self._now() + self._planned_wait
                pause_s = (self.next_at - self._now()).total_seconds()
                if pause_s <= 0:
                    return
            try:
                longest_s = min(pause_s, CHECK_EVERY_S) if pause_s is not None else None
                async with asyncio.timeout(longest_s):
                    await self._requested.wait()
            except TimeoutError:
                continue

    # When to poll next

    def _delay_s(self, error: AccountError | None) -> float | None:
        """Return the seconds until the next poll, `None` to wait for a person."""
        if isinstance(error, LoginRequired) or (not self._interval_s and self._has_answered):
            return None
        if error is None:
            return self._jittered(self._interval_s)
        if isinstance(error, Blocked):
            return self._jittered(BLOCKED_RETRY_S)
        if isinstance(error, QuotaExceeded):
            return self._quota_s(error.retry_at)
        if isinstance(error, NoConnection):
            return replace(self._backoff, longest_s=LONGEST_RECONNECT_S).pause_s()
        return self._backoff.pause_s()

    def _quota_s(self, retry_at: datetime | None) -> float:
        if retry_at is None:
            return self._jittered(max(QUOTA_RETRY_S, self._interval_s))
        wait_s = min(retry_at - self._now(), LONGEST_WAIT).total_seconds()
        return max(wait_s + random.uniform(5, 60), self._backoff.pause_s())

    @staticmethod
    def _jittered(seconds: float) -> float:
        return seconds * random.uniform(1 - JITTER, 1 + JITTER)

    # What survives a restart

    def _save(self, *, can_wait: bool = False) -> None:
        error = self._error
        failure = error and FailureDocument(
            status=error.status,
            message=str(error),
            count=self._backoff.failures,
            next_at=self.next_at,
        )
        document = PollingDocument(
            is_paused=self.is_paused,
            paused_at=self.paused_at,
            succeeded_at=self.succeeded_at,
            starts=tuple(self._starts),
            failure=failure,
        )
        self._state_file.write("polling", document, can_wait=can_wait)

    def _restore_failure(
        self, kept: FailureDocument, ignored: tuple[type[AccountError], ...]
    ) -> None:
        error = _ERRORS.get(kept.status, AccountError)(kept.message)
        if isinstance(error, ignored):
            return
        next_at = kept.next_at
        if next_at is None and not isinstance(error, LoginRequired):
            if not self._interval_s:
                return
            next_at = self._now()
        self._backoff.failures = kept.count
        self._error = error
        self._plan(None if self.is_paused else next_at)

    def _first_at(self, recent: tuple[datetime, ...]) -> datetime | None:
        """Return when to poll first: at once (`None`), or later after many recent starts."""
        now = self._now()
        self._starts = [*recent, now][-STARTS_KEPT:]
        if len(recent) < MANY_STARTS:
            return None
        longest_s = max(self._interval_s, FIRST_RETRY_S)
        backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=longest_s)
        backoff.failures = len(recent) + 1 - MANY_STARTS
        at = now + timedelta(seconds=backoff.pause_s())
        starts = len(recent) + 1
        log.warning(
            "polling_delayed",
            starts_within_an_hour=starts,
            next_poll_at=at.isoformat(timespec="seconds"),
            remedy="find out why bmw2mqtt restarts so often; press Refresh to update now",
        )
        self.notice = (
            f"bmw2mqtt was started {starts} times within an hour. To protect your BMW account the"
            f" next update is at {local_time(at)}; press Refresh to update now"
        )
        return at
