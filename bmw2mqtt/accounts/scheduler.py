"""When an account asks BMW: at once, at intervals, on request, more rarely after a failure.

The intervals are random by a few per cent, so that accounts do not ask in step. What was decided
after a failure is written down: a restart changes nothing about it.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bmw2mqtt.accounts.local_time import local_time
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.guard import BugLogger, bug_message
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
"""Without a connection BMW is not bothered, and people want it back when their network is."""
BLOCKED_RETRY_S = 6 * 3600
QUOTA_RETRY_S = 1800
"""If BMW does not say when it answers again."""
LONGEST_WAIT = timedelta(hours=25)
"""Nothing that is written down holds longer: BMW's quota is of a day, and clocks go wrong."""
LOOK_EVERY_S = 60.0
REQUESTS = 10
REQUESTS_WITHIN_S = 60.0
"""Whoever presses refresh again and again is not to bother BMW each time."""
MANY_STARTS = 5
MANY_STARTS_WITHIN = timedelta(hours=1)
"""A container that ends and is started again and again must not ask BMW each time."""
STARTS_KEPT = 20
SAVE_EVERY = timedelta(minutes=30)
"""How old `succeeded_at` may be on disk: flash memory wears out."""

_ERRORS = {
    error.status: error
    for error in (AccountError, Unreachable, LoginRequired, QuotaExceeded, Blocked)
}


class PollScheduler:
    """A clock for one account."""

    def __init__(
        self,
        interval_s: float,
        poll: Callable[[], Awaitable[None]],
        on_outcome: Callable[[AccountError | None], None],
        memory: StateFile,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare the clock.

        Args:
            interval_s: seconds between polls; 0: only on request, once BMW has answered.
            poll: asks BMW; raises `AccountError` if BMW did not give what was asked for.
            on_outcome: told after each poll, after pause and resume, and what an earlier run left
                behind; `next_at` is set by then.
            memory: where failures and the pause are written down.
            now: the wall clock.
        """
        self.is_paused = False
        self.next_at: datetime | None = None
        self.succeeded_at: datetime | None = None
        """When BMW last gave what was asked for."""
        self.notice: str | None = None
        """Why BMW is not asked before `next_at` although nothing has failed, for the owner."""
        self.outcomes: Counter[str] = Counter()
        """Polls since the start: `ok` or the status they led to."""
        self._interval_s = interval_s
        self._poll = poll
        self._bug_logger = BugLogger()
        self._on_outcome = self._bug_logger.guarded("poll_not_shown", on_outcome)
        self._memory = memory
        self._now = now
        self._backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
        self._error: AccountError | None = None
        self._longest_wait = timedelta()
        """How far away `next_at` was when it was decided."""
        self._has_answered = False
        self._requested_s: deque[float] = deque(maxlen=REQUESTS)
        """When polls on request began, by the monotonic clock."""
        self._starts: list[datetime] = []
        self._saved_at: datetime | None = None
        self._wake = asyncio.Event()

    def restore(self, *forgotten: type[AccountError]) -> None:
        """Go on where an earlier run stopped.

        Args:
            forgotten: failures that count no more, as a refused login after credentials changed.
        """
        memory = self._memory.recall("polling")
        self.is_paused = memory.get("is_paused") is True
        self.succeeded_at = moment(memory.get("succeeded_at"))
        self._restore_error(memory, forgotten)
        if not self._error and not self.is_paused:
            self._plan(self._first_at(memory.get("starts")))
        self._save()

    def request(self) -> None:
        """Ask now, whatever the clock says; a few times a minute at most."""
        self._wake.set()

    def pause(self) -> None:
        """Ask no more unless requested; survives a restart."""
        self.is_paused = True
        self.next_at = self.notice = None
        self._save()

    def resume(self) -> None:
        """Ask now and go on as before."""
        self.is_paused = False
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
            if self._wake.is_set():
                await self._wait_for_turn()
            self._wake.clear()
            error = await self._ask()
            self.outcomes[error.status.value if error else "ok"] += 1
            self._take_outcome(error)

    def report(self, error: AccountError) -> None:
        """Take trouble that was met elsewhere (by a command) as if a poll had met it.

        What is known already lengthens no wait: people try again and again.
        """
        is_known = self._error is not None and self._error.status is error.status
        if isinstance(error, WHOLE_ACCOUNT) and not is_known:
            self._take_outcome(error)

    def _take_outcome(self, error: AccountError | None) -> None:
        is_news = error is not None or self._error is not None
        self._backoff.failures = self._backoff.failures + 1 if error else 0
        self._error = error
        self.notice = None
        if error is None:
            self.succeeded_at = self._now()
            self._has_answered = True
        delay_s = None if self.is_paused else self._delay_s(error)
        self._plan(None if delay_s is None else self._now() + timedelta(seconds=delay_s))
        if is_news or self._saved_at is None or self._now() - self._saved_at >= SAVE_EVERY:
            self._save()
        self._on_outcome(error)

    async def _ask(self) -> AccountError | None:
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
        self._longest_wait = timedelta() if at is None else at - self._now()

    async def _wait_for_turn(self) -> None:
        """Wait until one more poll on request is not too many."""
        loop = asyncio.get_running_loop()
        if len(self._requested_s) == REQUESTS:
            await asyncio.sleep(self._requested_s[0] + REQUESTS_WITHIN_S - loop.time())
        self._requested_s.append(loop.time())

    async def _wait(self) -> None:
        """Wait for the next time or a request, by the wall clock: hosts are suspended."""
        while not self._wake.is_set():
            pause_s = None
            if self.next_at is not None:
                if self.next_at - self._now() > self._longest_wait:  # the clock was set back
                    self.next_at = self._now() + self._longest_wait
                pause_s = (self.next_at - self._now()).total_seconds()
                if pause_s <= 0:
                    return
            try:
                longest_s = min(pause_s, LOOK_EVERY_S) if pause_s is not None else None
                async with asyncio.timeout(longest_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    # When next

    def _delay_s(self, error: AccountError | None) -> float | None:
        """Return seconds to the next poll, `None` to wait for a person."""
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

    def _save(self) -> None:
        error = self._error
        self._saved_at = self._now()
        content: dict[str, Any] = {
            "is_paused": self.is_paused,
            "succeeded_at": _text(self.succeeded_at),
            "starts": [_text(start) for start in self._starts],
        }
        if error is not None:
            content["failure"] = {
                "status": error.status.value,
                "message": str(error),
                "count": self._backoff.failures,
                "next_at": _text(self.next_at),
            }
        self._memory.remember("polling", content)

    def _restore_error(
        self, memory: dict[str, object], forgotten: tuple[type[AccountError], ...]
    ) -> None:
        failure = memory.get("failure")
        if not isinstance(failure, dict):
            return
        status: Any = failure.get("status")
        error = _ERRORS.get(status, AccountError)(str(failure.get("message")))
        next_at = moment(failure.get("next_at"))
        if isinstance(error, forgotten):
            return
        is_waiting = next_at is not None and self._now() <= next_at <= self._now() + LONGEST_WAIT
        if not is_waiting and not isinstance(error, LoginRequired):
            if not self._interval_s:
                return
            next_at = self._now()
        count = failure.get("count")
        self._backoff.failures = max(count, 1) if isinstance(count, int) else 1
        self._error = error
        self._plan(None if self.is_paused else next_at)

    def _first_at(self, starts: object) -> datetime | None:
        """Return when to poll first: at once (`None`), later after many starts within an hour."""
        found = [moment(start) for start in starts] if isinstance(starts, list) else []
        now = self._now()
        recent = [at for at in found if at and timedelta() <= now - at < MANY_STARTS_WITHIN]
        self._starts = [*recent, now][-STARTS_KEPT:]
        if len(recent) < MANY_STARTS:
            return None
        longest_s = max(self._interval_s, FIRST_RETRY_S)
        backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=longest_s)
        backoff.failures = len(recent) + 1 - MANY_STARTS
        at = now + timedelta(seconds=backoff.pause_s())
        starts = len(recent) + 1
        log.warning(
            "restarted_often",
            starts_within_an_hour=starts,
            next_poll_at=at.isoformat(timespec="seconds"),
            remedy="find out why it ends; a refresh asks at once",
        )
        self.notice = (
            f"bmw2mqtt was started {starts} times within an hour. To protect your BMW account the"
            f" next update is at {local_time(at)}; press Refresh to update now"
        )
        return at


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
