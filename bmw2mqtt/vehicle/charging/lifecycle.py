"""Begin, pause, resume, end and completion of a session.

The functions change `Step.state` and record transitions; whether they apply is decided by their
callers in `evidence` and `deadlines`.
"""

from dataclasses import replace
from datetime import datetime

from bmw2mqtt.vehicle.charging import soc
from bmw2mqtt.vehicle.charging.conditions import is_driving
from bmw2mqtt.vehicle.charging.constants import (
    BURST_TOLERANCE,
    FLAP,
    LATE_START_POINTS,
    LONGEST_SILENCE,
    MERGE_WITHOUT_PLUG,
    SPIKE_HOLD,
)
from bmw2mqtt.vehicle.charging.missed import is_charge
from bmw2mqtt.vehicle.charging.power import PowerSample, ac_power, advanced, sampled
from bmw2mqtt.vehicle.charging.session import (
    Block,
    ChargingSession,
    EndSource,
    Flag,
    Meter,
    Phase,
    StartSource,
    duration,
    session_id,
)
from bmw2mqtt.vehicle.charging.state import MachineState, Step, TransitionKind
from bmw2mqtt.vehicle.charging.words import is_target_reached

_ASSUMED = frozenset({EndSource.EXPECTED, EndSource.LAST_EVIDENCE})


def begin(step: Step, at: datetime, source: StartSource) -> None:
    """Begin a session, or go on with the one of this plug-in. Nothing changes while it charges."""
    state = step.state
    session = state.session
    if session is not None and session.phase is Phase.CHARGING:
        return
    at = at if state.moved_at is None else max(at, state.moved_at)
    if session is not None and _goes_on(state, session, at):
        _resume(step, session, at)
    else:
        if session is not None and session.is_open:
            end(step, session.end_at or at, EndSource.PAUSED)
        _start(step, at, source)
    _start_sampling(state, at)


def pause(step: Step, at: datetime) -> None:
    """Close the running block; the session stays open."""
    if step.state.is_charging:
        _close_block(step.state, at, EndSource.PAUSED, Phase.PAUSED)
        step.record(TransitionKind.PAUSED, at)


def end(step: Step, at: datetime, source: EndSource) -> None:
    """End the open session. A pause before keeps its time as the end, unless it was this moment."""
    state = step.state
    if state.session is None or not state.session.is_open:
        return
    if state.session.phase is Phase.CHARGING:
        _close_block(state, at, source, Phase.ENDED)
    else:
        session = state.session
        paused_at = session.end_at or at
        is_same_moment = abs(at - paused_at) <= BURST_TOLERANCE
        state.session = replace(
            session,
            phase=Phase.ENDED,
            proof_source=source if is_same_moment else session.proof_source,
        )
    if source is EndSource.UNPLUGGED:
        state.session = replace(state.session, unplugged_at=at)
    _note_unchanged_soc(state)
    state.session = _settled(state.session)
    _note_interruption(state)
    step.record(TransitionKind.ENDED, state.session.end_at or at)


def correct_end(step: Step, at: datetime, source: EndSource) -> None:
    """Replace an end that was only assumed by one that the car reported afterwards."""
    session = step.state.session
    if session is None or session.phase is not Phase.ENDED or not session.blocks:
        return
    if session.proof_source not in _ASSUMED or at <= session.last_evidence_at:
        return
    block = replace(session.blocks[-1], end_at=max(at, session.blocks[-1].start_at))
    step.state.session = replace(
        session, blocks=(*session.blocks[:-1], block), proof_at=block.end_at, proof_source=source
    )
    _note_interruption(step.state)
    step.record(TransitionKind.UPDATED, at)


def note_unplugged(step: Step, at: datetime) -> None:
    """Record when the car was unplugged after a session that had ended before."""
    session = step.state.session
    if (
        session is None
        or session.unplugged_at is not None
        or session.start_source is StartSource.BMW
    ):
        return
    if at <= session.start_at:
        return
    step.state.session = replace(session, unplugged_at=at)
    _note_unchanged_soc(step.state)
    step.record(TransitionKind.UPDATED, at)


def complete(step: Step, percent: float, at: datetime, *, is_forecast: bool) -> bool:
    """Complete the SoC at the end with a late reading, which raises it only.

    Returns:
        Whether the reading belongs to the session, though it may change nothing.
    """
    state = step.state
    session = state.session
    if session is None or not session.accepts_soc(at, state.moved_at):
        return False
    known = session.level_end if is_forecast else session.soc_end
    lowest = session.soc_start if known is None else known
    is_higher = lowest is None or percent > lowest
    is_unchanged = known is None and not is_forecast and session.is_awake_at(at, state.moved_at)
    if not is_higher and not is_unchanged:
        return True
    changed = (
        replace(session, level_end=percent) if is_forecast else replace(session, soc_end=percent)
    )
    state.session = _settled(changed)
    step.record(TransitionKind.UPDATED, at)
    return True


def rise(step: Step, percent: float, at: datetime) -> None:
    """Record that the SoC rose during the charge."""
    state = step.state
    session = state.session
    if session is None:
        return
    flags = session.flags
    is_first = session.soc_end is None and session.soc_start is not None
    if is_first and percent > session.soc_start + LATE_START_POINTS:  # type: ignore[operator] # known
        flags = flags | {Flag.LATE_START} if _was_silent(state, session) else flags
    state.session = replace(
        session,
        soc_start=percent if session.soc_start is None else session.soc_start,
        soc_end=percent,
        flags=flags,
        last_evidence_at=max(session.last_evidence_at, at),
    )


def infer(step: Step) -> None:
    """Find a charge that nobody saw: the SoC had risen after a silence in which the car stood.

    If a charge runs now it is the same one, seen late; else it is a session of its own.
    """
    state, missed = step.state, step.missed
    step.missed = None
    if missed is None or not is_charge(
        missed,
        odometer_km=state.odometer_km,
        moved_at=state.moved_at,
        has_engine=state.facts.has_engine,
    ):
        return
    before, after = missed.before, missed.after
    if is_driving(state, after.at):
        return
    if state.is_charging and state.session is not None:
        session = state.session
        state.session = replace(
            session,
            soc_start=before.percent,
            soc_end=after.percent if session.soc_end is None else session.soc_end,
            start_accuracy_s=duration(missed.contact_at, session.start_at).total_seconds(),
            flags=session.flags | {Flag.LATE_START},
        )
        return
    if _includes(state.session, before.at):
        return
    start_at = missed.contact_at
    state.session = ChargingSession(
        id=session_id(start_at),
        phase=Phase.ENDED,
        start_at=start_at,
        start_source=StartSource.INFERRED,
        start_accuracy_s=duration(start_at, after.at).total_seconds(),
        proof_at=after.at,
        proof_source=EndSource.INFERRED,
        last_evidence_at=after.at,
        soc_start=before.percent,
        soc_end=after.percent,
        target_percent=_target(state),
        capacity_kwh=state.facts.capacity_kwh,
        odometer_km=state.odometer_km,
    )
    step.record(TransitionKind.INFERRED, after.at)


def _includes(session: ChargingSession | None, at: datetime) -> bool:
    """Return whether a rise of the SoC since then includes a session that is known."""
    if session is None:
        return False
    return session.end_at is None or session.is_open or session.end_at > at


def update_integrals(state: MachineState, until: datetime) -> None:
    """Add up the energy of the running block until a moment."""
    session = state.session
    if session is None or session.phase is not Phase.CHARGING:
        return
    block = session.blocks[-1]
    state.battery_sampler, battery = advanced(state.battery_sampler, block.battery, until)
    state.grid_sampler, grid = advanced(state.grid_sampler, block.grid, until)
    changed = replace(block, battery=battery, grid=grid)
    state.session = replace(session, blocks=(*session.blocks[:-1], changed))


def _start(step: Step, at: datetime, source: StartSource) -> None:
    state, facts = step.state, step.state.facts
    contact_at = state.contact_at
    accuracy = duration(contact_at, at).total_seconds() if contact_at and facts.is_report else 0.0
    state.soc = soc.begun(state.soc, is_resumed=False)
    state.active_since = at
    state.is_read_requested = False
    meter = facts.meter_kwh
    state.session = ChargingSession(
        id=session_id(at),
        phase=Phase.CHARGING,
        start_at=at,
        start_source=source,
        start_accuracy_s=accuracy,
        blocks=(Block(start_at=at, is_preconditioning=_is_preconditioning(state)),),
        plugged_at=state.plugged_at,
        last_evidence_at=at,
        soc_start=None if state.soc.real is None else state.soc.real.percent,
        target_percent=_target(state),
        capacity_kwh=facts.capacity_kwh,
        odometer_km=state.odometer_km,
        meter=None
        if meter is None
        else Meter(start_kwh=meter.value, last_kwh=meter.value, last_at=max(meter.at, at)),
    )
    step.record(TransitionKind.STARTED, at)


def _resume(step: Step, session: ChargingSession, at: datetime) -> None:
    """Add a block; after a pause below two minutes the last one goes on.

    A session that was only inferred starts visibly now, in the same plug-in.
    """
    state = step.state
    last = session.blocks[-1] if session.blocks else None
    if last is not None and last.end_at is not None and at - last.end_at < FLAP:
        blocks = (*session.blocks[:-1], replace(last, end_at=None))
    else:
        block = Block(start_at=at, is_preconditioning=_is_preconditioning(state))
        blocks = (*session.blocks, block)
    state.soc = soc.begun(state.soc, is_resumed=True)
    state.active_since = at
    state.session = replace(
        session,
        phase=Phase.CHARGING,
        blocks=blocks,
        proof_at=None,
        proof_source=None,
        last_evidence_at=max(session.last_evidence_at, at),
    )
    step.record(TransitionKind.RESUMED if last is not None else TransitionKind.STARTED, at)


def _goes_on(state: MachineState, session: ChargingSession, at: datetime) -> bool:
    """Return whether a charge that begins now belongs to the same plug-in.

    With a plug signal it does until the car was unplugged or moved; after an end that was only
    assumed, for a day. Without a plug signal, for half an hour.
    """
    end_at = session.end_at
    if session.start_source is StartSource.BMW or end_at is None:
        return False
    if session.unplugged_at is not None or at < end_at:
        return False
    if state.moved_at is not None and state.moved_at > session.start_at:
        return False
    if not state.has_plug:
        return at - end_at <= MERGE_WITHOUT_PLUG
    return session.proof_source not in _ASSUMED or at - end_at <= LONGEST_SILENCE


def _close_block(state: MachineState, at: datetime, source: EndSource, phase: Phase) -> None:
    session = state.session
    if session is None:
        return
    end_at = max(at, session.blocks[-1].start_at)
    update_integrals(state, end_at)
    session = state.session or session
    block = replace(session.blocks[-1], end_at=end_at)
    state.session = replace(
        session,
        phase=phase,
        blocks=(*session.blocks[:-1], block),
        proof_at=end_at,
        proof_source=source,
        last_evidence_at=min(session.last_evidence_at, end_at),
        capacity_kwh=state.facts.capacity_kwh or session.capacity_kwh,
        target_percent=_target(state),
    )
    state.soc = soc.stopped(state.soc)
    state.active_since = state.battery_sampler = state.grid_sampler = None
    state.low_power_at = state.high_power_at = state.shown_end = None


def _settled(session: ChargingSession) -> ChargingSession:
    """Return the session with the end of its last block as its SoC proves it.

    If it gained nothing until it was unplugged or driven away, the current had stopped long before:
    the end is the last evidence of a charge. A late reading that is higher takes that back.
    """
    is_real = session.proof_source in {EndSource.UNPLUGGED, EndSource.MOVEMENT}
    if not session.blocks or session.proof_at is None or not is_real:
        return session
    gained_nothing = session.soc_end is not None and (session.soc_gain or 0.0) <= 0
    last = session.blocks[-1]
    end_at = session.last_evidence_at if gained_nothing else session.proof_at
    block = replace(last, end_at=max(end_at, last.start_at))
    return replace(session, blocks=(*session.blocks[:-1], block))


def _note_unchanged_soc(state: MachineState) -> None:
    """Accept a SoC as low as at the start once the car is awake; before it proves nothing."""
    session, reading = state.session, state.facts.soc_percent
    if session is None or reading is None or session.soc_end is not None:
        return
    is_low = session.soc_start is not None and reading.value <= session.soc_start
    if is_low and session.is_awake_at(reading.at, state.moved_at):
        state.session = _settled(replace(session, soc_end=reading.value))


def _note_interruption(state: MachineState) -> None:
    session, gap = state.session, state.gap
    if session is None or gap is None or session.end_at is None:
        return
    if gap.begin <= session.end_at <= gap.end:
        state.session = replace(session, flags=session.flags | {Flag.INTERRUPTED})


def _start_sampling(state: MachineState, at: datetime) -> None:
    """Use the power that was measured in the same moment as the start."""
    power = state.facts.power_w
    if power is not None and at <= power.at:
        sample = PowerSample(watts=power.value, at=power.at)
        state.battery_sampler = sampled(sample, at)
    grid = ac_power(state.facts, at)
    if grid is not None:
        state.grid_sampler = sampled(grid, at)


def _was_silent(state: MachineState, session: ChargingSession) -> bool:
    """Return whether the SoC at the start is much older than the start."""
    before = state.soc.before
    return before is None or session.start_at - before.at >= SPIKE_HOLD


def _is_preconditioning(state: MachineState) -> bool:
    preconditioning = state.facts.is_preconditioning
    real = state.soc.real
    is_at_target = is_target_reached(None if real is None else real.percent, _target(state))
    return is_at_target or (preconditioning is not None and preconditioning.value)


def _target(state: MachineState) -> float | None:
    target = state.facts.target_percent
    return None if target is None else target.value
