"""Retained topics that earlier runs left on the broker, and which of them are stale now.

The subscription is made before the first message of this run is sent, so the broker answers with
what was there before: MQTT delivers in order.
"""

import json
from collections.abc import Callable, Iterable

import structlog

from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.topics import Topics

log = structlog.get_logger(__name__)

MAX_TOPICS = 50_000
"""A thousand cars retain fewer; a bound for topics of other clients that look like ours."""
MAX_BYTES = 8 * 2**20


def components_of(payload: bytes) -> frozenset[str]:
    """Return the ids of the components a discovery payload announces (not those it removes)."""
    try:
        components = json.loads(payload)["components"]
        return frozenset(key for key, fields in components.items() if len(fields) > 1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()


class RetainedScan:
    """Collects the retained topics of earlier runs."""

    def __init__(self, topics: Topics) -> None:
        self.is_complete = False
        """Set by `RetainedRepair`, which receives the messages."""
        self._topics = topics
        self._owners: dict[str, str] = {}
        """The device root of each topic."""
        self._components: dict[str, frozenset[str]] = {}
        """The components that a device's discovery payload announced, by device root."""
        self._size_bytes = 0
        self._too_many = LogOnce()

    def received(self, topic: str, payload: bytes) -> None:
        """Record one retained message."""
        owner = self._topics.owner(topic)
        if owner is None or not payload:
            return
        components: frozenset[str] | None = None
        if self._topics.is_discovery(topic):
            if not self._topics.is_our_discovery(payload):
                return
            components = components_of(payload)
        size = len(topic) + sum(map(len, components or ()))
        if len(self._owners) >= MAX_TOPICS or self._size_bytes + size > MAX_BYTES:
            if self._too_many.is_new("topics"):
                log.warning(
                    "too_many_retained_topics",
                    topics=len(self._owners),
                    remedy="another client publishes below mqtt.base_topic; the rest stays there",
                )
            return
        self._size_bytes += size
        self._owners[topic] = owner
        if components is not None:
            self._components[owner] = components

    def undecided(self) -> tuple[str, ...]:
        """Return the topics of which it is not known yet whether they are stale."""
        return tuple(self._owners)

    def pop_components(self, owner: str) -> frozenset[str]:
        """Return what an earlier run announced for a device root, and forget it."""
        return self._components.pop(owner, frozenset())

    def pop_stale(self, current: Iterable[str], is_settled: Callable[[str], bool]) -> list[str]:
        """Return the topics that nothing publishes any more, and forget them.

        Args:
            current: the topics that this run publishes.
            is_settled: whether all topics of a device root are known by now.
        """
        current = frozenset(current)
        settled = [topic for topic, owner in self._owners.items() if is_settled(owner)]
        for topic in settled:
            del self._owners[topic]
        return [topic for topic in settled if topic not in current]
