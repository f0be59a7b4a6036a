"""The connection: what is said about it, and brokers that play dead."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import TCP_TIMEOUT_S, Session, _first, describe, make_client

LOST = aiomqtt.MqttError("Disconnected during message iteration")
SLACK_S = 20
"""For a slow machine; whoever waits for the broker waits for ever."""
TAKEN_OVER = ReasonCode(PacketTypes.DISCONNECT, identifier=142)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (4, "mqtt.username and mqtt.password"),
        (5, "mqtt.username and mqtt.password"),
        (ReasonCode(PacketTypes.CONNACK, identifier=134), "mqtt.username and mqtt.password"),
        (ReasonCode(PacketTypes.CONNACK, identifier=135), "mqtt.username and mqtt.password"),
        (ReasonCode(PacketTypes.CONNACK, identifier=132), 'mqtt.protocol to "3.1.1"'),
        (TAKEN_OVER, "another client uses the same mqtt.client_id"),
        (7, "the connection was lost"),
    ],
)
def test_a_reason_names_the_remedy(code: int | ReasonCode, remedy: str) -> None:
    assert describe(aiomqtt.MqttCodeError(code)).endswith(remedy)


def test_the_brokers_word_lies_at_the_bottom() -> None:
    lost = aiomqtt.MqttError("Disconnected during message iteration")
    lost.__cause__ = aiomqtt.MqttCodeError(TAKEN_OVER)
    group = ExceptionGroup("", [ExceptionGroup("", [lost]), LOST])
    assert "mqtt.client_id" in describe(_first(group))
    assert describe(_first(LOST)) == str(LOST)
    assert describe(None) == "connection lost"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def full() -> Iterator[int]:
    """A port that does not even take connections: its queue is full."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)  # noqa: FBT003 - the library's signature
            with suppress(BlockingIOError):
                client.connect(server.getsockname())
        yield server.getsockname()[1]


@pytest.mark.parametrize("broker", ["silent", "full"])
def test_stops_although_the_broker_plays_dead(broker: str, request: pytest.FixtureRequest) -> None:
    port = request.getfixturevalue(broker)

    async def connect_and_stop() -> None:
        session = Session(
            Mqtt(host="127.0.0.1", port=port),
            Publisher(),
            availability_topic="t/availability",
            filters=(),
            on_message=lambda _: None,
        )
        task = asyncio.create_task(session.run())
        done, _ = await asyncio.wait([task], timeout=0.3)  # it is connecting by now
        assert not done
        task.cancel()
        await asyncio.wait([task])

    started = time.monotonic()
    asyncio.run(connect_and_stop())  # waits for the library's thread, as the daemon does
    assert time.monotonic() - started < TCP_TIMEOUT_S + SLACK_S


async def test_a_connect_is_given_up_well_within_the_five_seconds_of_a_stop() -> None:
    client = make_client(Mqtt(), None, availability_topic=None, client_id="c")
    assert client._client.connect_timeout == TCP_TIMEOUT_S <= 3
