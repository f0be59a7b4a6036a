"""Brokers that refuse something or hang up on it: they get all that they can take."""

import asyncio
import struct
from typing import Any

import pytest

from bmw2mqtt.mqtt.poison_messages import LEFT_OUT_AFTER, SUSPECTED_AFTER
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import SECOND_TRY_S
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from tests.mqtt.fake_broker import FakeBroker, Peer, packet, property_byte, until
from tests.mqtt.running_session import full_publisher, running, virtually

# Limits


@pytest.mark.parametrize(
    ("limit", "word"),
    [
        (property_byte(0x25, 0), "retain_available"),
        (property_byte(0x24, 0), "max_qos"),
        (property_byte(0x28, 0), "no wildcards in subscriptions"),
        (b"\x27" + struct.pack(">I", 60), "max_packet_size"),
    ],
)
@virtually
async def test_a_broker_with_a_limit_gets_what_it_can_take(
    limit: bytes, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publishes: list[tuple[int, bytes]] = []

    async def answer(_: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.PUBLISH and b"\x24\0" in limit:  # QoS 0 has no packet id
            publishes.append((kind, body))
            return True
        return False

    publisher = Publisher()
    publisher.retain("t/small", b"1")
    publisher.retain("t/large", b"x" * 100)
    async with (
        FakeBroker(answer, limits=limit) as broker,
        running(broker, publisher=publisher) as session,
    ):
        await session.subscribed.wait()
        async with asyncio.timeout(10):
            await publisher.drained()
        (peer,) = broker.peers
        await until(lambda: peer.count(codec.PUBLISH) >= 1)
        topics = {m.topic for m in peer.published} or {body[2:9].decode() for _, body in publishes}
        assert "t/small" in topics
    output = capsys.readouterr().out
    assert output.count(word) == 1


@pytest.mark.parametrize(("code", "flag"), [(0x9A, 0x20), (0x9B, 0x18)])
@virtually
async def test_a_broker_that_refuses_the_will(code: int, flag: int) -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.CONNECT and body[7] & flag:
            peer.send(packet(codec.CONNACK, bytes((0, code, 0))))
            peer.hang_up()
            return True
        return False

    async with FakeBroker(answer) as broker, running(broker) as session:
        await until(session.subscribed.is_set, 2)
        assert len(broker.peers) == 2


# Poison


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@virtually
async def test_a_broker_that_hangs_up_on_one_message_gets_the_others(
    protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.PUBLISH and b"poison" in body:
            peer.hang_up()
            return True
        return False

    publisher = full_publisher(30)
    publisher.retain("t/p", b"poison")
    publisher.send("t/event", b"poison")
    publisher.relay("t/relay", b"poison")
    for number in range(30, 60):
        publisher.retain(f"t/{number}", b"1")
    async with (
        FakeBroker(answer) as broker,
        running(broker, publisher=publisher, protocol=protocol) as session,
    ):
        async with asyncio.timeout(120):
            await publisher.drained()
        assert {m.topic for m in broker.peers[-1].published} >= {f"t/{n}" for n in range(60)}
        await asyncio.sleep(60)
        assert session.connected.is_set()
    output = capsys.readouterr().out
    assert output.count("message_left_out") == 3
    assert "payload_bytes=6" in output


@virtually
async def test_what_was_left_out_is_tried_again_on_the_same_connection() -> None:
    """Nothing else may send it: a car that is parked for days says nothing new."""
    is_strict, later_s = True, 0.0
    loop: Any = asyncio.get_running_loop()
    loop.hurry()

    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if is_strict and kind == codec.PUBLISH and b"poison" in body:
            peer.hang_up()
            return True
        return False

    publisher = Publisher(lambda: loop.time() + later_s)
    publisher.retain("t/poison", b"1")
    publisher.clear("t/poison/withdrawn")
    async with FakeBroker(answer) as broker, running(broker, publisher=publisher) as session:
        async with asyncio.timeout(120):
            await publisher.drained()
        later_s = 5 * 3600
        await asyncio.sleep(900)
        assert not broker.peers[-1].published, "it is left out for six hours"
        connections, is_strict = session.connections, False
        later_s = 6 * 3600
        await asyncio.sleep(900)
        published = [(message.topic, message.payload) for message in broker.peers[-1].published]
        assert sorted(published) == [("t/poison", b"1"), ("t/poison/withdrawn", b"")]
        assert session.connections == connections


@virtually
async def test_the_second_try_of_a_message_alone_comes_soon() -> None:
    hung_up_at: list[float] = []

    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.PUBLISH and b"poison" in body:
            hung_up_at.append(asyncio.get_running_loop().time())
            peer.hang_up()
            return True
        return False

    publisher = Publisher()
    publisher.retain("t/p", b"poison")
    async with FakeBroker(answer) as broker, running(broker, publisher=publisher):
        async with asyncio.timeout(120):
            await publisher.drained()
    *_, alone, again = hung_up_at
    assert len(hung_up_at) == SUSPECTED_AFTER + LEFT_OUT_AFTER
    assert again - alone == pytest.approx(SECOND_TRY_S, abs=0.1)


@virtually
async def test_a_broker_that_acknowledges_and_hangs_up_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    poisoned: set[int] = set()

    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if id(peer) in poisoned:
            peer.hang_up()
            return True
        if kind == codec.PUBLISH and b"poison" in body:
            poisoned.add(id(peer))
        return False

    publisher = Publisher()
    publisher.retain("t/p", b"poison")
    for number in range(30):
        publisher.retain(f"t/{number}", b"1")
    async with FakeBroker(answer) as broker, running(broker, publisher=publisher):
        async with asyncio.timeout(200):
            await publisher.drained()
        assert {m.topic for m in broker.peers[-1].published} >= {f"t/{n}" for n in range(30)}
    assert capsys.readouterr().out.count("message_left_out") == 1


@virtually
async def test_a_broker_to_which_all_subscriptions_together_are_too_long() -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.SUBSCRIBE and len(body) > 20:
            peer.hang_up()
            return True
        return False

    async with FakeBroker(answer) as broker, running(broker, protocol="3.1.1") as session:
        await until(session.subscribed.is_set, 20)
        assert broker.peers[-1].count(codec.SUBSCRIBE) == 2


@virtually
async def test_a_refused_subscription_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind != codec.SUBSCRIBE:
            return False
        count = len(codec.parse_subscribe(body, peer.version).filters)
        number = int.from_bytes(body[:2], "big")
        codes = [codec.NOT_AUTHORIZED, *[1] * (count - 1)]
        peer.send(codec.suback(peer.version, number, codes))
        return True

    async with FakeBroker(answer) as broker, running(broker) as session:
        for _ in range(3):
            await until(session.subscribed.is_set, 100)
            broker.peers[-1].hang_up()
            await until(lambda: not session.subscribed.is_set(), 100)
    assert capsys.readouterr().out.count("mqtt_subscription_refused") == 1


@virtually
async def test_clients_that_take_the_connection_from_each_other_poison_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def answer(peer: Peer, kind: int, _: bytes) -> bool:
        if kind == codec.PUBLISH and len(broker.peers) < 12:
            peer.send(codec.disconnect(142))
            peer.hang_up()
            return True
        return False

    publisher = full_publisher(30)
    async with FakeBroker(answer) as broker, running(broker, publisher=publisher):
        async with asyncio.timeout(1000):
            await publisher.drained()
    assert len({m.topic for m in broker.peers[-1].published}) >= 30
    output = capsys.readouterr().out
    assert "message_left_out" not in output
    assert "another client uses the same mqtt.client_id" in output
