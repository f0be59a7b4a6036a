"""Movement: the odometer, "is moving", and the distance from where the car stood."""

from dataclasses import replace
from datetime import datetime, timedelta

from bmw2mqtt.vehicle.charging.completion import correct_end
from bmw2mqtt.vehicle.charging.constants import (
    FASTEST_KMH,
    KM_PER_MILE,
    MILES_TOLERANCE,
    MOVED_KM,
    MOVED_M,
    ODOMETER_SETTLES,
    START_WINDOW,
)
from bmw2mqtt.vehicle.charging.facts import Fact, distance_m
from bmw2mqtt.vehicle.charging.lifecycle import end
from bmw2mqtt.vehicle.charging.session import EndSource
from bmw2mqtt.vehicle.charging.state import MachineState, Step
from bmw2mqtt.vehicle.snapshot import Position


def moved_by_odometer(step: Step, reading: Fact[float]) -> None:
    """Judge the odometer: a kilometre more is a drive.

    A reading of the first ten minutes of a charge may be the report of the drive before it. A step
    by the factor of a mile is a fault of units.
    """
    state, km = step.state, reading.value
    known_km = state.odometer_km
    if known_km is None:
        state.odometer_km = km
        return
    if _is_unit_fault(known_km, km):
        return
    if km - known_km >= MOVED_KM:
        if not _is_early(state, reading.at, is_odometer=True):
            moved(step, reading.at)
        state.odometer_km = km
    elif km < known_km:
        state.odometer_km = km


def on_moving(step: Step, reading: Fact[bool]) -> None:
    """Judge "is moving"; one that is older than the charge is left over."""
    if reading.value:
        moved(step, reading.at)


def moved_by_position(step: Step, reading: Fact[Position], known: Fact[Position] | None) -> None:
    """Judge a position: 100 m from where the car stood is a drive.

    A jump that no car can drive is a fault of the receiver; the next position decides.
    """
    state = step.state
    if state.place is None or _is_early(state, reading.at, is_odometer=False):
        state.place = reading.value
        return
    away_m = distance_m(state.place, reading.value)
    if away_m < MOVED_M or (known is not None and _is_jump(known, reading)):
        return
    moved(step, reading.at)
    state.place = reading.value


def moved(step: Step, at: datetime) -> None:
    """End the charge unless it was still charging later; note that the car moved."""
    state, session = step.state, step.state.session
    if session is not None and session.is_open and at > session.start_at:
        if at <= session.last_evidence_at:
            return
        state.moved_at = at
        end(step, at, EndSource.MOVEMENT)
    elif session is not None and session.end_at is not None and at < session.end_at:
        correct_end(step, at, EndSource.MOVEMENT)
    if session is None or at > session.start_at:
        state.plugged_at = None
        state.high_power_at = None
        state.soc = replace(state.soc, before=None)
    state.moved_at = at if state.moved_at is None else max(at, state.moved_at)


def _is_early(state: MachineState, at: datetime, *, is_odometer: bool) -> bool:
    session = state.session
    if session is None or not session.is_open:
        return False
    return at <= session.start_at + (ODOMETER_SETTLES if is_odometer else START_WINDOW)


def _is_unit_fault(known_km: float, km: float) -> bool:
    if known_km <= 0 or km <= 0:
        return False
    factor = km / known_km
    return any(
        abs(factor / ratio - 1) <= MILES_TOLERANCE for ratio in (KM_PER_MILE, 1 / KM_PER_MILE)
    )


def _is_jump(known: Fact[Position], reading: Fact[Position]) -> bool:
    hours = (reading.at - known.at) / timedelta(hours=1)
    if hours <= 0:
        return False
    return distance_m(known.value, reading.value) / 1000 / hours > FASTEST_KMH
