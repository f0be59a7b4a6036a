"""Doors, lids, windows and roof, by the names the app API gives them (`leftFront`, `sunRoof`)."""

from collections.abc import Callable

from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.vehicle.snapshot import LockState, Opening, OpeningState

_BODY, _CABIN = "vehicle.body.", "vehicle.cabin."
TRUNK = (f"{_BODY}trunk.isOpen", f"{_BODY}trunk.door.isOpen")
TRUNK_DOORS = {
    f"trunk{part.capitalize()}Door": f"{_BODY}trunk.{part}.door.isOpen"
    for part in ("left", "right", "upper", "lower")
}
SUN_ROOF = (f"{_CABIN}sunroof.status", f"{_CABIN}sunroof.overallStatus")
SUN_ROOF_TILT = f"{_CABIN}sunroof.tiltStatus"
CONVERTIBLE_ROOF = f"{_CABIN}convertible.roofStatus"
TRUNK_WINDOW = f"{_BODY}trunk.window.isOpen"
LOCK = (f"{_CABIN}door.lock.status", f"{_CABIN}door.status")

_STATES: dict[str, OpeningState | None] = {
    "closed": OpeningState.CLOSED,
    "false": OpeningState.CLOSED,
    "closedsecured": OpeningState.CLOSED,
    "open": OpeningState.OPEN,
    "true": OpeningState.OPEN,
    "opensecured": OpeningState.OPEN,
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
    "partial": LockState.PARTIALLY_LOCKED,
}
Places = tuple[tuple[str, str, bool], ...]
"""Name, BMW's descriptor, and whether every car has it."""


def _places(pattern: str, *, is_left_hand_drive: bool) -> Places:
    sides = {"driver": "left", "passenger": "right"}
    if not is_left_hand_drive:
        sides = {"driver": "right", "passenger": "left"}
    return tuple(
        (f"{sides[side]}{end}", _CABIN + pattern.format(row=row, side=side), row == 1)
        for row, end in ((1, "Front"), (2, "Rear"))
        for side in sorted(sides, key=sides.__getitem__)
    )


DOORS: dict[bool, Places] = {
    is_left: _places("door.row{row}.{side}.isOpen", is_left_hand_drive=is_left)
    for is_left in (True, False)
}
WINDOWS: dict[bool, Places] = {
    is_left: _places("window.row{row}.{side}.status", is_left_hand_drive=is_left)
    for is_left in (True, False)
}
"""By whether the car is left-hand drive: BMW names them by driver and passenger."""


def lids(readings: ReadingLookup, *, is_left_hand_drive: bool) -> tuple[Opening, ...] | None:
    """Doors, hood, trunk and roof; `None` if the car has told of none."""
    found = _openings(readings, DOORS[is_left_hand_drive], _flag_state)
    for name, names in (
        ("hood", (f"{_BODY}hood.isOpen",)),
        ("trunk", TRUNK),
        *((name, (descriptor,)) for name, descriptor in TRUNK_DOORS.items()),
    ):
        if any(part in readings for part in names):
            found.append(Opening(name=name, state=_flag_state(readings, *names)))
    found += _roofs(readings)
    return _complete(found, DOORS[is_left_hand_drive])


def windows(readings: ReadingLookup, *, is_left_hand_drive: bool) -> tuple[Opening, ...] | None:
    """Windows; `None` if the car has told of none."""
    found = _openings(readings, WINDOWS[is_left_hand_drive], _state)
    if TRUNK_WINDOW in readings:
        found.append(Opening(name="rear", state=_flag_state(readings, TRUNK_WINDOW)))
    return _complete(found, WINDOWS[is_left_hand_drive])


def door_lock(readings: ReadingLookup) -> LockState | None:
    """Return the doors' lock."""
    return readings.one_of(_LOCKS, *LOCK)


def _openings(
    readings: ReadingLookup, places: Places, state: Callable[..., OpeningState]
) -> list[Opening]:
    return [
        Opening(name=name, state=state(readings, descriptor))
        for name, descriptor, _ in places
        if descriptor in readings
    ]


def _complete(found: list[Opening], places: Places) -> tuple[Opening, ...] | None:
    """Name the two front ones that every car has, so that nothing is closed that is not known."""
    if not found:
        return None
    names = {opening.name for opening in found}
    missing = (name for name, _, is_everywhere in places if is_everywhere and name not in names)
    return (*(Opening(name=name, state=OpeningState.UNKNOWN) for name in missing), *found)


def _roofs(readings: ReadingLookup) -> list[Opening]:
    roofs = []
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
