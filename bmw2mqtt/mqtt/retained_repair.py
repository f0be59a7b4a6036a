"""Finds retained topics of the bridge that somebody deleted, and publishes them again.

At each connect, and when Home Assistant starts, the bridge subscribes to what it retains itself:
the broker sends it once, and whatever of it does not come is gone. Everything is published anew on
both occasions, so here it is only found out and logged; after a connect that has happened by then.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Protocol

import structlog

from bmw2mqtt.mqtt.publisher import Publisher

log = structlog.get_logger(__name__)

BIRTH_DELAY_S = (1.0, 10.0)
"""Home Assistant asks everybody at once; answers come at random."""
QUIET_S = 1.0
"""The broker has sent everything that is retained when nothing came for so long."""
GIVE_UP_S = 15.0
SHOWN_TOPICS = 3


class Link(Protocol):
    """The connection to the broker."""

    connections: int
    """How many connections there have been."""
    connected: asyncio.Event

    async def subscribe(self, filters: Iterable[str]) -> bool:
        """Subscribe until `unsubscribe`; return whether there is a connection."""

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End the subscriptions of this connection; the next one begins with them."""


class RetainedRepair:
    """Compares what the broker retains of us with what it has confirmed."""

    def __init__(self, publisher: Publisher, filters: Iterable[str]) -> None:
        self._publisher = publisher
        self._filters = tuple(filters)
        self._wanted = asyncio.Event()
        self._is_birth = False
        self._confirmed: frozenset[str] = frozenset()
        self._found: set[str] = set()
        self._received_at_s = 0.0
        self._logged: frozenset[str] = frozenset()

    def subscribed(self) -> None:
        """Begin: a new connection stands, and nothing was published on it yet."""
        self._confirmed = self._publisher.confirmed_topics()
        self._received_at_s = asyncio.get_running_loop().time()
        self._wanted.set()

    def homeassistant_started(self) -> None:
        """Publish everything again soon; several starts in a row count as one."""
        self._is_birth = True
        self._wanted.set()

    def received(self, topic: str) -> None:
        """Note a retained topic that the broker has sent."""
        if self._publisher.has_confirmed(topic):  # others' topics may be many
            self._found.add(topic)
        self._received_at_s = asyncio.get_running_loop().time()

    async def run(self, link: Link) -> None:
        """Work until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            is_birth = self._is_birth
            while self._is_birth:
                self._is_birth = False
                await asyncio.sleep(random.uniform(*BIRTH_DELAY_S))
            if not is_birth or await self._begin_anew(link):
                await self._find_missing(link)
            if is_birth:
                self._publisher.repeat()

    async def _begin_anew(self, link: Link) -> bool:
        """Let the broker send once more what it retains; return whether there is a connection."""
        self._found.clear()
        self._confirmed = self._publisher.confirmed_topics()
        is_connected = await link.subscribe(self._filters)
        self._received_at_s = asyncio.get_running_loop().time()
        return is_connected

    async def _find_missing(self, link: Link) -> None:
        connection = link.connections
        await self._until_quiet()
        missing = self._confirmed - self._found
        self._found.clear()
        if link.connections != connection or not link.connected.is_set():
            return  # it was lost meanwhile; the next one is looked at
        await link.unsubscribe(self._filters)
        # What was taken back meanwhile is not missing.
        self._log(missing & self._publisher.retained_topics())

    async def _until_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + GIVE_UP_S
        while True:
            left_s = min(self._received_at_s + QUIET_S, end_s) - loop.time()
            if left_s <= 0:
                return
            await asyncio.sleep(left_s)

    def _log(self, missing: frozenset[str]) -> None:
        """Log what is missing; not again what was missing the last time too.

        A broker that does not let the bridge read its own topics looks as if they were gone.
        """
        level = log.info if missing - self._logged else log.debug
        self._logged = missing
        if missing:
            level(
                "retained_topics_missing",
                topics=len(missing),
                examples=sorted(missing)[:SHOWN_TOPICS],
                reason="another client deleted them, or the broker did not keep them over a"
                " restart; they are published again",
            )
