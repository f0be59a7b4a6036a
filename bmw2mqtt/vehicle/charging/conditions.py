"""Whether a sign of charging is newer than everything that excludes a charge."""

from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import CHARGING_POWER_W, FLAP, LONGEST_SILENCE
from bmw2mqtt.vehicle.charging.session import EndSource, Phase
from bmw2mqtt.vehicle.charging.state import MachineState, Step


def may_charge(step: Step, at: datetime) -> bool:
    """Return whether "charging", measured then, is newer than everything that excludes it."""
    state, session = step.state, step.state.session
    if step.now - at > LONGEST_SILENCE or is_driving(state, at):
        return False
    if session is not None and session.phase is Phase.CHARGING:
        return True
    return _is_after_the_last(state, at)


def _is_after_the_last(state: MachineState, at: datetime) -> bool:
    """Return whether a time is later than the last charge, unplugging and drive.

    What is reported in the same moment as a drive comes after it: MyBMW stamps all values of a
    report alike.
    """
    plug, session = state.facts.is_plugged_in, state.session
    if plug is not None and plug.value is False:
        is_same_report = state.facts.is_report and at == plug.at
        if at <= plug.at and not is_same_report:
            return False
    if state.moved_at is not None and at < state.moved_at:
        return False
    if session is None or session.end_at is None:
        return True
    if session.unplugged_at is not None and at <= session.unplugged_at:
        return False
    if session.proof_source is EndSource.MOVEMENT:
        return at >= session.end_at
    return at > session.end_at


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
    return power.at if _is_after_the_last(state, power.at) else at
