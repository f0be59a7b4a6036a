"""Reconnect policy: when to connect to BMW's stream, and what to report while it is down.

BMW limits connects per address, and allows one connection per account: two programs would take it
from each other for ever. So the history of the connection survives a restart.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from bmw2mqtt.accounts.cardata.stream.disconnect_reasons import DisconnectKind, DisconnectReason
from bmw2mqtt.accounts.state_document import PastTime, StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.backoff import Backoff
from bmw2mqtt.vehicle.errors import AccountError, Unreachable

STABLE_AFTER: Final = timedelta(seconds=60)
"""After a connection that lasted so long the pauses begin with the shortest again."""
CONNECTS: Final = 4
CONNECTS_WITHIN: Final = timedelta(minutes=1)
"""BMW limits the connects in a minute, to a number that it does not publish."""
DROPS: Final = 6
DROPS_WITHIN: Final = timedelta(minutes=10)
"""So many losses within this time mean that another program uses the stream."""
CONTESTED_PAUSE_S: Final = 60.0
FIRST_PAUSE_S: Final = 6.0
PAUSE_JITTER: Final = 1 / 3
"""The first pause is 4 to 6 s, 5 s in the middle; the longest one 4 to 6 minutes."""
AFTER_FAILED_CONNECT_S: Final = 10.0
LONGEST_PAUSE_S: Final = 360.0
BUSY_PAUSE_S: Final = 60.0
MANY_FAILURES: Final = 10
AFTER_MANY_FAILURES_S: Final = 600.0
REPORT_AFTER: Final = timedelta(minutes=1)
"""A shorter gap is not reported."""
REFUSED_FOR_LONG: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(seconds=AFTER_MANY_FAILURES_S)
"""No pause is longer; the end of one that lies further ahead was set by a wrong clock."""

CONTESTED: Final = (
    "another program uses this BMW account's stream, and BMW allows one: stop it there, or let it"
    " read from here (relay_prefix), or read what it passes on (stream_topic)"
)


class StreamDocument(StateDocument):
    """What is kept of the connection over a restart."""

    connects: tuple[PastTime, ...] = ()
    drops: tuple[PastTime, ...] = ()
    taken_over_at: PastTime | None = None
    failures: Annotated[int, Field(ge=0)] = 0
    not_before: Annotated[Time, within(future=LONGEST_WAIT)] | None = None


class ReconnectPolicy:
    """Decides when one account may connect, from the history of its connections."""

    def __init__(self, state_file: StateFile, now: Callable[[], datetime]) -> None:
        self._state_file = state_file
        self._now = now
        self._connects: deque[datetime] = deque(maxlen=CONNECTS)
        self._drops: deque[datetime] = deque(maxlen=DROPS)
        self._backoff = Backoff(
            first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=PAUSE_JITTER
        )
        self._refusals = 0
        self._last: DisconnectReason | None = None
        self._taken_over_at: datetime | None = None
        self._connected_at: datetime | None = None
        self._down_since: datetime | None = None
        self._not_before: datetime | None = None

    def restore(self) -> None:
        """Continue with what an earlier run recorded."""
        kept = self._state_file.read("stream", StreamDocument, self._now())
        self._connects.extend(kept.connects)
        self._drops.extend(kept.drops)
        self._taken_over_at = kept.taken_over_at
        self._backoff.failures = kept.failures
        self._not_before = kept.not_before

    def wait_s(self) -> float:
        """Return the seconds to wait before the next connect."""
        now = self._now()
        if self._not_before is not None and self._not_before > now + LONGEST_WAIT:
            self._not_before = None
        until = max(self._not_before or now, now)
        recent = [at for at in self._connects if now - CONNECTS_WITHIN < at <= now]
        if len(recent) == CONNECTS:
            until = max(until, recent[0] + CONNECTS_WITHIN)
        return (until - now).total_seconds()

    def connecting(self) -> None:
        """Record a connect that is about to be made."""
        self._connects.append(self._now())
        self._save()

    def connected(self) -> None:
        """Record that BMW accepted the connection and the subscription."""
        self._connected_at = self._now()
        self._down_since = self._not_before = self._last = None
        self._refusals = 0

    def failed(self, refusal: DisconnectReason) -> None:
        """Record a connect that failed; an older connection may still be up."""
        self._reset_after_stable_connection()
        self._record_failure(refusal)
        self._pause(max(self._pause_s(refusal), AFTER_FAILED_CONNECT_S))

    def crashed(self, sentence: str) -> None:
        """Record a connect that a bug of our own prevented."""
        self.failed(DisconnectReason(DisconnectKind.CRASHED, sentence))

    def lost(self, refusal: DisconnectReason) -> None:
        """Record that a connection was lost."""
        now = self._now()
        self._reset_after_stable_connection()
        self._connected_at = None
        if refusal.kind is DisconnectKind.IDLE:
            self._down_since, self._last = now, refusal
            return
        self._drops.append(now)
        if refusal.kind is DisconnectKind.TAKEN_OVER:
            self._taken_over_at = now
        self._record_failure(refusal)
        pause_s = self._pause_s(refusal)
        self._pause(max(pause_s, CONTESTED_PAUSE_S) if self.is_contested else pause_s)

    def closed(self) -> None:
        """Record that we have closed the connection ourselves."""
        self._reset_after_stable_connection()
        self._connected_at = self._down_since = self._last = None

    @property
    def last_sentence(self) -> str | None:
        """Why the last connection was lost or not made; `None`: it was not, or is up again."""
        return self._last.sentence if self._last else None

    @property
    def is_contested(self) -> bool:
        """Whether another program takes the connection from us repeatedly."""
        now = self._now()
        oldest = now - DROPS_WITHIN
        if self._taken_over_at is not None and oldest <= self._taken_over_at <= now:
            return True
        return len(self._drops) == DROPS and all(oldest <= at <= now for at in self._drops)

    def problem(self) -> AccountError | None:
        """Return what to report; `None` while connected, and in the first minute without."""
        if self.is_contested:
            return AccountError(CONTESTED)
        last, since = self._last, self._down_since
        if last is None or since is None:
            return None
        now = self._now()
        self._down_since = since = min(since, now)  # the clock was set back
        down = now - since
        if last.kind is DisconnectKind.REFUSED and down >= REFUSED_FOR_LONG:
            return AccountError(
                "BMW has refused its stream for over an hour: in BMW's portal switch CarData"
                " Stream off and on again, then log in anew; no other program may use this account"
            )
        if last.kind in {DisconnectKind.SUBSCRIPTION, DisconnectKind.CRASHED}:
            return AccountError(f"{last.sentence}; trying again")
        if down < REPORT_AFTER:
            return None
        return Unreachable(f"{last.sentence}; trying again")

    def _reset_after_stable_connection(self) -> None:
        """Reset the back-off if the connection lasted `STABLE_AFTER`."""
        if self._connected_at is not None and self._now() - self._connected_at >= STABLE_AFTER:
            self._backoff.reset()

    def _record_failure(self, refusal: DisconnectReason) -> None:
        self._last = refusal
        if self._connected_at is None:
            self._down_since = self._down_since or self._now()
        if refusal.kind is not DisconnectKind.OFFLINE:
            self._backoff.failures += 1
        self._refusals = self._refusals + 1 if refusal.kind is DisconnectKind.REFUSED else 0

    def _pause_s(self, refusal: DisconnectReason) -> float:
        match refusal.kind:
            case DisconnectKind.OFFLINE:
                return 15.0
            case DisconnectKind.ODD:
                return 20.0
            case DisconnectKind.REFUSED:
                return 30.0 if self._refusals < 3 else random.uniform(300, 600)  # noqa: PLR2004
            case DisconnectKind.BUSY:
                return replace(
                    self._backoff, first_s=BUSY_PAUSE_S, longest_s=AFTER_MANY_FAILURES_S, jitter=0
                ).pause_s()
        if self._backoff.failures >= MANY_FAILURES:
            return AFTER_MANY_FAILURES_S
        return self._backoff.pause_s()

    def _pause(self, seconds: float) -> None:
        self._not_before = self._now() + timedelta(seconds=seconds)
        self._save()

    def _save(self) -> None:
        self._state_file.write(
            "stream",
            StreamDocument(
                connects=tuple(self._connects),
                drops=tuple(self._drops),
                taken_over_at=self._taken_over_at,
                failures=self._backoff.failures,
                not_before=self._not_before,
            ),
        )
