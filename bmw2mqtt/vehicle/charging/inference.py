"""Missed sessions: charges of which neither start nor end was received."""

from dataclasses import replace
from datetime import datetime

from bmw2mqtt.vehicle.charging.conditions import is_driving
from bmw2mqtt.vehicle.charging.constants import BURST_TOLERANCE, MISSED_KM
from bmw2mqtt.vehicle.charging.session import (
    ChargingSession,
    EndSource,
    Flag,
    Phase,
    StartSource,
    duration,
    session_id,
)
from bmw2mqtt.vehicle.charging.soc import SocRise
from bmw2mqtt.vehicle.charging.state import MachineState, Step, TransitionKind


def infer(step: Step) -> None:
    """Create a session for a missed charge: the SoC rose in a silence in which the car stood.

    If a charge runs now it is the same one, seen late; else it is a session of its own.
    """
    state, missed = step.state, step.missed
    step.missed = None
    if missed is None or not _is_charge(
        missed,
        odometer_km=state.odometer_km,
        moved_at=state.moved_at,
        has_engine=state.facts.has_engine,
    ):
        return
    before, after = missed.before, missed.after
    if not state.facts.can_charge or _was_driving(state, after.at):
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
    if state.session is not None and _goes_on(state, state.session, missed):
        at = after.at
        state.session = replace(
            state.session, soc_end=after.percent, proof_at=at, last_evidence_at=at
        )
        step.record(TransitionKind.UPDATED, at)
        return
    start_at = missed.contact_at
    state.session = ChargingSession(
        id=session_id(start_at, state.session),
        phase=Phase.ENDED,
        start_at=start_at,
        start_source=StartSource.INFERRED,
        start_accuracy_s=duration(start_at, after.at).total_seconds(),
        proof_at=after.at,
        proof_source=EndSource.INFERRED,
        last_evidence_at=after.at,
        soc_start=before.percent,
        soc_end=after.percent,
        target_percent=state.target_percent,
        capacity_kwh=state.facts.capacity_kwh,
        odometer_km=state.odometer_km,
    )
    step.record(TransitionKind.INFERRED, after.at)


def _goes_on(state: MachineState, session: ChargingSession, missed: SocRise) -> bool:
    """Return whether the last session, inferred too, is the same plug-in: the car stood since."""
    if session.start_source is not StartSource.INFERRED or session.end_at != missed.before.at:
        return False
    marks = (state.moved_at, session.unplugged_at)
    until = missed.after.at - BURST_TOLERANCE
    return not any(mark is not None and session.start_at < mark < until for mark in marks)


def _was_driving(state: MachineState, at: datetime) -> bool:
    """Return whether it drove before the SoC was measured.

    The first contact after a missed charge is often the moment in which the car sets off. Without
    an engine and with an odometer that stands, that raises no SoC.
    """
    moving = state.facts.is_moving
    sets_off = moving is not None and moving.value and at - moving.at <= BURST_TOLERANCE
    return is_driving(state, at) and (state.facts.has_engine or not sets_off)


def _includes(session: ChargingSession | None, at: datetime) -> bool:
    """Return whether a rise of the SoC since then includes a session that is known."""
    if session is None:
        return False
    return session.end_at is None or session.is_open or session.end_at > at


def _is_charge(
    rise: SocRise, *, odometer_km: float | None, moved_at: datetime | None, has_engine: bool
) -> bool:
    """Return whether a rise can only be a charge: the car stood.

    An engine can raise the SoC too, so that a hybrid's odometer has to prove it; the other signs of
    movement are enough for an electric car.
    """
    if rise.odometer_km is not None and odometer_km is not None:
        return abs(odometer_km - rise.odometer_km) <= MISSED_KM
    return not has_engine and (moved_at is None or moved_at <= rise.before.at)
