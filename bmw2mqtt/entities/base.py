"""What an entity is: one row of a table.

A row holds everything about one fact of a car (or of an account), or one thing it can be told.
Topics, discovery, documentation and tests walk the same rows, so a new entity is one more row.

Rows are generic in what they are about: `Entity[Vehicle]` or `Entity[AccountState]`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Generic, TypeVar

from bmw2mqtt.vehicle.commands import Command

SubjectT = TypeVar("SubjectT")
Value = str | bool | int | float | datetime | date | bytes | None
Attributes = Mapping[str, Any]

UNKNOWN = "None"
"""Home Assistant's word for unknown; it ignores an empty payload."""
MAX_STATE_LENGTH = 255
"""Home Assistant refuses longer states."""


def always(_: object) -> bool:
    """Exist for every car."""
    return True


def nothing(_: object) -> None:
    """Have no value: a thing that can only be told something."""


@dataclass(frozen=True, kw_only=True)
class Entity(Generic[SubjectT]):
    """One row.

    Attributes:
        key: unique together with the platform within a device, and for ever.
        name: English name; `None` for the device's main feature.
        value: what the state topic shows; `None` is unknown.
        attributes: further facts, for rows that have them.
        exists: whether this car (in this state of knowledge) has the entity.
        command: turns a payload of the command topic into a command; raises `ValueError` with a
            sentence for a payload that does not fit. `None`: not a command of a car.
        enabled: whether Home Assistant shows it unless told otherwise.
        category: Home Assistant's entity category.
        icon: Material Design icon.
        works_read_only: whether its command is taken in read-only mode.
    """

    platform: ClassVar[str]
    command_suffix: ClassVar[str | None] = None
    has_state: ClassVar[bool] = True

    key: str
    name: str | None
    value: Callable[[SubjectT], Value] = nothing
    attributes: Callable[[SubjectT], Attributes] | None = None
    exists: Callable[[SubjectT], bool] = always
    command: Callable[[SubjectT, str], Command] | None = None
    enabled: bool = True
    category: str | None = None
    icon: str | None = None
    works_read_only: bool = False

    @property
    def id(self) -> str:
        """`{platform}_{key}`: the component's id in Home Assistant."""
        return f"{self.platform}_{self.key}"

    @property
    def is_commandable(self) -> bool:
        """Whether it has a command topic."""
        return self.command_suffix is not None

    def pending(self, payload: str) -> Value:
        """Return what to show while a command with this payload runs."""
        return payload


@dataclass(frozen=True, kw_only=True)
class Sensor(Entity[SubjectT]):
    """A number, a word or a time."""

    platform = "sensor"
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    precision: int | None = None
    options: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class BinarySensor(Entity[SubjectT]):
    """A yes or no, with Home Assistant's sense of the device class (a lock that is on is open)."""

    platform = "binary_sensor"
    device_class: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lock(Entity[SubjectT]):
    """The doors; its value is `LOCKED` or `UNLOCKED`, and `LOCKING` or `UNLOCKING` on the way."""

    platform = "lock"
    command_suffix = "set"

    def pending(self, payload: str) -> Value:
        """Show where the doors are going."""
        return {"LOCK": "LOCKING", "UNLOCK": "UNLOCKING"}.get(payload)


@dataclass(frozen=True, kw_only=True)
class Button(Entity[SubjectT]):
    """A command without a value."""

    platform = "button"
    command_suffix = "press"
    has_state = False


@dataclass(frozen=True, kw_only=True)
class Number(Entity[SubjectT]):
    """A number that can be set."""

    platform = "number"
    command_suffix = "set"
    minimum: int
    maximum: int
    step: int

    def pending(self, payload: str) -> Value:
        """Show what was asked for."""
        return float(payload)

    mode: str = "slider"
    unit: str | None = None
    device_class: str | None = None


@dataclass(frozen=True, kw_only=True)
class Select(Entity[SubjectT]):
    """One of several words; which ones may depend on the car."""

    platform = "select"
    command_suffix = "set"
    options: Callable[[SubjectT], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Switch(Entity[SubjectT]):
    """Something that is on or off and can be told to be."""

    platform = "switch"
    command_suffix = "set"

    def pending(self, payload: str) -> Value:
        """Show what was asked for."""
        return payload == "ON"


@dataclass(frozen=True, kw_only=True)
class DeviceTracker(Entity[SubjectT]):
    """The position: it is in the attributes, and Home Assistant makes the state (a zone) of it."""

    platform = "device_tracker"
    has_state = False


@dataclass(frozen=True, kw_only=True)
class Notify(Entity[SubjectT]):
    """A message to the car."""

    platform = "notify"
    command_suffix = "set"
    has_state = False


@dataclass(frozen=True, kw_only=True)
class Event(Entity[SubjectT]):
    """Something that happens: each message on its topic, never retained, is one event."""

    platform = "event"
    has_state = False
    event_types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Image(Entity[SubjectT]):
    """A picture, PNG."""

    platform = "image"


def encode(value: Value) -> bytes:
    """Turn a value into the payload of its topic (see docs/topics.md)."""
    if isinstance(value, bytes):
        return value
    return _text(value)[:MAX_STATE_LENGTH].encode(errors="replace")


def _text(value: Value) -> str:
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime | date):
        return iso(value)
    return str(value)


def iso(moment: datetime | date) -> str:
    """ISO 8601: a date as it is, a time in UTC with its offset, whole seconds."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).replace(microsecond=0).isoformat()
    return moment.isoformat()
