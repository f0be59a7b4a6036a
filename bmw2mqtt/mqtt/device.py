"""Publishes one device, a car or an account: keeps its topics equal to its last snapshot."""

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
Values = Mapping[str, Mapping[str, Any]]
"""By platform and key."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[SubjectT]):
    """Makes the document of a device's `state` topic, in two parts."""

    values: Callable[[SubjectT, Values], Mapping[str, Any]]
    """Returns what is published as soon as it changes."""
    times: Callable[[SubjectT, Values], Mapping[str, Any]]
    """Returns what alone is published at most once a minute; replaces keys of the first part."""


def dump_json(document: Mapping[str, Any]) -> bytes:
    """Write compact JSON, readable in any language.

    Half a surrogate pair, which JSON of others may hold, becomes a question mark.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


class _PublishedEntity(Generic[SubjectT]):
    """The topics of one entity, and its last value: most values do not change."""

    __slots__ = ("attributes_topic", "entity", "id", "native", "payload", "state_topic", "value")

    def __init__(self, entity: Entity[SubjectT], topics: DeviceTopics) -> None:
        self.entity = entity
        self.id = entity.id
        self.state_topic = topics.state(entity.platform, entity.key)
        self.attributes_topic = topics.attributes(entity.platform, entity.key)
        self.value: Any = _NOTHING
        self.payload = b""
        self.native: Any = None

    def update(self, value: Value) -> None:
        """Encode a value, unless it is the last one."""
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
    whose capabilities BMW does not list."""

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
        snapshot: Snapshot[SubjectT] | None = None,
        has_availability: bool = False,
        appeared: Appeared | None = None,
    ) -> None:
        """Prepare a device; nothing is published before `publish`.

        Args:
            publisher: where the topics go.
            topics: the device's topics.
            table: every entity it may have.
            discovery: makes the discovery payload; `None`: no discovery.
            identity: the parts of a snapshot that the discovery payload shows, beside which
                entities exist; while both stay the same it is not made again, which is slow.
            snapshot: makes the document of the device's `state` topic; `None`: no such topic.
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
        self.entities = tuple(table)
        """Every entity it may have."""
        self._published = [_PublishedEntity(entity, topics) for entity in table]
        self._identity = identity
        self._announced: object = None
        """Components and identity in the last discovery payload."""
        self._pending: dict[str, Value] = {}
        """Values that are published while a command runs, by entity id."""
        self._ended: dict[str, tuple[Entity[SubjectT], Value]] = {}
        """Pending entities whose command has ended, and what the snapshot says of them: another
        value there replaces the pending one."""
        self._gone: set[str] = set()
        """Components that this run has removed; each removal repeats all of them."""
        self._published_topics: set[str] = set()
        self._values: Values = {}
        self._document: Mapping[str, Any] = {}
        self._snapshot_payload = b""
        self._has_newer_times = False
        """Whether times have changed since the `state` topic was published."""
        self._appeared = appeared or Appeared()
        self._awaited = {entity.id for entity in table if self._appeared.concerns(entity)}

    def publish(self, subject: SubjectT, gone: Iterable[str] = ()) -> None:
        """Publish what is new in this snapshot; remove what it has no longer.

        Args:
            subject: the snapshot.
            gone: components of an earlier run that Home Assistant may still have.
        """
        for entity, value in list(self._ended.values()):
            if entity.value(subject) != value:
                del self._pending[entity.id], self._ended[entity.id]
        self._render(subject, gone)

    def _render(self, subject: SubjectT, gone: Iterable[str] = ()) -> None:
        published = self._present(subject)
        components = tuple(item.id for item in published)
        documents = self._documents(subject, published)
        if self._discovery is not None:
            gone = {*gone, *self._components} - set(components)
            announced = (components, self._identity(subject))
            if gone or announced != self._announced:
                entities = [item.entity for item in published]
                self._announce(self._discovery, subject, entities, gone)
                self._announced = announced
        if self._availability is not None:
            self._publisher.retain(self.topics.availability, self._availability)
        for topic, payload in documents.items():
            self._publisher.retain(topic, payload)
        for topic in self._published_topics - documents.keys():
            self._publisher.clear(topic)
        self._subject, self._components, self._published_topics = (
            subject,
            components,
            set(documents),
        )

    def _present(self, subject: SubjectT) -> list[_PublishedEntity[SubjectT]]:
        """Return the entities that the subject has, without those that never had a value."""
        present, ids = [], self._appeared.ids
        count = len(ids)
        for item in self._published:
            if not item.entity.exists(subject):
                continue
            if item.id not in ids and item.id in self._awaited:
                if not item.entity.has_value(subject):
                    continue
                ids.add(item.id)
            present.append(item)
        if len(ids) > count:
            self._appeared.save()
        return present

    def forget(self, components: Iterable[str]) -> None:
        """Remove from Home Assistant what an earlier run announced and this one does not have."""
        if self._subject is not None:
            self.publish(self._subject, components)

    def publish_pending(self, entity: Entity[SubjectT], value: Value) -> None:
        """Publish the value that a running command leads to, until `publish_current`."""
        if entity.has_state and self._subject is not None:
            self._pending[entity.id] = value
            self._ended.pop(entity.id, None)
            self.publish(self._subject)

    def end_pending(self, entity: Entity[SubjectT]) -> None:
        """Keep the value of a command that has ended until a snapshot has another one."""
        if entity.id in self._pending and self._subject is not None:
            self._ended[entity.id] = entity, entity.value(self._subject)

    def publish_current(self, entity: Entity[SubjectT] | None = None) -> None:
        """Publish the snapshot's values again: of one entity, or of all."""
        ended = list(self._pending) if entity is None else [entity.id]
        if self._pending.keys() & ended and self._subject is not None:
            for entity_id in ended:
                self._pending.pop(entity_id, None)
                self._ended.pop(entity_id, None)
            self.publish(self._subject)

    @property
    def is_available(self) -> bool:
        """Whether what is published is current, as far as the device has an availability."""
        return self._availability != b"offline"

    def set_available(self, *, is_available: bool) -> None:
        """Publish whether the values are current."""
        self._availability = b"online" if is_available else b"offline"
        self._publisher.retain(self.topics.availability, self._availability)

    @property
    def published_topics(self) -> frozenset[str]:
        """The topics of its values."""
        return frozenset(self._published_topics)

    def hand_over(self, successor: "Device[SubjectT]", subject: SubjectT) -> None:
        """Let another table publish this device from now on; remove what it does not have."""
        successor.publish(subject, self._components)
        for topic in self._published_topics - successor.published_topics:
            self._publisher.clear(topic)

    def remove(self) -> None:
        """Remove all topics of the device."""
        if self._discovery is not None:
            self._publisher.clear(self.topics.discovery)
        if self._availability is not None:
            self._publisher.clear(self.topics.availability)
        for topic in self._published_topics:
            self._publisher.clear(topic)
        self._subject, self._components, self._published_topics = None, (), set()
        self._announced, self._snapshot_payload = None, b""

    def _announce(
        self,
        discovery: Discovery[SubjectT],
        subject: SubjectT,
        entities: Sequence[Entity[SubjectT]],
        gone: set[str],
    ) -> None:
        """Publish the discovery payload; removed components are named once and then left out."""
        payload = discovery(subject, entities, ())
        self._gone = (self._gone | gone) - {entity.id for entity in entities}
        if gone:
            removal = discovery(subject, entities, sorted(self._gone))
            self._publisher.retain(self.topics.discovery, removal, then=payload)
        else:
            self._publisher.retain(self.topics.discovery, payload)

    def _documents(
        self, subject: SubjectT, published: Iterable[_PublishedEntity[SubjectT]]
    ) -> dict[str, bytes]:
        documents: dict[str, bytes] = {}
        values: dict[str, dict[str, Any]] = {}
        for item in published:
            entity = item.entity
            if entity.has_state:
                value = self._pending.get(item.id, _NOTHING)
                item.update(entity.value(subject) if value is _NOTHING else value)
                documents[item.state_topic] = item.payload
                if entity.announces_state and not isinstance(item.value, bytes):
                    values.setdefault(entity.platform, {})[entity.key] = item.native
            if entity.attributes is not None:
                attributes = entity.attributes(subject)
                documents[item.attributes_topic] = dump_json(attributes)
                if not entity.announces_state:
                    values.setdefault(entity.platform, {})[entity.key] = attributes
        if self._snapshot is not None:
            documents[self.topics.snapshot] = self._snapshot_document(subject, values)
        return documents

    def _snapshot_document(self, subject: SubjectT, values: Values) -> bytes:
        """Return the document of the `state` topic; the last one if only times have changed."""
        assert self._snapshot is not None  # noqa: S101 - the caller's condition
        document = self._snapshot.values(subject, values)
        self._values = values
        if document == self._document and self._snapshot_payload:
            self._has_newer_times = True
        else:
            self._document = document
            self._snapshot_payload = self._with_times(subject)
        return self._snapshot_payload

    def _with_times(self, subject: SubjectT) -> bytes:
        assert self._snapshot is not None  # noqa: S101 - the caller's condition
        self._has_newer_times = False
        return dump_json({**self._document, **self._snapshot.times(subject, self._values)})

    def publish_times(self, subject: SubjectT) -> None:
        """Publish what only times have changed; to be called once a minute.

        Args:
            subject: the last snapshot, with other times.
        """
        if self._subject is not None and subject != self._subject:
            self._render(subject)
        if self._has_newer_times and self._subject is not None:
            self._snapshot_payload = self._with_times(self._subject)
            self._publisher.retain(self.topics.snapshot, self._snapshot_payload)


def _native(value: Value) -> Any:
    return iso(value) if hasattr(value, "isoformat") else value  # type: ignore[arg-type] # dates
