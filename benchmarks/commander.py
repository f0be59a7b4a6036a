"""A client that sends commands one after another: the next once the one before is done."""

import random
import time
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PAUSE_S = (0.02, 0.06)
"""By chance, so that commands come at any moment of a poll."""
ANSWER_S = 60


class Commander:
    """A client without a thread of its own: a command is written out before `send` goes on."""

    def __init__(self, port: int, topic: str, done: str) -> None:
        """Prepare one.

        Args:
            port: the broker's.
            topic: where the commands go.
            done: where a message says that a command is done.
        """
        self._port = port
        self._topic = topic
        self._done = done
        self._is_subscribed = False
        self._answers = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(self._done)
        self._client.on_subscribe = self._take_subscription
        self._client.on_message = self._take_answer

    def _take_subscription(self, *_: Any) -> None:
        self._is_subscribed = True

    def _take_answer(self, *_: Any) -> None:
        self._answers += 1

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        deadline = time.monotonic() + ANSWER_S
        while not self._is_subscribed:
            self._turn(deadline)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()

    def send(self, payload: str) -> float:
        """Send a command and wait until it is done; return when it was sent."""
        self._turn_for(random.uniform(*PAUSE_S))
        before = self._answers
        sent_at = time.monotonic()
        self._client.publish(self._topic, payload)
        while self._answers == before:
            self._turn(sent_at + ANSWER_S)
        return sent_at

    def _turn_for(self, duration_s: float) -> None:
        until = time.monotonic() + duration_s
        while (left := until - time.monotonic()) > 0:
            self._client.loop(left)

    def _turn(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(self._topic)
        self._client.loop(0.1)
