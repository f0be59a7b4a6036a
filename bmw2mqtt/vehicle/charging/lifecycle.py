"""Begin, pause, resume and end of a session.

The functions change `Step.state` and record transitions; whether they apply is decided by their
callers in `evidence` and `deadlines`.
"""

from dataclasses import replace
from datetime import datetime

from bmw2mqtt.vehicle.charging import soc
from bmw2mqtt.vehicle.charging.completion import (
    ASSUMED,
    note_interruption,
    note_unchanged_soc,
    settled,
)
from bmw2mqtt.vehicle.charging.constants import (
    BURST_TOLERANCE,
    FLAP,
    LATE_START_POINTS,
    LONGEST_SILENCE,
    MERGE_WITHOUT_PLUG,
    SPIKE_HOLD,
)
from bmw2mqtt.vehicle.charging.power import PowerSample, ac_power, advanced, sampled
from bmw2mqtt.vehicle.charging.session import (
    Block,
    ChargingSession,
    EndSource,
    Flag,
    Phase,
    StartSource,
    duration,
    session_id,
)
from bmw2mqtt.vehicle.charging.state import MachineState, Step, TransitionKind
from bmw2mqtt.vehicle.charging.words import is_target_reached


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
    note_unchanged_soc(state)
    state.session = settled(state.session)
    note_interruption(state)
    step.record(TransitionKind.ENDED, state.session.end_at or at)


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


def refresh(state: MachineState) -> None:
    """Note in the session what was not known when it began."""
    session = state.session
    if session is None or not (session.is_open or session.capacity_kwh is None):
        return
    known = (session.capacity_kwh, session.target_percent, session.odometer_km)
    capacity_kwh = state.facts.capacity_kwh or session.capacity_kwh
    target_percent = state.target_percent if session.is_open else session.target_percent
    odometer_km = session.odometer_km or state.odometer_km
    if known != (capacity_kwh, target_percent, odometer_km):
        state.session = replace(
            session,
            capacity_kwh=capacity_kwh,
            target_percent=target_percent,
            odometer_km=odometer_km,
        )


def update_integrals(state: MachineState, until: datetime) -> None:
    """Add up the energy of the running block until a moment."""
    session = state.session
    if session is None or session.phase is not Phase.CHARGING:
        return
    block = session.blocks[-1]
    state.battery_sampler, battery = advanced(state.battery_sampler, block.battery, until)
    state.grid_sampler, grid = advanced(state.grid_sampler, block.grid, until)
    state.session = session.with_last_block(battery=battery, grid=grid)


def _start(step: Step, at: datetime, source: StartSource) -> None:
    state, facts = step.state, step.state.facts
    state.soc = soc.begun(state.soc, is_resumed=False)
    state.active_since = at
    state.is_read_requested = False
    state.session = ChargingSession(
        id=session_id(at, state.session),
        phase=Phase.CHARGING,
        start_at=at,
        start_source=source,
        start_accuracy_s=_accuracy_s(state, at),
        blocks=(Block(start_at=at, is_preconditioning=_is_preconditioning(state)),),
        plugged_at=state.plugged_at,
        last_evidence_at=at,
        soc_start=None if state.soc.real is None else state.soc.real.percent,
        target_percent=state.target_percent,
        capacity_kwh=facts.capacity_kwh,
        odometer_km=state.odometer_km,
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
    return session.proof_source not in ASSUMED or at - end_at <= LONGEST_SILENCE


def _close_block(state: MachineState, at: datetime, source: EndSource, phase: Phase) -> None:
    session = state.session
    if session is None:
        return
    end_at = max(at, session.blocks[-1].start_at)
    update_integrals(state, end_at)
    session = (state.session or session).with_last_block(end_at=end_at)
    state.session = replace(
        session,
        phase=phase,
        proof_at=end_at,
        proof_source=source,
        last_evidence_at=min(session.last_evidence_at, end_at),
    )
    refresh(state)
    state.soc = soc.stopped(state.soc)
    state.active_since = state.battery_sampler = state.grid_sampler = None
    state.low_power_at = state.high_power_at = state.shown_end = None


def _accuracy_s(state: MachineState, at: datetime) -> float:
    """Return how much earlier something may have happened that a report of the car shows."""
    if not state.facts.is_report or state.contact_at is None:
        return 0.0
    return duration(state.contact_at, at).total_seconds()


def _start_sampling(state: MachineState, at: datetime) -> None:
    """Use the power that was measured in the same moment as the start."""
    power = state.facts.power_w
    if power is not None and at <= power.at:
        sample = PowerSample(watts=power.value, at=power.at, since=power.at)
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
    is_at_target = is_target_reached(None if real is None else real.percent, state.target_percent)
    return is_at_target or (preconditioning is not None and preconditioning.value)
