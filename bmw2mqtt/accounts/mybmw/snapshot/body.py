"""The body of a snapshot: doors, lids, windows, roof, alarm and tires."""

from collections.abc import Mapping
from typing import Any

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord, find_word
from bmw2mqtt.vehicle.snapshot import LockState, Opening, OpeningState, Tire, Tires
from bmw2mqtt.vehicle.states import AlarmState

MAX_KPA = 1000


def _openings(
    raw: JsonReader, known: tuple[Opening, ...] | None, report: ReportWord
) -> tuple[Opening, ...]:
    """Return doors or windows by BMW's names; one that is INVALID is not fitted."""
    known_states = {opening.name: opening.state for opening in known or ()}
    return tuple(
        Opening(name=name, state=_opening_state(name, value, known_states, report))
        for name, value in raw.items()
        if name not in {"combinedState", "combinedSecurityState"} and value != "INVALID"
    )


def _opening_state(
    name: str, value: Any, known: Mapping[str, OpeningState], report: ReportWord
) -> OpeningState:
    """Return a state; what is not even a word replaces no known state."""
    if value is None:
        return OpeningState.UNKNOWN
    if not isinstance(value, str):
        report(name, f"<{type(value).__name__}>")
        return known.get(name, OpeningState.UNKNOWN)
    state = find_word(value, OpeningState)
    if state is None:
        report(name, value)
    return state or OpeningState.UNKNOWN


def door_lock(state: JsonReader, known: LockState | None) -> LockState | None:
    """Return whether the doors are locked."""
    return state.part("doorsState").word("combinedSecurityState", LockState, kept=known)


def windows(
    raw: JsonReader, known: tuple[Opening, ...] | None, report: ReportWord
) -> tuple[Opening, ...] | None:
    """Return every window; `None` if the report has none."""
    if raw.is_invalid:
        return known
    return _openings(raw, known, report) if raw else None


def lids(
    state: JsonReader, known: tuple[Opening, ...] | None, report: ReportWord
) -> tuple[Opening, ...] | None:
    """Return doors, hood, trunk and roof; `None` if the report has none."""
    roof = state.part("roofState")
    name, value = roof.text("roofStateType"), roof.text("roofState")
    doors = state.part("doorsState")
    if doors.is_invalid:
        return known
    lids = _openings(doors, known, report)
    if name and value and value != "INVALID":
        lids += (Opening(name=_camel_case(name), state=_opening_state(name, value, {}, report)),)
    return lids or None


def _camel_case(text: str) -> str:
    """`SUN_ROOF` becomes `sunRoof`, as the other lids are named."""
    first, *others = text.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


_ALARMS = {
    "ARMED": AlarmState.ARMED,
    "NOT_ARMED": AlarmState.UNARMED,
    "UNARMED": AlarmState.UNARMED,
    "UNKNOWN": None,
}


def alarm(state: JsonReader, known: AlarmState | None, report: ReportWord) -> AlarmState | None:
    """Return whether the alarm is armed."""
    if state.is_given("securityOverviewMode") and state.text("securityOverviewMode") is None:
        return known
    mode = (state.text("securityOverviewMode") or "UNKNOWN").upper()
    if mode not in _ALARMS:
        report("securityOverviewMode", mode)
    return _ALARMS.get(mode)


def tires(raw: JsonReader, known: Tires) -> Tires:
    """Return the four wheels; a wheel of which BMW sends nothing is unknown."""
    return Tires(
        front_left=_tire(raw.part("frontLeft"), known.front_left),
        front_right=_tire(raw.part("frontRight"), known.front_right),
        rear_left=_tire(raw.part("rearLeft"), known.rear_left),
        rear_right=_tire(raw.part("rearRight"), known.rear_right),
    )


def _tire(raw: JsonReader, known: Tire) -> Tire:
    status = raw.part("status")
    return Tire(
        pressure_kpa=status.number("currentPressure", 0, MAX_KPA, kept=known.pressure_kpa),
        target_pressure_kpa=status.number(
            "targetPressure", 0, MAX_KPA, kept=known.target_pressure_kpa
        ),
    )
