"""The types of entities, one per Home Assistant platform.

An instance defines one entity: a fact about a car (or an account), or a command to it. Topics,
discovery, documentation and tests are made from the same tables of instances, so a new entity is
one more row.

Entities are generic in their subject: `Entity[Vehicle]` or `Entity[AccountState]`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Generic, TypeVar

from bmw2mqtt.vehicle.commands import Command

SubjectT = TypeVar("SubjectT")
Value = str | bool | int | float | datetime | date | bytes | None
Attributes = Mapping[str, Any]

UNKNOWN = "None"
"""Home Assistant's payload for unknown; it ignores an empty payload."""
MAX_STATE_LENGTH = 255
"""Home Assistant refuses longer states."""


def always(_: object) -> bool:
    """Exist for every subject."""
    return True


def nothing(_: object) -> None:
    """Have no value: the entity only receives commands."""


_UNKNOWN_VALUES: tuple[Any, ...] = (None, "UNKNOWN", [], ())


@dataclass(frozen=True, kw_only=True)
class Entity(Generic[SubjectT]):
    """One row of a table.

    Attributes:
        key: unique together with the platform within a device; it never changes.
        name: English name; `None` for the device's main feature.
        value: the value of the state topic; `None` is unknown.
        attributes: the content of the attributes topic, for entities that have one.
        exists: whether the subject, as far as it is known, has the entity.
        appears_with_value: whether it is announced only once it has had a value; then it stays.
        command: turns a payload of the command topic into a command; raises `ValueError` with a
            sentence for an invalid payload. `None` for everything but commands to a car.
        requires: what else has to be true of the subject for single commands of the entity.
        enabled: whether Home Assistant enables it by default.
        category: Home Assistant's entity category.
        icon: Material Design icon.
        works_read_only: whether its command is accepted in read-only mode.
    """

    platform: ClassVar[str]
    command_suffix: ClassVar[str | None] = None
    has_state: ClassVar[bool] = True
    announces_state: ClassVar[bool] = True
    """Whether Home Assistant reads the state topic."""

    key: str
    name: str | None
    value: Callable[[SubjectT], Value] = nothing
    attributes: Callable[[SubjectT], Attributes] | None = None
    exists: Callable[[SubjectT], bool] = always
    appears_with_value: bool = False
    command: Callable[[SubjectT, str], Command] | None = None
    requires: Mapping[Command, Callable[[SubjectT], bool]] = field(default_factory=dict, hash=False)
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

    def has_value(self, subject: SubjectT) -> bool:
        """Whether its value, or one of its attributes, is known."""
        if self.value(subject) is not None:
            return True
        if self.attributes is None:
            return False
        return any(value not in _UNKNOWN_VALUES for value in self.attributes(subject).values())

    def offers(self, subject: SubjectT, command: Command) -> bool:
        """Whether the subject has the entity and BMW offers this very command of it."""
        return self.exists(subject) and self.requires.get(command, always)(subject)

    def pending(self, payload: str) -> Value:
        """Return the value to publish while a command with this payload runs."""
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
    """The doors: `LOCKED` or `UNLOCKED`; `LOCKING` or `UNLOCKING` while a command runs."""

    platform = "lock"
    command_suffix = "set"

    def pending(self, payload: str) -> Value:
        """Return `LOCKING` or `UNLOCKING`."""
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
    mode: str = "slider"
    unit: str | None = None
    device_class: str | None = None

    def pending(self, payload: str) -> Value:
        """Return the requested number."""
        return float(payload)


@dataclass(frozen=True, kw_only=True)
class Select(Entity[SubjectT]):
    """One of several words; which ones may depend on the car."""

    platform = "select"
    command_suffix = "set"
    options: Callable[[SubjectT], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Switch(Entity[SubjectT]):
    """Something that can be switched on and off."""

    platform = "switch"
    command_suffix = "set"

    def pending(self, payload: str) -> Value:
        """Return the requested state."""
        return payload == "ON"


@dataclass(frozen=True, kw_only=True)
class DeviceTracker(Entity[SubjectT]):
    """The position: `latitude,longitude` as the value, and in the attributes.

    Home Assistant derives its state (a zone) from the attributes; it would take a text for the
    name of a place.
    """

    platform = "device_tracker"
    announces_state = False


@dataclass(frozen=True, kw_only=True)
class Notify(Entity[SubjectT]):
    """A message to the car."""

    platform = "notify"
    command_suffix = "set"
    has_state = False


@dataclass(frozen=True, kw_only=True)
class Event(Entity[SubjectT]):
    """Something that happens: every message on its topic is one event, never retained."""

    platform = "event"
    has_state = False
    event_types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Image(Entity[SubjectT]):
    """A picture, PNG."""

    platform = "image"


def encode(value: Value) -> bytes:
    """Return a value as the payload of its topic (see docs/topics.md)."""
    if isinstance(value, bytes):
        return value
    return _text(value)[:MAX_STATE_LENGTH].encode(errors="replace")


def _text(value: Value) -> str:
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, datetime | date):
        return iso(value)
    return str(value)


def decimal(number: float) -> str:
    """Return a number as decimal text, without an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def iso(moment: datetime | date) -> str:
    """Return ISO 8601: of a date as it is, of a time in UTC with offset and whole seconds."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).replace(microsecond=0).isoformat()
    return moment.isoformat()
