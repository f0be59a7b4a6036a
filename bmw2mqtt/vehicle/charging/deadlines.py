"""What time alone changes: assumed ends, the one REST read, notices, and what becomes unknown."""

from collections.abc import Iterator
from datetime import datetime

from bmw2mqtt.vehicle.charging import soc
from bmw2mqtt.vehicle.charging.constants import (
    END_TIME_SHOWN,
    EXPECTED_END_OVER,
    EXPECTED_END_READ,
    LONGEST_SILENCE,
    MERGE_WITHOUT_PLUG,
    NOT_CHARGING_NOTICE,
    POWER_UNKNOWN,
    READ_SPACING,
    RESTORE_GRACE,
    SPIKE_HOLD,
    UNKNOWN_WORD_HOLD,
)
from bmw2mqtt.vehicle.charging.inference import infer
from bmw2mqtt.vehicle.charging.lifecycle import end
from bmw2mqtt.vehicle.charging.power import ac_power
from bmw2mqtt.vehicle.charging.session import EndSource, Phase
from bmw2mqtt.vehicle.charging.state import MachineState, Step, TransitionKind
from bmw2mqtt.vehicle.charging.words import FINAL
from bmw2mqtt.vehicle.snapshot import ChargingStatus


def apply_time(step: Step) -> None:
    """Do what is due."""
    state = step.state
    _release_spike(step)
    if _is_due(read_due_at(state), step.now):
        state.is_read_requested, state.read_at = True, step.now
        step.record(TransitionKind.READ_DUE, step.now)
    expected = state.expected_end
    if expected is not None and _is_due(_assumed_over_at(state), step.now):
        end(step, expected, EndSource.EXPECTED)
    session = state.session
    if session is not None and _is_due(_silent_at(state), step.now):
        end(step, session.last_evidence_at, EndSource.LAST_EVIDENCE)
    if session is not None and _is_due(_merged_until(state), step.now):
        end(step, session.end_at or step.now, EndSource.PAUSED)
    notice_at = _notice_at(state)
    if notice_at is not None and notice_at <= step.now:
        state.is_noticed = True
        if step.now - notice_at < NOT_CHARGING_NOTICE:  # else it is no news: the bridge was off
            step.record(TransitionKind.NOT_CHARGING, notice_at)


def next_deadline(state: MachineState, now: datetime) -> datetime | None:
    """Return the next time after now at which time alone changes something."""
    return min((at for at in _deadlines(state) if at is not None and at > now), default=None)


def read_due_at(state: MachineState) -> datetime | None:
    """Return when the present charge is worth a REST read: five minutes past its expected end.

    Once per charge, and at most hourly per vehicle.
    """
    expected = state.expected_end
    if expected is None or not state.is_charging or state.is_read_requested:
        return None
    at = expected + EXPECTED_END_READ
    return at if state.read_at is None else max(at, state.read_at + READ_SPACING)


def _deadlines(state: MachineState) -> Iterator[datetime | None]:
    yield read_due_at(state)
    yield _assumed_over_at(state)
    yield _silent_at(state)
    yield _merged_until(state)
    yield _notice_at(state)
    if state.soc.held is not None:
        yield state.soc.held.at + SPIKE_HOLD
    if state.facts.status is not None and state.facts.status.value is ChargingStatus.INVALID:
        yield state.facts.status.at + UNKNOWN_WORD_HOLD
    yield from _shown_until(state)


def _shown_until(state: MachineState) -> Iterator[datetime]:
    if state.active_since is None:
        return
    if state.facts.power_w is not None:
        yield state.facts.power_w.at + POWER_UNKNOWN
    sample = ac_power(state.facts, state.active_since)
    if sample is not None:
        yield sample.at + POWER_UNKNOWN
    if state.reported_end is not None:
        yield state.reported_end
    if state.shown_end is not None:
        yield state.shown_end + END_TIME_SHOWN


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _assumed_over_at(state: MachineState) -> datetime | None:
    expected = state.expected_end
    if expected is None or not state.is_charging:
        return None
    return _after_restore(state, expected + EXPECTED_END_OVER)


def _silent_at(state: MachineState) -> datetime | None:
    if state.life_at is None or not state.is_charging:
        return None
    return _after_restore(state, state.life_at + LONGEST_SILENCE)


def _merged_until(state: MachineState) -> datetime | None:
    """Without a plug signal a pause of half an hour is the end."""
    session = state.session
    if session is None or session.phase is not Phase.PAUSED or state.has_plug:
        return None
    if session.end_at is None:
        return None
    return _after_restore(state, session.end_at + MERGE_WITHOUT_PLUG)


def _after_restore(state: MachineState, at: datetime) -> datetime:
    """After a restart the car's own reports come first."""
    return at if state.restored_at is None else max(at, state.restored_at + RESTORE_GRACE)


def _notice_at(state: MachineState) -> datetime | None:
    """Plugged in without charging; not after the car itself ended a charge, nor at the target."""
    if state.is_noticed or state.plugged_at is None or state.is_plugged_in is not True:
        return None
    session, status = state.session, state.status
    if state.is_charging or state.is_at_target:
        return None
    if status is not None and status.value in FINAL and status.at >= state.plugged_at:
        return None
    marks = [state.plugged_at]
    if session is not None and session.end_at is not None and session.unplugged_at is None:
        if session.phase is Phase.ENDED and session.end_at > state.plugged_at:
            return None
        marks.append(session.end_at)
    return max(marks) + NOT_CHARGING_NOTICE


def _release_spike(step: Step) -> None:
    state = step.state
    before, held = state.soc.real, state.soc.held
    state.soc = soc.released(state.soc, step.now)
    if held is None or state.soc.held is not None:
        return
    step.missed = soc.rise_in_silence(
        before, held, odometer_km=state.soc_odometer_km, contact_at=None
    )
    infer(step)
