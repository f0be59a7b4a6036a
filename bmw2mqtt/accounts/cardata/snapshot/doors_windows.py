"""Doors, lids, windows and roof, named as in the app API (`leftFront`, `sunRoof`)."""

from collections.abc import Callable, Mapping

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CONVERTIBLE_ROOF,
    DOOR_LOCK,
    DOORS,
    HOOD,
    SUN_ROOF,
    SUN_ROOF_TILT,
    TRUNK,
    TRUNK_DOORS,
    TRUNK_WINDOW,
    WINDOWS,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.snapshot import LockState, Opening, OpeningState, Reading

_STATES: dict[str, OpeningState | None] = {
    **dict.fromkeys(("closed", "false", "asnisfalse", "0", "closedsecured"), OpeningState.CLOSED),
    **dict.fromkeys(("open", "true", "asnistrue", "1", "opensecured"), OpeningState.OPEN),
    "opentilt": OpeningState.OPEN_TILT,
    "intermediate": OpeningState.INTERMEDIATE,
    "intermediatetilt": OpeningState.INTERMEDIATE,
    "emergencylocked": None,
}
_LOCKS: dict[str, LockState | None] = {
    "locked": LockState.LOCKED,
    "secured": LockState.SECURED,
    "unlocked": LockState.UNLOCKED,
    "selectivelocked": LockState.SELECTIVE_LOCKED,
    "partiallylocked": LockState.PARTIALLY_LOCKED,
    "partiallocked": LockState.PARTIALLY_LOCKED,
    "partial": LockState.PARTIALLY_LOCKED,
    "open": None,
    "closed": None,
}
Places = tuple[tuple[str, str, bool], ...]
"""Name, descriptor, and whether every car has it."""


def _places(names: Mapping[tuple[str, ...], str], *, is_left_hand_drive: bool) -> Places:
    """Name doors or windows by left and right: BMW names them by driver and passenger."""
    sides = {"driver": "left", "passenger": "right"}
    if not is_left_hand_drive:
        sides = {"driver": "right", "passenger": "left"}
    return tuple(
        (f"{sides[side]}{end}", names[row, side], row == "1")
        for row, end in (("1", "Front"), ("2", "Rear"))
        for side in sorted(sides, key=sides.__getitem__)
    )


DOOR_PLACES, WINDOW_PLACES = (
    {is_left: _places(names, is_left_hand_drive=is_left) for is_left in (True, False)}
    for names in (DOORS, WINDOWS)
)
"""By whether the car is left-hand drive."""


def lids(readings: ReadingLookup, *, is_left_hand_drive: bool) -> tuple[Opening, ...] | None:
    """Return doors, hood, trunk and roof; `None` if the car has reported none."""
    found = _openings(readings, DOOR_PLACES[is_left_hand_drive], _flag_state)
    for name, names in (
        ("hood", (HOOD,)),
        ("trunk", TRUNK),
        *((f"trunk{part.capitalize()}Door", (name,)) for (part,), name in TRUNK_DOORS.items()),
    ):
        if any(part in readings for part in names):
            found.append(Opening(name=name, state=_flag_state(readings, *names)))
    found += _roofs(readings)
    return _complete(found, DOOR_PLACES[is_left_hand_drive])


def windows(readings: ReadingLookup, *, is_left_hand_drive: bool) -> tuple[Opening, ...] | None:
    """Return the windows; `None` if the car has reported none."""
    found = _openings(readings, WINDOW_PLACES[is_left_hand_drive], _state)
    if TRUNK_WINDOW in readings:
        found.append(Opening(name="rear", state=_flag_state(readings, TRUNK_WINDOW)))
    return _complete(found, WINDOW_PLACES[is_left_hand_drive])


def door_lock(readings: ReadingLookup) -> LockState | None:
    """Return the lock of the doors."""
    return readings.one_of(_LOCKS, *DOOR_LOCK)


def lock_reading(readings: ReadingLookup) -> Reading | None:
    """Return the reading that the lock comes from."""
    return readings.find_one_of(_LOCKS, *DOOR_LOCK)


def _openings(
    readings: ReadingLookup, places: Places, state: Callable[..., OpeningState]
) -> list[Opening]:
    return [
        Opening(name=name, state=state(readings, descriptor))
        for name, descriptor, _ in places
        if descriptor in readings
    ]


def _complete(found: list[Opening], places: Places) -> tuple[Opening, ...] | None:
    """Add the two front ones that every car has: what is not known is not closed."""
    if not found:
        return None
    names = {opening.name for opening in found}
    missing = (name for name, _, is_everywhere in places if is_everywhere and name not in names)
    return (*(Opening(name=name, state=OpeningState.UNKNOWN) for name in missing), *found)


def _roofs(readings: ReadingLookup) -> list[Opening]:
    roofs: list[Opening] = []
    if any(name in readings for name in (*SUN_ROOF, SUN_ROOF_TILT)):
        state = _state(readings, *SUN_ROOF)
        is_tilted = _state(readings, SUN_ROOF_TILT)
        if state in {OpeningState.CLOSED, OpeningState.UNKNOWN} and is_tilted in {
            OpeningState.OPEN,
            OpeningState.INTERMEDIATE,
        }:
            state = OpeningState.OPEN_TILT
        roofs.append(Opening(name="sunRoof", state=state))
    if CONVERTIBLE_ROOF in readings:
        state = _state(readings, CONVERTIBLE_ROOF)
        roofs.append(Opening(name="convertibleRoof", state=state))
    return roofs


def _state(readings: ReadingLookup, *names: str) -> OpeningState:
    return readings.one_of(_STATES, *names) or OpeningState.UNKNOWN


def _flag_state(readings: ReadingLookup, *names: str) -> OpeningState:
    is_open = readings.flag(*names)
    if is_open is None:
        return OpeningState.UNKNOWN
    return OpeningState.OPEN if is_open else OpeningState.CLOSED
