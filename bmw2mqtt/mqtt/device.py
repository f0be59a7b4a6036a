"""Keeps all topics of one device, a car or an account, equal to its last snapshot."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from bmw2mqtt.entities.base import Entity, SubjectT, Value, encode, iso, nothing
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.topics import DeviceTopics

Discovery = Callable[[SubjectT, Sequence[Entity[SubjectT]], Iterable[str]], bytes]
"""Makes Home Assistant's discovery payload: the snapshot, its entities, and the ids of components
(`{platform}_{key}`) that are to be removed."""


_NOTHING: Any = object()


def dump_json(document: Mapping[str, Any]) -> bytes:
    """Write compact JSON, readable in any language.

    Half a surrogate pair, which JSON of others may hold, becomes a question mark.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


class _Place(Generic[SubjectT]):
    """Where one entity is shown, and what was shown there last: most values stay as they are."""

    __slots__ = ("attributes_topic", "entity", "id", "native", "payload", "state_topic", "value")

    def __init__(self, entity: Entity[SubjectT], topics: DeviceTopics) -> None:
        self.entity = entity
        self.id = entity.id
        self.state_topic = topics.state(entity.platform, entity.key)
        self.attributes_topic = topics.attributes(entity.platform, entity.key)
        self.value: Any = _NOTHING
        self.payload = b""
        self.native: Any = None

    def take(self, value: Value) -> None:
        """Encode a value, unless it is the one from before."""
        if value is not self.value:
            self.value = value
            self.payload = encode(value)
            self.native = _native(value)


@dataclass(slots=True)
class Appeared:
    """The ids of a device's entities that have had a value."""

    ids: set[str] = field(default_factory=set)
    save: Callable[[], None] = lambda: None
    """Called after ids were added."""
    waits_for_all: bool = False
    """Every state is announced only once it is known, not just those whose row says so: for cars
    of which nobody lists what they can report."""

    def concerns(self, entity: Entity[Any]) -> bool:
        """Whether an entity waits for its first value."""
        is_state = entity.has_state and entity.announces_state
        return entity.appears_with_value or (self.waits_for_all and is_state)


class Device(Generic[SubjectT]):
    """One device's topics: discovery, then availability, then states."""

    def __init__(
        self,
        publisher: Publisher,
        topics: DeviceTopics,
        table: Sequence[Entity[SubjectT]],
        *,
        discovery: Discovery[SubjectT] | None,
        identity: Callable[[SubjectT], object] = nothing,
        snapshot: Callable[[SubjectT, Mapping[str, Mapping[str, Any]]], Mapping[str, Any]]
        | None = None,
        has_availability: bool = False,
        appeared: Appeared | None = None,
    ) -> None:
        """Prepare a device; nothing is published before `show`.

        Args:
            publisher: where the topics go.
            topics: the device's topics.
            table: every entity it may have.
            discovery: how to announce it to Home Assistant; `None` to keep silent.
            identity: what of a snapshot the announcement shows beside the entities; while both stay
                the same it is not made anew, which would cost more than the values.
            snapshot: what to say on the device's own `state` topic, given the values by platform
                and key; `None` for a device without that topic.
            has_availability: whether it has an availability of its own beside the bridge's.
            appeared: which entities have had a value; `None` to remember nothing of earlier runs.
        """
        self.topics = topics
        self._publisher = publisher
        self._discovery = discovery
        self._snapshot = snapshot
        self._availability = b"online" if has_availability else None
        self._subject: SubjectT | None = None
        self._components: tuple[str, ...] = ()
        self._places = [_Place(entity, topics) for entity in table]
        self._identity = identity
        self._announced: object = None
        """The components and the identity that the last announcement showed."""
        self._pending: dict[str, Value] = {}
        """What entities show, by id, while a command runs."""
        self._ended: set[str] = set()
        """Pending entities whose command has ended: the next snapshot replaces them."""
        self._gone: set[str] = set()
        """Components this run has taken back; each farewell repeats all of them."""
        self._shown: set[str] = set()
        self._appeared = appeared or Appeared()
        self._awaited = {entity.id for entity in table if self._appeared.concerns(entity)}

    def show(self, subject: SubjectT, gone: Iterable[str] = ()) -> None:
        """Publish what is new in this snapshot; take back what it has no longer.

        Args:
            subject: the snapshot.
            gone: components of an earlier run that Home Assistant may still know.
        """
        for entity_id in self._ended:
            self._pending.pop(entity_id, None)
        self._ended.clear()
        self._render(subject, gone)

    def _render(self, subject: SubjectT, gone: Iterable[str] = ()) -> None:
        places = self._present(subject)
        components = tuple(place.id for place in places)
        documents = self._documents(subject, places)
        if self._discovery is not None:
            gone = {*gone, *self._components} - set(components)
            announced = (components, self._identity(subject))
            if gone or announced != self._announced:
                entities = [place.entity for place in places]
                self._announce(self._discovery, subject, entities, gone)
                self._announced = announced
        if self._availability is not None:
            self._publisher.retain(self.topics.availability, self._availability)
        for topic, payload in documents.items():
            self._publisher.retain(topic, payload)
        for topic in self._shown - documents.keys():
            self._publisher.clear(topic)
        self._subject, self._components, self._shown = subject, components, set(documents)

    def _present(self, subject: SubjectT) -> list[_Place[SubjectT]]:
        """Return the entities that the subject has, without those that never had a value."""
        places, ids = [], self._appeared.ids
        count = len(ids)
        for place in self._places:
            entity = place.entity
            if not entity.exists(subject):
                continue
            if place.id not in ids and place.id in self._awaited:
                if not entity.has_value(subject):
                    continue
                ids.add(place.id)
            places.append(place)
        if len(ids) > count:
            self._appeared.save()
        return places

    def forget(self, components: Iterable[str]) -> None:
        """Remove from Home Assistant what an earlier run announced and this one does not have."""
        if self._subject is not None:
            self._render(self._subject, components)

    def show_pending(self, entity: Entity[SubjectT], value: Value) -> None:
        """Show where an entity is going, until `show_current`."""
        if entity.has_state and self._subject is not None:
            self._pending[entity.id] = value
            self._ended.discard(entity.id)
            self._render(self._subject)

    def end_pending(self, entity: Entity[SubjectT]) -> None:
        """Go on showing it until the next snapshot."""
        if entity.id in self._pending:
            self._ended.add(entity.id)

    def show_current(self, entity: Entity[SubjectT] | None = None) -> None:
        """Show again what the car says: of one entity, or of all."""
        ended = list(self._pending) if entity is None else [entity.id]
        if self._pending.keys() & ended and self._subject is not None:
            for entity_id in ended:
                self._pending.pop(entity_id, None)
                self._ended.discard(entity_id)
            self._render(self._subject)

    @property
    def is_available(self) -> bool:
        """Whether what is published is current, as far as the device has an availability."""
        return self._availability != b"offline"

    def set_available(self, *, is_available: bool) -> None:
        """Say whether what is published is current."""
        self._availability = b"online" if is_available else b"offline"
        self._publisher.retain(self.topics.availability, self._availability)

    @property
    def shown_topics(self) -> frozenset[str]:
        """The topics of its values."""
        return frozenset(self._shown)

    def hand_over(self, successor: "Device[SubjectT]", subject: SubjectT) -> None:
        """Let another table show this device from now on; what it does not have is taken back."""
        successor.show(subject, self._components)
        for topic in self._shown - successor.shown_topics:
            self._publisher.clear(topic)

    def remove(self) -> None:
        """Take everything back: the device is gone."""
        if self._discovery is not None:
            self._publisher.clear(self.topics.discovery)
        if self._availability is not None:
            self._publisher.clear(self.topics.availability)
        for topic in self._shown:
            self._publisher.clear(topic)
        self._subject, self._components, self._shown = None, (), set()
        self._announced = None

    def _announce(
        self,
        discovery: Discovery[SubjectT],
        subject: SubjectT,
        entities: Sequence[Entity[SubjectT]],
        gone: set[str],
    ) -> None:
        """Announce the device; what is gone is said once and then left out."""
        payload = discovery(subject, entities, ())
        self._gone = (self._gone | gone) - {entity.id for entity in entities}
        if gone:
            farewell = discovery(subject, entities, sorted(self._gone))
            self._publisher.retain(self.topics.discovery, farewell, then=payload)
        else:
            self._publisher.retain(self.topics.discovery, payload)

    def _documents(self, subject: SubjectT, places: Iterable[_Place[SubjectT]]) -> dict[str, bytes]:
        documents: dict[str, bytes] = {}
        values: dict[str, dict[str, Any]] = {}
        for place in places:
            entity = place.entity
            if entity.has_state:
                value = self._pending.get(place.id, _NOTHING)
                place.take(entity.value(subject) if value is _NOTHING else value)
                documents[place.state_topic] = place.payload
                if entity.announces_state and not isinstance(place.value, bytes):
                    values.setdefault(entity.platform, {})[entity.key] = place.native
            if entity.attributes is not None:
                attributes = entity.attributes(subject)
                documents[place.attributes_topic] = dump_json(attributes)
                if not entity.announces_state:
                    values.setdefault(entity.platform, {})[entity.key] = attributes
        if self._snapshot is not None:
            documents[self.topics.snapshot] = dump_json(self._snapshot(subject, values))
        return documents


def _native(value: Value) -> Any:
    return iso(value) if hasattr(value, "isoformat") else value  # type: ignore[arg-type] # dates
