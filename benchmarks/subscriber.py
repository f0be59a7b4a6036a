"""A subscriber that notes when it saw what; like Home Assistant it subscribes with QoS 0."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import wait_until


class Subscriber:
    """A client in a thread of its own."""

    def __init__(self, port: int, topic: str = "#", *, is_live: bool = False) -> None:
        """Prepare one; with `is_live` it leaves out what the broker had retained before."""
        self._is_live = is_live
        self.seen: list[tuple[float, str, bytes]] = []
        self._topic = topic
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(self._topic)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._port = port

    def _take(self, _: Any, __: object, message: paho.MQTTMessage) -> None:
        if not (self._is_live and message.retain):
            self.seen.append((time.monotonic(), message.topic, message.payload))

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._subscribed.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def first(self, wanted: Callable[[str, bytes], bool], timeout_s: float = 60) -> float:
        """Wait for a message; return when it was seen."""

        def look() -> float | None:
            seen = tuple(self.seen)
            return next((at for at, topic, payload in seen if wanted(topic, payload)), None)

        found = wait_until(look, timeout_s)
        assert found is not None
        return found

    def complete(self, topics: Collection[str]) -> float:
        """Wait until every topic was seen; return when the last of them was seen first."""
        missing = set(topics)
        last, position = 0.0, 0

        def look() -> bool:
            nonlocal last, position
            while position < len(self.seen):
                at, topic, payload = self.seen[position]
                position += 1
                if payload and topic in missing:
                    missing.discard(topic)
                    last = at
            return not missing

        wait_until(look)
        return last

    def current(self) -> dict[str, bytes]:
        """Return the last payload of every topic that is not empty."""
        return {topic: payload for _, topic, payload in tuple(self.seen) if payload}

    def rest(self, quiet_s: float = 0.5) -> None:
        """Wait until nothing has come for a while."""
        count = -1
        while count != len(self.seen):
            count = len(self.seen)
            time.sleep(quiet_s)
