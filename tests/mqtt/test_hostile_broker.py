"""Whatever a broker sends, in whatever state: the session goes on, with little memory."""

import asyncio
import logging
import random
import tracemalloc
from collections.abc import Iterable

import pytest
from paho.mqtt.client import topic_matches_sub

from bmw2mqtt.mqtt.packets import MAX_INCOMING_BYTES
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.retained_repair import GIVE_UP_S, RetainedRepair
from bmw2mqtt.mqtt.retained_scan import MAX_TOPICS, RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from tests.mqtt.fake_broker import FakeBroker, Peer, packet, until
from tests.mqtt.running_session import COMMAND, full_publisher, running, virtually

STATES = {"connecting": codec.CONNECT, "subscribing": codec.SUBSCRIBE, "publishing": codec.PUBLISH}
BODIES = [
    b"",
    b"\0",
    b"\0\1",
    b"\0\1\0",
    b"\0\1\0\0",
    b"\xff" * 7,
    b"\0\1\0\x80\x80\x80\x80",
    b"x" * 300,
]


def junk(kind: int) -> list[bytes]:
    """Packets of a type: empty, short, long, with all flags."""
    return [packet(kind, body, flags) for body in BODIES for flags in (0, 2, 15)]


async def survives(state: str, data: bytes, protocol: str) -> None:
    """Send bytes once in a state; the session must connect (again) and publish everything."""
    has_sent = False

    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        nonlocal has_sent
        if kind == STATES[state] and not has_sent:
            has_sent = True
            if state != "connecting":
                peer.respond(kind, body)
            else:
                peer.version = codec.parse_connect(body).version
            peer.send(data)
            asyncio.get_running_loop().call_later(1, peer.hang_up)
            return True
        return False

    publisher = full_publisher(30)
    async with (
        FakeBroker(answer) as broker,
        running(broker, publisher=publisher, protocol=protocol) as session,
    ):
        await until(lambda: has_sent and session.subscribed.is_set() and len(broker.peers) > 1)
        async with asyncio.timeout(60):
            await publisher.drained()
        assert {m.topic for m in broker.peers[-1].published} >= {f"t/{n}" for n in range(30)}


@pytest.mark.no_cover
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", range(16))
@virtually
async def test_every_packet_in_every_state(
    kind: int, state: str, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    for data in random.Random(kind).sample(junk(kind), 4):
        await survives(state, data, protocol)
    assert not [r for r in caplog.records if r.name == "asyncio"], "nothing is left unhandled"
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR and r.exc_info]


@pytest.mark.parametrize("codes", [b"", b"\x01", b"\x80" * 2, b"\x01" * 50])
@virtually
async def test_a_suback_of_another_length_ends_nothing(codes: bytes) -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.SUBSCRIBE:
            peer.send(packet(codec.SUBACK, body[:2] + b"\0" + codes))
            return True
        return False

    publisher = full_publisher(1)
    async with FakeBroker(answer) as broker, running(broker, publisher=publisher) as session:
        await until(session.subscribed.is_set)
        async with asyncio.timeout(5):
            await publisher.drained()
        assert session.connections == 1


def claim(length: int, head: bytes) -> bytes:
    """A PUBLISH whose header claims this length."""
    header = bytearray((0x30,))
    while True:
        length, low = length >> 7, length & 0x7F
        header.append(low | (0x80 if length else 0))
        if not length:
            return bytes(header) + head


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("size", [228 * 2**20, MAX_INCOMING_BYTES + 10])
@virtually
async def test_a_packet_that_is_too_long_takes_no_memory(size: int, protocol: str) -> None:
    received: list[Received] = []
    async with (
        FakeBroker() as broker,
        running(broker, received=received, protocol=protocol) as session,
    ):
        await session.subscribed.wait()
        (peer,) = broker.peers
        tracemalloc.start()
        peer.send(claim(size, b"\0\x08t/status"))
        await asyncio.sleep(1)
        sent = min(size - 10, 8 * 2**20)
        for _ in range(sent // 2**16):
            peer.send(b"x" * 2**16)
            await peer.writer.drain()
        peer.send(b"x" * (sent % 2**16))
        await asyncio.sleep(1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 * 2**20, f"{peak / 2**20:.0f} MiB"
        if sent == size - 10:  # read over to its end: the connection goes on
            peer.message("t/status", b"online")
            await until(lambda: received)
            assert [m.payload for m in received] == [b"online"]
            assert session.connections == 1


@virtually
async def test_a_flood_of_qos_2_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeBroker() as broker, running(broker) as session:
        await session.subscribed.wait()
        broker.peers[0].message(COMMAND, b"x" * 1000, flags=0x04)
        await until(lambda: session.connections == 2 and session.subscribed.is_set())
    assert "QoS 2" in capsys.readouterr().out


@virtually
async def test_a_flood_of_commands_takes_little_memory() -> None:
    async with FakeBroker() as broker, running(broker) as session:
        session._on_message = lambda _: None
        await session.subscribed.wait()
        (peer,) = broker.peers
        tracemalloc.start()
        for _ in range(400):
            peer.message(COMMAND, b"x" * 2**16)
            await peer.writer.drain()
        await asyncio.sleep(1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12 * 2**20, f"{peak / 2**20:.0f} MiB"
        assert session.connections == 1


# The retained scan


VIN = "WBA00000000DEMO01"


class ScannedBroker:
    """A connection to a broker, the scan of what it retains, and what runs the scan."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.connections = 0
        self.scan = RetainedScan(Topics("b", "h"))
        self.scanned_at_s: list[float] = []
        self._repair = RetainedRepair(Publisher(), self.scan, ["b/#"], self._scanned)
        self.task = asyncio.create_task(self._repair.run(self))

    def _scanned(self) -> None:
        self.scanned_at_s.append(asyncio.get_running_loop().time())

    async def verify(self) -> None:
        pass

    async def subscribe(self, _: Iterable[str]) -> bool:
        return self.connected.is_set()

    async def unsubscribe(self, _: Iterable[str]) -> None:
        pass

    def connect(self) -> None:
        self.connections += 1
        self.connected.set()
        self._repair.subscribed()

    def send(self, topic: str) -> None:
        self._repair.received(topic, b"1")


@virtually
async def test_the_scan_counts_from_the_suback() -> None:
    broker = ScannedBroker()
    await asyncio.sleep(20)
    assert not broker.scan.is_complete
    broker.connect()
    await asyncio.sleep(0.9)
    assert not broker.scan.is_complete
    broker.send(f"b/{VIN}/lock/lock")
    await asyncio.sleep(0.9)
    assert not broker.scan.is_complete
    await asyncio.sleep(0.2)
    assert broker.scan.is_complete
    broker.connect()
    await asyncio.sleep(5)
    assert len(broker.scanned_at_s) == 1, "later connections show what is missing, nothing else"
    broker.task.cancel()


@virtually
async def test_the_scan_survives_a_lost_connection() -> None:
    broker = ScannedBroker()
    broker.connect()
    await asyncio.sleep(0.5)
    broker.connected.clear()
    await asyncio.sleep(5)
    assert not broker.scan.is_complete
    broker.connect()
    await asyncio.sleep(0.3)
    broker.send(f"b/{VIN}/lock/lock")
    await asyncio.sleep(1.1)
    assert broker.scan.is_complete
    assert broker.scan.undecided() == (f"b/{VIN}/lock/lock",)
    broker.task.cancel()


@virtually
async def test_the_scan_ends_though_another_client_never_stops() -> None:
    broker = ScannedBroker()
    broker.connect()
    for number in range(100):
        broker.send(f"b/else/{number}")
        if broker.scan.is_complete:
            break
        await asyncio.sleep(0.5)
    assert broker.scan.is_complete
    assert asyncio.get_running_loop().time() <= GIVE_UP_S + 1
    broker.task.cancel()


@virtually
async def test_the_scan_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    scan = RetainedScan(Topics("b", "h"))
    for number in range(MAX_TOPICS + 1000):
        scan.received(f"b/{VIN}/sensor/k{number}", b"1")
    assert len(scan.undecided()) == MAX_TOPICS
    assert capsys.readouterr().out.count("too_many_retained_topics") == 1
    long_topics = RetainedScan(Topics("b", "h"))
    for number in range(1000):
        long_topics.received(f"b/{VIN}/sensor/{'k' * 60_000}{number}", b"1")
    assert len(long_topics.undecided()) < 150


@virtually
async def test_deeply_nested_discovery() -> None:
    scan = RetainedScan(Topics("b", "h"))
    nested = b'{"components": ' + b'{"a":' * 100_000 + b'"b/bridge/availability"'
    scan.received(f"h/device/bmw2mqtt_{VIN}/config", nested)
    assert scan.pop_components(f"b/{VIN}") == frozenset()


def test_filters_leave_the_topics_of_others_alone() -> None:
    filters = Topics("b", "h").retained()
    foreign = ["b/x", "b/x/y/z", "b/a/b/c/d", f"b/{VIN}/else/k", "b/else/1/2"]
    for topic in foreign:
        assert not [f for f in filters if topic_matches_sub(f, topic)], topic
