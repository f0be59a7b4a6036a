"""Reads a wallbox's energy counter: how much flowed between two moments, whatever the counter does.

Counters begin again at 0 (a new session, a restart, an overflow), are replaced by others, send a
wrong value now and then, and say nothing for days while nothing flows.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.charging.completion import ASSUMED
from bmw2mqtt.vehicle.charging.constants import (
    EXPECTED_END_OVER,
    FLAP,
    METER_JUMP_KWH,
    METER_KEPT,
    METER_LEAD,
    METER_LONGEST_LEAD,
    METER_MAX_KW,
    METER_STEP,
    METER_TAIL,
    START_WINDOW,
)
from bmw2mqtt.vehicle.charging.session import ChargingSession, Meter


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What the counter showed, and what has flowed since its first reading."""

    at: datetime
    kwh: float
    total_kwh: float


class MeterLog:
    """The readings of one counter in the last day."""

    def __init__(self) -> None:
        self._readings: list[MeterReading] = []
        self._odd: tuple[datetime, float] | None = None
        """A reading that does not follow from the last one; the next one decides which is wrong."""
        self.odd_readings = 0
        """How many in a row follow from none before."""

    def update(self, kwh: float, at: datetime) -> None:
        """Add a reading; `at` is when it arrived."""
        if not self._readings:
            self._readings.append(MeterReading(at, kwh, 0.0))
            return
        last = self._readings[-1]
        at = max(at, last.at)
        if _follows(last.kwh, last.at, kwh, at):
            self._add(MeterReading(at, kwh, last.total_kwh + kwh - last.kwh))
        elif self._odd is not None and _follows(self._odd[1], self._odd[0], kwh, at):
            self._begin_again(last, *self._odd)
            self._add(MeterReading(at, kwh, self._readings[-1].total_kwh + kwh - self._odd[1]))
        else:
            self._odd = (at, kwh)
            self.odd_readings += 1
            return
        self._odd, self.odd_readings = None, 0

    def continue_from(self, meter: Meter) -> None:
        """Put the last reading of an earlier run in front of what has come since."""
        later, odd = self._readings, self._odd
        self._readings, self._odd = (
            [MeterReading(meter.last_at, meter.last_kwh, meter.last_total_kwh)],
            None,
        )
        for reading in later:
            self.update(reading.kwh, reading.at)
        if odd is not None:
            self.update(odd[1], odd[0])

    def measured(
        self, begin: datetime, end: datetime, *, not_after: datetime, known: Meter | None
    ) -> Meter | None:
        """Return what flowed between two moments.

        Args:
            begin: the earliest moment at which it may have begun.
            end: the latest moment at which it may have ended.
            not_after: the first reading must not be later; else a part was missed.
            known: what an earlier call returned. It counts for what is not in the log any more.

        Returns:
            `None` if the counter said nothing at the begin.
        """
        readings = self._readings
        last = self._at(end)
        if last is None:
            return known
        if readings[0].at > begin and known is not None:
            if known.last_at < readings[0].at or last.total_kwh < known.last_total_kwh:
                return known
            return replace(known, last_kwh=last.kwh, last_at=last.at, last_total_kwh=last.total_kwh)
        first = self._first(begin)
        if first.at > max(begin, not_after):
            return None
        return Meter(
            start_kwh=first.kwh,
            start_total_kwh=first.total_kwh,
            last_kwh=last.kwh,
            last_at=last.at,
            last_total_kwh=max(first.total_kwh, last.total_kwh),
        )

    def _at(self, moment: datetime) -> MeterReading | None:
        """Return the last reading until a moment."""
        index = bisect_right(self._readings, moment, key=lambda reading: reading.at)
        return self._readings[index - 1] if index else None

    def _first(self, begin: datetime) -> MeterReading:
        """Return the reading at which something began.

        It is the last one before, unless more has been counted until the next one than can have
        flowed since: then that was something else.
        """
        index = bisect_right(self._readings, begin, key=lambda reading: reading.at)
        if index == 0 or index == len(self._readings):
            return self._readings[max(0, index - 1)]
        before, after = self._readings[index - 1], self._readings[index]
        step_kwh = after.total_kwh - before.total_kwh
        return before if step_kwh <= _most_kwh(begin, after.at) else after

    def _begin_again(self, last: MeterReading, at: datetime, kwh: float) -> None:
        """Add the first reading after the counter was set back or replaced."""
        is_set_back = 0 <= kwh < last.kwh and kwh <= _most_kwh(last.at, at)
        self._add(MeterReading(at, kwh, last.total_kwh + (kwh if is_set_back else 0.0)))

    def _add(self, reading: MeterReading) -> None:
        readings = self._readings
        if len(readings) > 1:
            before, last = readings[-2], readings[-1]
            is_standing = before.kwh == last.kwh == reading.kwh
            if is_standing or last.at - before.at < METER_STEP:
                readings.pop()
        readings.append(reading)
        while len(readings) > 1 and reading.at - readings[1].at > METER_KEPT:
            readings.pop(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """When another car has charged at the same wallbox; without an end it still does."""

    begin: datetime
    end: datetime | None = None


def meter_of(
    log: MeterLog, session: ChargingSession, others: Sequence[Claim], now: datetime
) -> Meter | None:
    """Return what the counter says of a session; `None` if it says nothing certain.

    Args:
        log: of the counter.
        session: as the rules know it now, with the meter that was known of it.
        others: the other cars' charges at the same wallbox.
        now: the time.
    """
    end_at = session.end_at or now
    if session.is_dc or any(_overlaps(claim, session.start_at, end_at, now) for claim in others):
        return None
    lead = timedelta(seconds=session.start_accuracy_s)
    begin = session.start_at - METER_LEAD - min(lead, METER_LONGEST_LEAD)
    if session.plugged_at is not None and session.plugged_at <= session.start_at:
        begin = max(begin, session.plugged_at - METER_LEAD)
    end = now if session.is_open else min(now, end_at + _tail(session))
    for claim in others:
        if claim.end is not None and claim.end <= session.start_at + FLAP:
            if claim.end + METER_TAIL > begin:
                begin = session.start_at  # what was counted before belongs to the other car
        elif claim.begin >= end_at - FLAP:
            end = max(end_at, min(end, claim.begin))
    not_after = session.start_at + START_WINDOW
    return log.measured(begin, end, not_after=not_after, known=session.meter)


def is_settled(session: ChargingSession, now: datetime) -> bool:
    """Whether the counter says no more of a session."""
    return session.end_at is not None and (
        not session.is_open and now - session.end_at > _tail(session) + FLAP
    )


def _tail(session: ChargingSession) -> timedelta:
    """Return how long after the end the wallbox may still count; an assumed end may be later."""
    return EXPECTED_END_OVER if session.end_source in ASSUMED else METER_TAIL


def _overlaps(claim: Claim, begin: datetime, end: datetime, now: datetime) -> bool:
    return min(claim.end or now, end) - max(claim.begin, begin) > FLAP


def _most_kwh(begin: datetime, end: datetime) -> float:
    """Return the most that a wallbox can deliver in a time."""
    hours = max(0.0, (end - begin).total_seconds()) / 3600
    return METER_MAX_KW * hours + METER_JUMP_KWH


def _follows(before_kwh: float, before_at: datetime, kwh: float, at: datetime) -> bool:
    return 0 <= kwh - before_kwh <= _most_kwh(before_at, at)
