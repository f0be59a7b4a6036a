"""What each new reading proves: the charge begins, goes on, pauses, or is over.

Readings are judged in the order in which they were measured, whatever order they came in. Of one
moment, movement and the plug come first (unplugged beats charging), and the SoC comes before the
words that end a charge.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.vehicle.charging import soc
from bmw2mqtt.vehicle.charging.completion import complete, correct_end, note_unplugged
from bmw2mqtt.vehicle.charging.conditions import earliest_start, may_charge
from bmw2mqtt.vehicle.charging.constants import CHARGING_POWER_W, FLAP, POWER_UNKNOWN, START_WINDOW
from bmw2mqtt.vehicle.charging.energy import CurrentType, kind_of
from bmw2mqtt.vehicle.charging.facts import MEASURED, ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.lifecycle import begin, end, pause, rise, update_integrals
from bmw2mqtt.vehicle.charging.movement import moved_by_odometer, moved_by_position, on_moving
from bmw2mqtt.vehicle.charging.power import PowerSample, ac_power, sampled
from bmw2mqtt.vehicle.charging.session import EndSource, Flag, Phase, StartSource
from bmw2mqtt.vehicle.charging.soc import SocReading, Verdict, rise_in_silence
from bmw2mqtt.vehicle.charging.state import MachineState, Step
from bmw2mqtt.vehicle.charging.words import FINAL, IDLE
from bmw2mqtt.vehicle.snapshot import ChargingStatus

_FIRST = 0
_LAST = 2
_RANKS = {
    "target_percent": _FIRST,
    "is_dc": _FIRST,
    "is_preconditioning": _FIRST,
    "is_engine_on": _FIRST,
    "odometer_km": _FIRST,
    "is_moving": _FIRST,
    "position": _FIRST,
    "is_plugged_in": _FIRST,
}


def new_readings(state: MachineState, facts: ChargingFacts) -> list[tuple[str, Fact[Any]]]:
    """Return the readings that are newer than the known ones, in the order of judgement.

    An older SoC is one too: it may complete a session, or come again without its stamp.
    """
    found = []
    for place, name in enumerate(MEASURED):
        reading: Fact[Any] | None = getattr(facts, name)
        known: Fact[Any] | None = getattr(state.facts, name)
        if reading is None or reading is known:
            continue
        is_same = known is not None and (reading.at, reading.value) == (known.at, known.value)
        is_older = known is not None and reading.at < known.at
        if not is_same and (not is_older or name == "soc_percent"):
            found.append((reading.at, _rank(name, reading.value), place, name, reading))
    found.sort(key=lambda item: item[:3])
    return [(name, reading) for *_, name, reading in found]


def judge(step: Step, name: str, reading: Fact[Any]) -> None:
    """Update the state by one new reading."""
    known: Fact[Any] | None = getattr(step.state.facts, name)
    handler = _HANDLERS.get(name)
    if handler is not None and handler in {on_soc, on_level}:
        handler(step, reading)
        return
    changes: dict[str, Any] = {name: reading}
    step.state.facts = replace(step.state.facts, **changes)
    if name == "position":
        moved_by_position(step, reading, known)
    elif handler is not None:
        handler(step, reading)


def on_status(step: Step, reading: Fact[ChargingStatus]) -> None:
    """Judge a status word: the main signal."""
    state, word, at = step.state, reading.value, reading.at
    if word is ChargingStatus.INVALID:
        return
    state.status = reading
    state.high_power_at = None
    session = state.session
    if word is ChargingStatus.CHARGING:
        if may_charge(step, at):
            begin(step, earliest_start(state, at), StartSource.STATUS)
            _note_evidence(state, at)
        return
    if session is None or at < session.start_at:
        return
    is_final = word in FINAL or (word in IDLE and state.is_at_target)
    if session.phase is Phase.ENDED:
        correct_end(step, at, EndSource.STATUS if is_final else EndSource.PAUSED)
    elif is_final:
        end(step, at, EndSource.STATUS)
    else:
        pause(step, at)


def on_plug(step: Step, reading: Fact[bool | None]) -> None:
    """Judge the plug: unplugged is the best mark of an end, plugged in begins nothing."""
    state, at = step.state, reading.at
    if reading.value is None:
        return
    state.has_plug = True
    if reading.value:
        if state.plugged_at is None:
            _note_plugged(state, at)
        return
    state.plugged_at = None
    state.high_power_at = None
    session = state.session
    if _is_contradicted(state, at):
        return
    if session is not None and session.is_open:
        if at >= session.start_at and session.last_evidence_at - at < FLAP:
            end(step, at, EndSource.UNPLUGGED)
    elif session is not None:
        if session.end_at is not None and at < session.end_at:
            correct_end(step, at, EndSource.UNPLUGGED)
        note_unplugged(step, at)
    state.soc = replace(state.soc, before=None)


def on_power(step: Step, reading: Fact[float]) -> None:
    """Judge the battery's power: a car without status words charges by it alone."""
    state, at = step.state, reading.at
    state.has_power = True
    is_charging_power = reading.value >= CHARGING_POWER_W
    if not state.is_charging:
        if is_charging_power:
            _begin_by_power(step, at)
        return
    if not state.is_current(at):
        return
    _sample_battery(state, PowerSample(watts=reading.value, at=at, since=at))
    if is_charging_power:
        state.low_power_at = None
        _note_evidence(state, at, reading.value)
    else:
        _pause_by_power(step, at)


def on_ac(step: Step, _: Fact[Any]) -> None:
    """Judge voltage, current and phases together."""
    state = step.state
    if state.active_since is None:
        return
    sample = ac_power(state.facts, state.active_since)
    if sample is None:
        return
    state.has_power = True
    update_integrals(state, sample.at)
    state.grid_sampler = sampled(sample, _counted_to(state.grid_sampler, state.active_since))
    if sample.watts >= CHARGING_POWER_W and state.is_charging:
        _note_evidence(state, sample.since, sample.watts)


def on_soc(step: Step, reading: Fact[float]) -> None:
    """Judge the displayed SoC."""
    state = step.state
    value = soc.recognised(
        state.soc,
        SocReading(percent=reading.value, at=reading.at),
        has_stamp=reading.measured_at is not None,
    )
    known = state.facts.soc_percent
    if known is None or value.at >= known.at:
        state.facts = replace(state.facts, soc_percent=replace(reading, measured_at=value.at))
    session = state.session
    if session is not None and state.is_charging:
        _judge_header(step, value, session.start_at)
    elif _confirms_power(step, value):
        begin(step, state.high_power_at or value.at, StartSource.POWER)
        on_soc(step, reading)
        return
    else:
        _judge_parked(step, value)
    state.soc = soc.remembered(state.soc, value)
    state.soc_odometer_km = state.odometer_km


def on_level(step: Step, reading: Fact[float]) -> None:
    """Judge BMW's forecast of the SoC; it counts by its time, also after the charge."""
    state = step.state
    known = state.facts.level_percent
    if known is not None and reading.at < known.at:
        return
    state.facts = replace(state.facts, level_percent=reading)
    value = SocReading(percent=reading.value, at=reading.at)
    session = state.session
    if session is not None and state.is_charging:
        state.soc = soc.level_while_charging(state.soc, value, session.start_at)
        if value.at >= session.start_at:
            higher = max(value.percent, session.level_end or 0.0)
            state.session = replace(session, level_end=higher)
        return
    complete(step, value.percent, value.at, is_forecast=True)
    state.soc = soc.otherwise(state.soc, value, is_forecast=True, is_held_back=False)


def on_end_reason(step: Step, reading: Fact[str]) -> None:
    """Note BMW's word for the end, which never ends a charge by itself.

    It is left over from the last charge until the next, and is sent again with fresh stamps.
    """
    session = step.state.session
    if session is not None and reading.at > session.start_at:
        step.state.session = replace(session, end_reason=reading.value)


def on_dc(step: Step, reading: Fact[bool]) -> None:
    """Note whether it is direct current."""
    session = step.state.session
    if session is not None and session.is_open:
        step.state.session = replace(session, is_dc=reading.value)


def _note_plugged(state: MachineState, at: datetime) -> None:
    state.plugged_at = at
    state.is_noticed = False
    session = state.session
    if session is not None and session.is_open and session.plugged_at is None:
        state.session = replace(session, plugged_at=min(at, session.start_at))


def _is_contradicted(state: MachineState, at: datetime) -> bool:
    """Return whether one report has both "charging" and "unplugged": then it charges."""
    status = state.facts.status
    is_same_report = state.facts.is_report and status is not None and status.at == at
    return is_same_report and status is not None and status.value is ChargingStatus.CHARGING


def _rank(name: str, value: object) -> int:
    """Return the place of a reading among those of the same moment."""
    is_stop = name == "status" and value is not ChargingStatus.CHARGING
    return _LAST if is_stop else _RANKS.get(name, 1)


def _begin_by_power(step: Step, at: datetime) -> None:
    """Begin by power: at once if the car has no status words, else by the second reading.

    A single one may be left over from the charge before. While the last word is "charging" (the
    power had only dropped), one is enough. A SoC that rises soon after the first is as good as a
    second one; where the car was last known unplugged, which not every owner lets it stream, only
    that counts.
    """
    state, status = step.state, step.state.status
    if not may_charge(step, at):
        return
    is_charging_word = status is not None and status.value is ChargingStatus.CHARGING
    if not state.has_status or is_charging_word:
        begin(step, at, StartSource.POWER)
    elif status is None or at - status.at > FLAP:
        first_at = state.high_power_at
        if first_at is None or not may_charge(step, first_at):
            state.high_power_at = at
            return
        if state.is_plugged_in is False:
            return
        begin(step, first_at, StartSource.POWER)
    else:
        return
    if state.facts.power_w is not None:
        _note_evidence(state, at, state.facts.power_w.value)


def _pause_by_power(step: Step, at: datetime) -> None:
    """Pause at the first of two low readings in a row."""
    state = step.state
    if state.low_power_at is None:
        state.low_power_at = at
    elif at > state.low_power_at:
        pause(step, state.low_power_at)


def _confirms_power(step: Step, value: SocReading) -> bool:
    """Return whether a SoC has risen since a power that a charge would make, soon after it."""
    power_at, real = step.state.high_power_at, step.state.soc.real
    if power_at is None or real is None or value.percent <= real.percent:
        return False
    return timedelta() < value.at - power_at < POWER_UNKNOWN and may_charge(step, power_at)


def _judge_header(step: Step, value: SocReading, start_at: datetime) -> None:
    state, session = step.state, step.state.session
    if session is None:
        return
    real = state.soc.real
    is_parked = real is None or state.moved_at is None or state.moved_at <= real.at
    state.soc, verdict = soc.header_while_charging(state.soc, value, start_at, is_parked=is_parked)
    if verdict is Verdict.START:
        is_late = value.at > start_at + START_WINDOW
        flags = session.flags | {Flag.LATE_START} if is_late else session.flags
        state.session = replace(session, soc_start=value.percent, flags=flags)
    elif verdict is Verdict.ROSE:
        rise(step, value.percent, value.at)
    elif verdict is Verdict.FELL and state.soc.falling is not None:
        pause(step, max(session.blocks[-1].start_at, state.soc.falling.at))


def _judge_parked(step: Step, value: SocReading) -> None:
    state, before = step.state, step.state.soc.real
    is_late = complete(step, value.percent, value.at, is_forecast=False)
    is_dc = state.session is not None and kind_of(state.session) is CurrentType.DC
    state.soc = soc.otherwise(
        state.soc, value, is_forecast=False, is_held_back=not is_late and not is_dc
    )
    if not is_late and state.soc.real == value:
        step.missed = step.missed or rise_in_silence(
            before, value, odometer_km=state.soc_odometer_km, contact_at=state.contact_at
        )


def _note_evidence(state: MachineState, at: datetime, watts: float | None = None) -> None:
    session = state.session
    if session is not None and session.phase is Phase.CHARGING:
        last = max(session.last_evidence_at, at)
        peak_kw = session.peak_kw if watts is None else max(session.peak_kw or 0.0, watts / 1000)
        state.session = replace(session, last_evidence_at=last, peak_kw=peak_kw)


def _sample_battery(state: MachineState, sample: PowerSample) -> None:
    if state.active_since is not None:
        update_integrals(state, sample.at)
        counted_to = _counted_to(state.battery_sampler, state.active_since)
        state.battery_sampler = sampled(sample, counted_to)


def _counted_to(sampler: Any, active_since: datetime) -> datetime:
    """Return up to where energy was added up already."""
    return active_since if sampler is None else max(active_since, sampler.counted_to)


_HANDLERS: dict[str, Callable[[Step, Any], None]] = {
    "status": on_status,
    "is_plugged_in": on_plug,
    "soc_percent": on_soc,
    "level_percent": on_level,
    "power_w": on_power,
    "voltage_v": on_ac,
    "current_a": on_ac,
    "phases": on_ac,
    "odometer_km": moved_by_odometer,
    "is_moving": on_moving,
    "end_reason": on_end_reason,
    "is_dc": on_dc,
}
