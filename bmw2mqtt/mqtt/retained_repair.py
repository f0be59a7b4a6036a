"""Reads back the bridge's retained topics at each connect, and when Home Assistant starts.

The bridge subscribes to its own retained topics, and the broker sends each once. The first time
that shows what earlier runs have left (`RetainedScan`). Later it shows what another client has
deleted: that is logged. Everything is published again on both occasions anyway.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

import structlog

from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan

log = structlog.get_logger(__name__)

BIRTH_DELAY_S: Final = (1.0, 10.0)
"""Every device answers a start of Home Assistant; a random delay spreads the load."""
QUIET_S: Final = 1.0
"""The broker has sent all retained messages when none came for so long."""
GIVE_UP_S: Final = 15.0
MAX_LOGGED_TOPICS: Final = 3


class Link(Protocol):
    """The connection to the broker."""

    connections: int
    """How many connections there have been."""
    connected: asyncio.Event

    async def subscribe(self, filters: Iterable[str]) -> bool:
        """Subscribe until `unsubscribe`; return whether there is a connection."""

    async def unsubscribe(self, filters: Iterable[str]) -> None:
        """End the subscriptions of this connection; the next one begins with them."""

    async def verify(self) -> None:
        """Return once the broker has answered a ping, or the connection is lost."""


class RetainedRepair:
    """Compares what the broker retains of the bridge with what it has acknowledged."""

    def __init__(
        self,
        publisher: Publisher,
        scan: RetainedScan,
        filters: Iterable[str],
        on_scanned: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare it.

        Args:
            publisher: what the broker has acknowledged.
            scan: collects what earlier runs have left.
            filters: the bridge's retained topics; each connection starts with a subscription.
            on_scanned: called once, when `scan` is complete.
        """
        self._publisher = publisher
        self._scan = scan
        self._filters = tuple(filters)
        self._on_scanned = on_scanned
        self._requested = asyncio.Event()
        self._is_birth = False
        self._confirmed: frozenset[str] = frozenset()
        self._found: set[str] = set()
        self._received_at_s = 0.0
        self._logged_missing: frozenset[str] = frozenset()

    def subscribed(self) -> None:
        """Start: a new connection is there, and nothing was published on it yet."""
        self._confirmed = self._publisher.confirmed_topics()
        self._received_at_s = asyncio.get_running_loop().time()
        self._requested.set()

    def homeassistant_started(self) -> None:
        """Publish everything again soon; several starts in a row count as one."""
        self._is_birth = True
        self._requested.set()

    def received(self, topic: str, payload: bytes) -> None:
        """Record a retained message."""
        self._received_at_s = asyncio.get_running_loop().time()
        if self._publisher.has_confirmed(topic):  # there may be many of other clients
            self._found.add(topic)
        if not self._scan.is_complete:
            self._scan.received(topic, payload)

    async def run(self, link: Link) -> None:
        """Work until cancelled."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            is_birth = self._is_birth
            while self._is_birth:
                self._is_birth = False
                await asyncio.sleep(random.uniform(*BIRTH_DELAY_S))
            if not is_birth or await self._subscribe_again(link):
                await self._read(link)
            if is_birth:
                self._publisher.repeat()

    async def _subscribe_again(self, link: Link) -> bool:
        """Let the broker send once more what it retains; return whether there is a connection."""
        self._found.clear()
        self._confirmed = self._publisher.confirmed_topics()
        is_connected = await link.subscribe(self._filters)
        self._received_at_s = asyncio.get_running_loop().time()
        return is_connected

    async def _read(self, link: Link) -> None:
        """Wait for the retained messages of this connection, then evaluate them."""
        connection = link.connections
        await self._wait_until_quiet(link)
        missing = self._confirmed - self._found
        self._found.clear()
        if link.connections != connection or not link.connected.is_set():
            return  # the next connection starts again
        await link.unsubscribe(self._filters)
        if not self._scan.is_complete:
            self._scan.is_complete = True
            self._on_scanned()
        # A topic that the bridge has removed meanwhile is not missing.
        self._log_missing(missing & self._publisher.retained_topics())

    async def _wait_until_quiet(self, link: Link) -> None:
        """Wait until none came for a while, and none before the answer to a ping either.

        On a busy machine the broker or this process may be what makes the pause.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + GIVE_UP_S
        verified_at_s: float | None = None
        while True:
            left_s = min(self._received_at_s + QUIET_S, end_s) - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
            elif verified_at_s == self._received_at_s or loop.time() >= end_s:
                return
            else:
                verified_at_s = self._received_at_s
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(end_s):
                        await link.verify()

    def _log_missing(self, missing: frozenset[str]) -> None:
        """Log what is missing, unless it was missing the last time too.

        Where the broker does not let the bridge read its own topics, they are missing every time.
        """
        is_new, self._logged_missing = bool(missing - self._logged_missing), missing
        if is_new:
            log.info(
                "retained_topics_missing",
                topics=len(missing),
                examples=sorted(missing)[:MAX_LOGGED_TOPICS],
                reason="another client deleted them, or the broker did not keep them over a"
                " restart; they are published again",
            )
