"""What is retained on the broker from earlier runs, and what of it nothing stands for any more.

The subscription is made before the first message of this run is sent, so the broker answers with
what was there before: MQTT delivers in order.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from bmw2mqtt.mqtt.topics import Topics

log = structlog.get_logger(__name__)

QUIET_S = 1.0
"""The scan is complete when nothing has come for this long."""
GIVE_UP_S = 15.0
MAX_TOPICS = 50_000
"""A thousand cars retain fewer; a bound for topics of somebody else in our form."""
MAX_BYTES = 8 * 2**20


class Link(Protocol):
    """What the scan needs to know about the connection."""

    subscribed: asyncio.Event
    """Set while a connection stands on which the broker has confirmed the subscriptions."""
    connections: int
    """How many connections there have been."""


def components_of(payload: bytes) -> frozenset[str]:
    """Return the ids of the components a discovery payload announces (not those it removes)."""
    try:
        components = json.loads(payload)["components"]
        return frozenset(key for key, fields in components.items() if len(fields) > 1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()


class RetainedScan:
    """Collects retained messages; tells what is left over."""

    def __init__(self, topics: Topics) -> None:
        self.is_complete = False
        self._topics = topics
        self._owners: dict[str, str] = {}
        self._components: dict[str, frozenset[str]] = {}
        self._size_bytes = 0
        self._is_full = False
        self._received_at = 0.0

    def take(self, topic: str, payload: bytes) -> None:
        """Note one retained message."""
        self._received_at = asyncio.get_running_loop().time()
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
            self._log_full()
            return
        self._size_bytes += size
        self._owners[topic] = owner
        if components is not None:
            self._components[owner] = components

    def _log_full(self) -> None:
        if not self._is_full:
            self._is_full = True
            log.warning(
                "too_many_retained_topics",
                topics=len(self._owners),
                remedy="another client publishes below mqtt.base_topic; the rest stays there",
            )

    async def settle(self, link: Link) -> None:
        """Wait until the broker has delivered what it retains; start again on a new connection."""
        while not self.is_complete:
            await link.subscribed.wait()
            connection = link.connections
            await self._until_quiet()
            self.is_complete = link.subscribed.is_set() and link.connections == connection

    async def _until_quiet(self) -> None:
        """Wait until nothing has come for a second, counted from now at the earliest."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        while True:
            quiet_at = max(started_at, self._received_at) + QUIET_S
            until = min(quiet_at, started_at + GIVE_UP_S)
            if loop.time() >= until:
                return
            await asyncio.sleep(until - loop.time())

    def pending(self) -> tuple[str, ...]:
        """Return topics of which it is not known yet whether something stands for them."""
        return tuple(self._owners)

    def components(self, owner: str) -> frozenset[str]:
        """Return what an earlier run announced for this device root, and forget it."""
        return self._components.pop(owner, frozenset())

    def leftovers(self, wanted: Iterable[str], is_settled: Callable[[str], bool]) -> list[str]:
        """Return topics that nothing stands for, and forget them.

        Args:
            wanted: topics the bridge stands for.
            is_settled: whether all is known about a device root, so that what is not wanted of it
                is left over.
        """
        wanted = frozenset(wanted)
        settled = [topic for topic, owner in self._owners.items() if is_settled(owner)]
        for topic in settled:
            del self._owners[topic]
        return [topic for topic in settled if topic not in wanted]
