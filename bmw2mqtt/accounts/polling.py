"""When an account asks BMW: at once, at intervals, on request, more rarely after a failure.

The intervals are random by a few per cent, so that accounts do not ask in step.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bmw2mqtt.accounts.requests import utc_now
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    Blocked,
    LoginRequired,
    QuotaExceeded,
)

log = structlog.get_logger(__name__)

JITTER = 0.05
FIRST_RETRY_S = 60
LONGEST_RETRY_S = 3600
BLOCKED_RETRY_S = 6 * 3600
QUOTA_RETRY_S = 1800
"""If BMW does not say when it answers again."""


class Polling:
    """A clock for one account."""

    def __init__(
        self,
        interval_s: float,
        poll: Callable[[], Awaitable[None]],
        on_outcome: Callable[[AccountError | None], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare the clock.

        Args:
            interval_s: seconds between polls; 0: only on request.
            poll: asks BMW; raises `AccountError` if BMW did not give what was asked for.
            on_outcome: told after each poll, and after pause and resume; `next_at` is set by then.
            now: the wall clock.
        """
        self.is_paused = False
        self.next_at: datetime | None = None
        self._interval_s = interval_s
        self._poll = poll
        self._on_outcome = on_outcome
        self._now = now
        self._failures = 0
        self._wake = asyncio.Event()

    def request(self) -> None:
        """Ask now, whatever the clock says."""
        self._wake.set()

    def pause(self) -> None:
        """Ask no more unless requested."""
        self.is_paused = True
        self.next_at = None

    def resume(self) -> None:
        """Ask now and go on as before."""
        self.is_paused = False
        self.request()

    async def run(self) -> None:
        """Poll until cancelled."""
        if not self.is_paused:
            self.request()
        while True:
            await self._wait()
            self._wake.clear()
            self._take_outcome(await self._ask())

    def report(self, error: AccountError) -> None:
        """Take trouble that was met elsewhere (by a command) as if a poll had met it."""
        if isinstance(error, WHOLE_ACCOUNT):
            self._take_outcome(error)

    def _take_outcome(self, error: AccountError | None) -> None:
        self._failures = self._failures + 1 if error else 0
        delay_s = None if self.is_paused else self._delay_s(error)
        self.next_at = None
        if delay_s is not None:
            self.next_at = self._now() + timedelta(seconds=delay_s)
        self._on_outcome(error)

    async def _ask(self) -> AccountError | None:
        try:
            await self._poll()
        except AccountError as error:
            return error
        except Exception as error:  # a bug must not end in a restart loop that hammers BMW
            log.exception("poll_failed")
            return AccountError(f"internal error ({type(error).__name__}); please report it")
        return None

    async def _wait(self) -> None:
        """Wait for the next time or a request, by the wall clock: hosts are suspended."""
        while not self._wake.is_set():
            pause_s = None
            if self.next_at is not None:
                pause_s = (self.next_at - self._now()).total_seconds()
                if pause_s <= 0:
                    return
            try:
                async with asyncio.timeout(min(pause_s, 60) if pause_s is not None else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _delay_s(self, error: AccountError | None) -> float | None:
        """Return seconds to the next poll, `None` to wait for a person."""
        if not self._interval_s or isinstance(error, LoginRequired):
            return None
        match error:
            case None:
                return self._jittered(self._interval_s)
            case Blocked():
                return self._jittered(BLOCKED_RETRY_S)
            case QuotaExceeded(retry_at=datetime() as retry_at):
                wait_s = max(0.0, (retry_at - self._now()).total_seconds())
                return wait_s + random.uniform(5, 60)
            case QuotaExceeded():
                return self._jittered(max(QUOTA_RETRY_S, self._interval_s))
        backoff_s = FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10)
        return min(backoff_s, LONGEST_RETRY_S) * random.uniform(0.5, 1)

    @staticmethod
    def _jittered(seconds: float) -> float:
        return seconds * random.uniform(1 - JITTER, 1 + JITTER)
