"""What is retained on the broker from earlier runs, and what of it nothing stands for any more.

The subscription is made before the first message of this run is sent, so the broker answers with
what was there before: MQTT delivers in order.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress

from bmw2mqtt.mqtt.topics import Topics

QUIET_S = 1.0
"""The broker has said everything when this long nothing came."""
GIVE_UP_S = 15.0


def components_of(payload: bytes) -> frozenset[str]:
    """Return the ids of the components a discovery payload announces (not those it removes)."""
    try:
        components = json.loads(payload)["components"]
        return frozenset(key for key, fields in components.items() if len(fields) > 1)
    except (ValueError, KeyError, TypeError, AttributeError):
        return frozenset()


class Inventory:
    """Collects retained messages; tells what is left over."""

    def __init__(self, topics: Topics) -> None:
        self.is_complete = False
        self._topics = topics
        self._owners: dict[str, str] = {}
        self._components: dict[str, frozenset[str]] = {}
        self._heard = asyncio.Event()

    def take(self, topic: str, payload: bytes) -> None:
        """Note one retained message."""
        self._heard.set()
        owner = self._topics.owner(topic)
        if owner is None or not payload:
            return
        if self._topics.is_discovery(topic):
            if not self._topics.is_our_discovery(payload):
                return
            self._components[owner] = components_of(payload)
        self._owners[topic] = owner

    async def settle(self) -> None:
        """Wait until the broker has nothing more to say."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                while True:
                    self._heard.clear()
                    await asyncio.wait_for(self._heard.wait(), QUIET_S)
        self.is_complete = True

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
