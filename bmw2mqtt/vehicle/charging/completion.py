"""What is known of a session only after its end: late readings and corrections."""

from dataclasses import replace
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import FAILED_POINTS, POWER_UNKNOWN
from bmw2mqtt.vehicle.charging.energy import covered_kwh
from bmw2mqtt.vehicle.charging.session import ChargingSession, EndSource, Flag, Phase, StartSource
from bmw2mqtt.vehicle.charging.state import MachineState, Step, TransitionKind

ASSUMED = frozenset({EndSource.EXPECTED, EndSource.LAST_EVIDENCE})
"""Ends that the car did not report."""


def correct_end(step: Step, at: datetime, source: EndSource) -> None:
    """Replace an end that was only assumed by one that the car reported afterwards."""
    session = step.state.session
    if session is None or session.phase is not Phase.ENDED or not session.blocks:
        return
    if session.proof_source not in ASSUMED or at <= session.last_evidence_at:
        return
    end_at = max(at, session.blocks[-1].start_at)
    session = session.with_last_block(end_at=end_at)
    step.state.session = replace(session, proof_at=end_at, proof_source=source)
    note_interruption(step.state)
    step.record(TransitionKind.UPDATED, at)


def note_unplugged(step: Step, at: datetime) -> None:
    """Record when the car was unplugged after a session that had ended before."""
    session = step.state.session
    if session is None or session.unplugged_at is not None or at <= session.start_at:
        return
    if session.start_source is StartSource.BMW:
        return
    step.state.session = replace(session, unplugged_at=at)
    note_unchanged_soc(step.state)
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
    is_unchanged = known is None and not is_forecast and not is_higher
    if not is_higher and not (is_unchanged and _proves_no_gain(state, session, at)):
        return True
    changed = (
        replace(session, level_end=percent) if is_forecast else replace(session, soc_end=percent)
    )
    if is_higher and not is_forecast and session.proof_source is EndSource.INFERRED:
        changed = replace(changed, proof_at=at, last_evidence_at=at)  # so it charged until then
    state.session = settled(changed)
    step.record(TransitionKind.UPDATED, at)
    return True


def settled(session: ChargingSession) -> ChargingSession:
    """Return the session with the end of its last block as its SoC proves it.

    If it gained nothing until it was unplugged or driven away, the current had stopped long before:
    the end is the last evidence of a charge. A later, higher reading reverts that.
    """
    is_real = session.proof_source in {EndSource.UNPLUGGED, EndSource.MOVEMENT}
    if not session.blocks or session.proof_at is None or not is_real:
        return session
    gained_nothing = session.soc_end is not None and (session.soc_gain or 0.0) <= 0
    end_at = session.last_evidence_at if gained_nothing else session.proof_at
    return session.with_last_block(end_at=max(end_at, session.blocks[-1].start_at))


def note_unchanged_soc(state: MachineState) -> None:
    """Accept a SoC as low as at the start if it proves that nothing was charged."""
    session, reading = state.session, state.facts.soc_percent
    if session is None or reading is None or session.soc_end is not None:
        return
    is_low = session.soc_start is not None and reading.value <= session.soc_start
    if is_low and _proves_no_gain(state, session, reading.at):
        state.session = settled(replace(session, soc_end=reading.value))


def _proves_no_gain(state: MachineState, session: ChargingSession, at: datetime) -> bool:
    """Return whether a SoC that has not risen is fresh.

    The SoC of some cars stands still until they are awake: unplugged or moved. Right after current
    has flowed it may still be the old one, and it is if the measured energy contradicts it.
    """
    if not session.is_awake_at(at, state.moved_at):
        return False
    if at - session.last_evidence_at < POWER_UNKNOWN:
        return False
    kwh, capacity_kwh = covered_kwh(session), session.capacity_kwh
    if kwh is None or capacity_kwh is None:
        return True
    return kwh < FAILED_POINTS / 100 * capacity_kwh


def note_interruption(state: MachineState) -> None:
    """Flag a session that ended while nothing could reach us."""
    session, gap = state.session, state.gap
    if session is None or gap is None or session.end_at is None:
        return
    if gap.begin <= session.end_at <= gap.end:
        state.session = replace(session, flags=session.flags | {Flag.INTERRUPTED})
