"""Which state of charge is true: re-sent, old and spiking readings are left out.

While a charge runs, the SoC rises only: a displayed SoC (the "header") counts if it is above every
one of this charge, BMW's forecast (the "level") if it was measured after the start and is above
what is shown. Of what counts, the newest measured is shown. Two different, falling headers in a row
are a real loss. Otherwise the newest measured wins, up or down.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from bmw2mqtt.vehicle.charging.constants import (
    KNOWN_SOCS,
    LATE_START_POINTS,
    MISSED_POINTS,
    MISSED_SILENCE,
    RESENT_POINTS,
    SPIKE_HOLD,
    SPIKE_POINTS,
    START_WINDOW,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocReading:
    """A SoC and when it holds."""

    percent: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SocState:
    """What is known about a vehicle's SoC."""

    shown: SocReading | None = None
    real: SocReading | None = None
    """The newest accepted header: `shown` may be a forecast."""
    ceiling_percent: float | None = None
    """While charging: the highest header of this charge, the start's included."""
    has_header: bool = False
    """Whether a header was measured during this charge."""
    falling: SocReading | None = None
    """While charging: the first header below the ceiling; a second, lower one confirms it."""
    held: SocReading | None = None
    """A sudden rise that waits for another reading."""
    before: SocReading | None = None
    """The SoC before the last charge began: what is re-sent after it."""
    known: tuple[SocReading, ...] = ()
    """The last readings, accepted or not."""


class Verdict(Enum):
    """What became of a header during a charge."""

    IGNORED = auto()
    START = auto()
    """It is the SoC at the start."""
    ROSE = auto()
    FELL = auto()
    """A real loss, from `SocState.falling` on."""


def recognised(state: SocState, reading: SocReading, *, has_stamp: bool) -> SocReading:
    """Return a reading with the time of the known one that it repeats, if it has no stamp."""
    if has_stamp:
        return reading
    return next((known for known in state.known if known.percent == reading.percent), reading)


def remembered(state: SocState, reading: SocReading) -> SocState:
    """Return the state with a reading added to the known ones."""
    others = (known for known in state.known if known.percent != reading.percent)
    return replace(state, known=(reading, *others)[:KNOWN_SOCS])


def begun(state: SocState, *, is_resumed: bool) -> SocState:
    """Return the state as a charge begins, or goes on after a pause."""
    percent = None if state.real is None else state.real.percent
    state = replace(state, ceiling_percent=percent, falling=None, held=None)
    return state if is_resumed else replace(state, has_header=False, before=state.real)


def stopped(state: SocState) -> SocState:
    """Return the state as a charge pauses or ends."""
    return replace(state, ceiling_percent=None, falling=None)


def header_while_charging(
    state: SocState, reading: SocReading, start_at: datetime, *, is_parked: bool
) -> tuple[SocState, Verdict]:
    """Judge a displayed SoC during a charge; `is_parked`: the car has stood since the known one."""
    if state.real is not None and reading.at < state.real.at:
        return state, Verdict.IGNORED
    if _is_start(state, reading, start_at, is_parked=is_parked):
        return _accepted(replace(state, before=reading), reading), Verdict.START
    ceiling = state.ceiling_percent
    if ceiling is None or reading.percent > ceiling:
        return _accepted(state, reading), Verdict.ROSE
    state = replace(state, has_header=True)
    if reading.percent == ceiling:
        return replace(state, falling=None), Verdict.IGNORED
    falling = state.falling
    if falling is not None and reading.at > falling.at and reading.percent < falling.percent:
        lost = replace(state, shown=reading, real=reading, ceiling_percent=reading.percent)
        return lost, Verdict.FELL
    if falling is None or reading.percent > falling.percent:
        state = replace(state, falling=reading)
    return state, Verdict.IGNORED


def level_while_charging(state: SocState, reading: SocReading, start_at: datetime) -> SocState:
    """Accept BMW's forecast during a charge, or leave it out."""
    shown = state.shown
    if shown is None:
        return replace(state, shown=reading)
    is_newest = reading.at >= start_at and _is_newer(state, reading)
    return replace(state, shown=reading) if is_newest and reading.percent > shown.percent else state


def otherwise(
    state: SocState, reading: SocReading, *, is_forecast: bool, is_held_back: bool
) -> SocState:
    """Judge a header or level without a charge: the newest measured wins, up or down.

    With `is_held_back` a sudden rise has to wait for another reading.
    """
    shown, held = state.shown, state.held
    if is_forecast and not _is_newer(state, reading):
        return state
    if shown is not None and reading.at < shown.at:
        return _with_real(state, reading)
    if shown is not None and is_held_back and _is_spike(shown, reading):
        if held is None:
            return replace(state, held=reading)
        if held.percent == reading.percent:
            return state
    elif _is_resent(state, reading):
        return state
    accepted = replace(state, shown=reading, held=None)
    return accepted if is_forecast else _with_real(accepted, reading)


def _with_real(state: SocState, reading: SocReading) -> SocState:
    is_newest = state.real is None or reading.at >= state.real.at
    return replace(state, real=reading) if is_newest else state


def released(state: SocState, now: datetime) -> SocState:
    """Accept a sudden rise that nothing has contradicted for half an hour."""
    held = state.held
    if held is None or now - held.at < SPIKE_HOLD:
        return state
    return replace(state, shown=held, real=held, held=None)


def _is_start(state: SocState, reading: SocReading, start_at: datetime, *, is_parked: bool) -> bool:
    """Return whether a header is the SoC at the start.

    The newest one up to two minutes after the start is; but once one was measured around the start,
    a higher one shows that the charge goes on. A far higher one than that of the car that has not
    moved since shows that the charge began long before. The first header of a charge below the
    known SoC replaces it: what is re-sent repeats the known value.
    """
    real = state.real
    if real is None:
        return not state.has_header
    if reading.percent == real.percent:
        return False
    if reading.percent < real.percent:
        is_known_old = real.at < start_at - START_WINDOW
        return is_known_old and not state.has_header and state.ceiling_percent == real.percent
    if reading.at > start_at + START_WINDOW or real.at >= start_at - START_WINDOW:
        return False
    return not (is_parked and reading.percent > real.percent + LATE_START_POINTS)


def _accepted(state: SocState, reading: SocReading) -> SocState:
    """Show a header unless a forecast is newer, which the header does not lower."""
    shown = state.shown
    return replace(
        state,
        real=reading,
        shown=reading if shown is None or reading.at >= shown.at else shown,
        ceiling_percent=reading.percent,
        has_header=True,
        falling=None,
    )


def _is_newer(state: SocState, forecast: SocReading) -> bool:
    """Return whether a forecast is newer than what is shown; of one moment the header counts."""
    return state.shown is None or forecast.at > state.shown.at


def _is_spike(shown: SocReading, reading: SocReading) -> bool:
    is_soon = reading.at - shown.at < SPIKE_HOLD
    return is_soon and reading.percent - shown.percent >= SPIKE_POINTS


def _is_resent(state: SocState, reading: SocReading) -> bool:
    """Some cars send the SoC from before the charge again, with a fresh stamp."""
    if state.before is None or state.shown is None:
        return False
    fall = state.shown.percent - reading.percent
    return reading.percent == state.before.percent and fall >= RESENT_POINTS


# A rise in a silence


@dataclass(frozen=True, slots=True, kw_only=True)
class SocRise:
    """A SoC before and after a silence."""

    before: SocReading
    after: SocReading
    odometer_km: float | None
    """Before the silence."""
    contact_at: datetime
    """The last report of the car before it."""


def rise_in_silence(
    before: SocReading | None,
    after: SocReading,
    *,
    odometer_km: float | None,
    contact_at: datetime | None,
) -> SocRise | None:
    """Return the rise if it is large enough and came after a silence."""
    if before is None or after.percent - before.percent < MISSED_POINTS:
        return None
    last_at = before.at if contact_at is None else max(before.at, contact_at)
    if after.at - last_at < MISSED_SILENCE:
        return None
    return SocRise(before=before, after=after, odometer_km=odometer_km, contact_at=last_at)
