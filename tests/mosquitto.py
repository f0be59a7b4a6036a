"""A real Mosquitto as a child process, and a client that records what it sees."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bmw2mqtt.simulator.ports import reserve_port

TIMEOUT_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.1
"""Between two looks at a condition."""


def free_port() -> int:
    """Return a port nobody uses, and nobody else gets while the tests run."""
    return reserve_port(free_port)


def wait_until(condition: Callable[[], Any], timeout_s: float = TIMEOUT_S, what: str = "") -> Any:
    """Wait for a condition with a limit; return what it gave.

    What takes longer is looked at less often.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = FIRST_PAUSE_S
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, LONGEST_PAUSE_S)


class Mosquitto:
    """One broker; it can be stopped, killed and started again on the same port."""

    def __init__(self, directory: Path, *config: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = directory / f"mosquitto-{self.port}.conf"
        self._extra = config
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start and wait until it takes connections."""
        has_listener = any(line.startswith("listener") for line in self._extra)
        lines = [
            *([] if has_listener else [f"listener {self.port} 127.0.0.1"]),
            *self._extra,
            "persistence false",
            "set_tcp_nodelay true",
        ]
        if not any(line.startswith("max_queued_messages") for line in self._extra):
            lines.append("max_queued_messages 0")
        if not any(line.startswith("password_file") for line in self._extra):
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:
            lines.append("user root")
        self._config.write_text("\n".join(lines) + "\n")
        path = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        assert path, "mosquitto is not installed: make test installs it"
        self._process = subprocess.Popen(
            [path, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, what="mosquitto listens")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it at once; nothing is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass(frozen=True)
class Seen:
    """One message as a subscriber saw it."""

    topic: str
    payload: bytes
    retain: bool
    correlation_data: bytes | None = None

    @property
    def text(self) -> str:
        return self.payload.decode()


class Observer:
    """A subscriber in a thread of its own; also publishes."""

    def __init__(self, port: int, *filters: str, **options: Any) -> None:
        self.messages: list[Seen] = []
        self._of_topic: defaultdict[str, list[Seen]] = defaultdict(list)
        self._current: dict[str, bytes] = {}
        self._filters = filters or ("#",)
        self._subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=options.pop("protocol", paho.MQTTv5)
        )
        if username := options.pop("username", None):
            self._client.username_pw_set(username, options.pop("password", None))
        self._port = port
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, 0) for topic in self._filters])  # without acknowledgements

    def _on_message(self, _: object, __: object, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        topic = message.topic
        seen = Seen(topic, bytes(message.payload), bool(message.retain), correlation)
        self.messages.append(seen)
        self._of_topic[topic].append(seen)
        if seen.payload:
            self._current[topic] = seen.payload
        else:
            self._current.pop(topic, None)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._subscribed.wait(TIMEOUT_S), "subscribed"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(
        self, topic: str, payload: str | bytes, *, retain: bool = False, properties: Any = None
    ) -> None:
        """Publish and wait for the acknowledgement."""
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        info.wait_for_publish(TIMEOUT_S)

    def current(self) -> dict[str, bytes]:
        """Return the last payload of every topic; an emptied topic is not there."""
        return self._current.copy()

    def on(self, topic: str) -> list[Seen]:
        """Return every message on a topic."""
        return self._of_topic.get(topic, [])[:]

    def wait_for(
        self, topic: str, payload: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> Seen:
        """Wait until a topic shows something (this payload) and return that message."""

        def found() -> Seen | None:
            seen = self.on(topic)
            matching = [m for m in seen[-1:] if payload is None or m.text == payload]
            return matching[0] if matching else None

        try:
            result: Seen = wait_until(found, timeout_s, what=f"{topic} {payload or ''}")
        except AssertionError as error:
            error.add_note(f"it showed {[message.text for message in self.on(topic)[-5:]]}")
            raise
        return result

    def has_more(self) -> bool:
        """Ping the broker; return whether any message came before its answer."""
        count = len(self.messages)
        answered = threading.Event()
        self._client.on_log = lambda *args: args[-1] == "Received PINGRESP" and answered.set()
        self._client._send_pingreq()
        assert answered.wait(TIMEOUT_S), "the broker answers a ping"
        return len(self.messages) != count

    def quiet(self, seconds: float = 0.5, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until nothing has come for a while."""
        deadline = time.monotonic() + timeout_s
        count = -1
        while count != len(self.messages):
            assert time.monotonic() < deadline, "the broker does not come to rest"
            count = len(self.messages)
            time.sleep(seconds)


def retained(port: int, *filters: str, **options: Any) -> dict[str, bytes]:
    """Return what the broker retains."""
    with Observer(port, *(filters or ("#",)), **options) as observer:
        observer.quiet(0.3)
        while observer.has_more():
            pass
        return {m.topic: m.payload for m in observer.messages if m.retain}
