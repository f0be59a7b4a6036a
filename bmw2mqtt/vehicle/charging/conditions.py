"""Whether a sign of charging is newer than everything that excludes a charge."""

from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import CHARGING_POWER_W, FLAP, LONGEST_SILENCE
from bmw2mqtt.vehicle.charging.session import Phase
from bmw2mqtt.vehicle.charging.state import MachineState, Step


def may_charge(step: Step, at: datetime) -> bool:
    """Return whether "charging", measured then, is newer than everything that excludes it."""
    state, session = step.state, step.state.session
    if step.now - at > LONGEST_SILENCE or is_driving(state, at):
        return False
    if session is not None and session.phase is Phase.CHARGING:
        return True
    plug = state.facts.is_plugged_in
    marks = [state.moved_at, plug.at if plug is not None and plug.value is False else None]
    if session is not None:
        marks += [session.end_at, session.unplugged_at]
    return all(mark is None or at > mark for mark in marks)


def is_driving(state: MachineState, at: datetime) -> bool:
    """Return whether the car drives: the engine of a hybrid may charge then.

    "Moving" may be left over for a car without engine; it excludes a charge for two minutes.
    """
    facts, plug = state.facts, state.facts.is_plugged_in
    for reading in (facts.is_moving, facts.is_engine_on if facts.has_engine else None):
        if reading is None or not reading.value or reading.at > at + FLAP:
            continue
        is_plugged_since = plug is not None and plug.value is True and plug.at > reading.at
        if not is_plugged_since and (facts.has_engine or at - reading.at < FLAP):
            return True
    return False


def earliest_start(state: MachineState, at: datetime) -> datetime:
    """Return the earlier of the status and the power that came with it."""
    power = state.facts.power_w
    if power is None or power.value < CHARGING_POWER_W or not at - FLAP <= power.at < at:
        return at
    plug, session = state.facts.is_plugged_in, state.session
    marks = [state.moved_at, plug.at if plug is not None and plug.value is False else None]
    marks.append(None if session is None else session.end_at)
    is_newest = all(mark is None or power.at > mark for mark in marks)
    return power.at if is_newest else at
