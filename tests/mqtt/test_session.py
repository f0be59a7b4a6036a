"""The connection's loop in virtual time, against a broker that does whatever the test wants."""

import asyncio
import inspect
import random
import socket
import struct
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt import client as client_module
from bmw2mqtt.mqtt.client import CONNECT_TIMEOUT_S, Client
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.session import ConnectionState, Session
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from tests import virtual_time
from tests.mqtt.fake_broker import (
    FakeBroker,
    Peer,
    packet,
    property_byte,
    until,
)

AVAILABILITY = "t/availability"
COMMAND = "t/WBA00000000DEMO01/lock/lock/set"
STOP_S = 4.0
"""A stop is over within this, in any state."""


@pytest.fixture(autouse=True)
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """Every client that the session made."""
    made: list[Client] = []
    init = Client.__init__

    def record(self: Client, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Client, "__init__", record)
    return made


def make_session(
    settings: Mqtt, received: list[Received] | None = None, publisher: Publisher | None = None
) -> Session:
    """Return a session that collects what comes in."""
    messages = received if received is not None else []
    return Session(
        settings,
        publisher or Publisher(),
        availability_topic=AVAILABILITY,
        filters=("t/+/+/+/set", "t/status"),
        on_message=messages.append,
        clock=asyncio.get_running_loop().time,
    )


def virtually(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in virtual time; nothing of it may be left."""

    def run(**arguments: Any) -> None:
        async def watched() -> None:
            await test(**arguments)
            await asyncio.sleep(0.1)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, others

        virtual_time.run(watched)

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run


async def stop(session: Session, task: "asyncio.Task[None]") -> None:
    """Stop; it must end soon and leave nothing."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    session.stop()
    done, _ = await asyncio.wait([task], timeout=60)
    assert done, f"hangs in {session.state}"
    task.result()
    assert loop.time() - started <= STOP_S
    assert session.state is ConnectionState.STOPPED


def assert_all_closed(clients: list[Client]) -> None:
    assert all(client.lost.is_set() and client._paho._sock is None for client in clients)


# Stopping


async def silent(_: Peer, __: int, ___: bytes) -> bool:
    return True


async def no_suback(_: Peer, kind: int, __: bytes) -> bool:
    return kind == codec.SUBSCRIBE


async def no_puback(_: Peer, kind: int, __: bytes) -> bool:
    return kind == codec.PUBLISH


async def only_connack(_: Peer, kind: int, __: bytes) -> bool:
    return kind != codec.CONNECT


async def hangs_up_at_connect(peer: Peer, _: int, __: bytes) -> bool:
    peer.hang_up()
    return True


async def hangs_up_at_publish(peer: Peer, kind: int, _: bytes) -> bool:
    if kind == codec.PUBLISH:
        peer.hang_up()
        return True
    return False


async def healthy(_: Peer, __: int, ___: bytes) -> bool:
    return False


BROKERS = [
    healthy,
    silent,
    no_suback,
    no_puback,
    only_connack,
    hangs_up_at_connect,
    hangs_up_at_publish,
]


@pytest.mark.parametrize("answer", BROKERS)
@pytest.mark.parametrize("after_s", [0, 0.3, 11])
@virtually
async def test_a_stop_ends_it_in_every_state(
    answer: Any, after_s: float, clients: list[Client]
) -> None:
    async with FakeBroker(answer) as broker:
        publisher = Publisher()
        for number in range(50):
            publisher.retain(f"t/{number}", b"1")
        session = make_session(broker.settings, publisher=publisher)
        task = asyncio.create_task(session.run())
        await asyncio.sleep(after_s)
        await stop(session, task)
        assert_all_closed(clients)
        await until(lambda: not broker.open)


@pytest.mark.parametrize("answer", BROKERS)
@virtually
async def test_a_stop_at_every_turn_of_the_loop(answer: Any, clients: list[Client]) -> None:
    async with FakeBroker(answer) as broker:
        for turns in range(0, 30, 2):
            publisher = Publisher()
            publisher.retain("t/1", b"1")
            session = make_session(broker.settings, publisher=publisher)
            task = asyncio.create_task(session.run())
            for _ in range(turns):
                await asyncio.sleep(0)
            await stop(session, task)
        assert_all_closed(clients)


@virtually
async def test_a_stop_at_every_turn_after_the_connection_is_lost(clients: list[Client]) -> None:
    async with FakeBroker() as broker:
        for turns in range(0, 30, 2):
            publisher = Publisher()
            for number in range(30):
                publisher.retain(f"t/{number}", b"1")
            session = make_session(broker.settings, publisher=publisher)
            task = asyncio.create_task(session.run())
            await session.subscribed.wait()
            broker.peers[-1].hang_up()
            for _ in range(turns):
                await asyncio.sleep(0)
            await stop(session, task)
        assert_all_closed(clients)


@pytest.mark.parametrize("answer", BROKERS)
@virtually
async def test_a_cancel_closes_everything(answer: Any, clients: list[Client]) -> None:
    async with FakeBroker(answer) as broker:
        for turns in range(0, 30, 2):
            session = make_session(broker.settings)
            task = asyncio.create_task(session.run())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done
        assert_all_closed(clients)


@virtually
async def test_says_offline_and_goodbye() -> None:
    async with FakeBroker() as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        assert session.state is ConnectionState.CONNECTED
        await stop(session, task)
        (peer,) = broker.peers
        await until(lambda: not broker.open)
        assert [(m.topic, m.payload) for m in peer.published] == [(AVAILABILITY, b"offline")]
        assert peer.packets[-1][0] == codec.DISCONNECT


# Reconnecting


@virtually
async def test_a_silent_broker_is_asked_again_and_nothing_stays_open(
    clients: list[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeBroker(silent) as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        await asyncio.sleep(290)
        attempts = len(broker.peers)
        assert 290 / (CONNECT_TIMEOUT_S + 5) - 1 < attempts < 290 / CONNECT_TIMEOUT_S + 1
        assert len(broker.open) <= 1
        assert sum(not client.lost.is_set() for client in clients) <= 1
        await stop(session, task)
        assert capsys.readouterr().out.count("warning") == 1, "one line for the outage"


@virtually
async def test_pauses_grow_and_are_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    loop = asyncio.get_running_loop()
    connected: list[float] = []

    async def answer(_: Peer, kind: int, __: bytes) -> bool:
        if kind == codec.CONNECT:
            connected.append(loop.time())
        return False

    async with FakeBroker(answer) as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        for number in range(1, 9):
            await until(
                lambda n=number: session.connections == n and session.subscribed.is_set(), 100
            )
            broker.peers[-1].hang_up()
        await until(lambda: session.connections == 9 and session.subscribed.is_set(), 100)
        pauses = [round(after - before) for before, after in pairwise(connected)]
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        await until(session.subscribed.is_set, 100)
        await asyncio.sleep(11)
        broker.peers[-1].hang_up()
        lost_at = loop.time()
        await until(lambda: session.connections == 10)
        assert connected[-1] - lost_at < 0.5, "a connection that was stable"
        broker.peers[-1].hang_up()
        await until(lambda: session.connections == 11)
        assert connected[-1] - connected[-2] < 3, "starts small again"
        await stop(session, task)


@virtually
async def test_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    async with FakeBroker() as broker:
        settings = broker.settings
    attempts: list[float] = []
    connect = client_module.open_socket

    async def counted(*args: Any) -> socket.socket:
        attempts.append(asyncio.get_running_loop().time())
        return await connect(*args)

    monkeypatch.setattr(client_module, "open_socket", counted)
    session = make_session(settings)
    task = asyncio.create_task(session.run())
    await asyncio.sleep(30)
    pauses = [round(after - before, 1) for before, after in pairwise(attempts)]
    assert pauses[:6] == [0.5, 1, 2, 4, 5, 5]
    assert session.tried.is_set()
    await stop(session, task)


@pytest.mark.parametrize("keepalive", [None, 20])
@virtually
async def test_a_frozen_broker_is_left_after_the_keepalive(keepalive: int | None) -> None:
    limits = b"" if keepalive is None else b"\x13" + struct.pack(">H", keepalive)
    async with FakeBroker(limits=limits) as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        await asyncio.sleep(30)
        assert session.connections == 1
        broker.peers[0].thawed.clear()
        frozen_at = asyncio.get_running_loop().time()
        await until(lambda: session.connections == 2 and session.subscribed.is_set(), 200)
        took_s = asyncio.get_running_loop().time() - frozen_at
        assert (keepalive or 60) - 1 <= took_s <= (keepalive or 60) + 8
        await stop(session, task)


@virtually
async def test_a_bug_in_the_handler_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeBroker() as broker:
        session = make_session(broker.settings)

        def crash(_: Received) -> None:
            raise RuntimeError("a bug")

        session._on_message = crash
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        broker.peers[0].message("t/status", b"online")
        await asyncio.sleep(1)
        assert session.connections == 1
        assert session.connected.is_set()
        await stop(session, task)
        assert "message_crashed" in capsys.readouterr().out


@virtually
async def test_a_bug_in_the_publisher_backs_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(*_: Any) -> None:
        raise RuntimeError("a bug")

    async with FakeBroker() as broker:
        publisher = Publisher()
        session = make_session(broker.settings, publisher=publisher)
        with monkeypatch.context() as patch:
            patch.setattr(publisher, "run", crash)
            task = asyncio.create_task(session.run())
            await asyncio.sleep(20)
            assert 3 <= session.connections <= 8
        await asyncio.sleep(60)
        assert session.connected.is_set()
        await stop(session, task)
        assert "a bug" in capsys.readouterr().out


# Stalls


@virtually
async def test_a_command_is_delivered_once_the_broker_has_answered() -> None:
    async with FakeBroker() as broker:
        received: list[Received] = []
        session = make_session(broker.settings, received)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        await asyncio.sleep(20)
        broker.peers[0].message(COMMAND, b"LOCK")
        await until(lambda: received, 1)
        assert not received[0].is_stale
        await stop(session, task)


@pytest.mark.parametrize("frozen_s", [20, 50])
@virtually
async def test_commands_of_a_broker_that_was_frozen_are_stale(frozen_s: float) -> None:
    async with FakeBroker() as broker:
        received: list[Received] = []
        session = make_session(broker.settings, received)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        await asyncio.sleep(20)
        (peer,) = broker.peers
        peer.thawed.clear()
        await asyncio.sleep(frozen_s)
        peer.thawed.set()
        peer.message(COMMAND, b"old")  # before it answers the ping
        await until(lambda: received, 5)
        assert received[0].is_stale
        await asyncio.sleep(20)
        peer.message(COMMAND, b"new")
        await until(lambda: len(received) == 2, 5)
        assert not received[1].is_stale
        assert session.connections == 1
        await stop(session, task)


@virtually
async def test_what_lay_in_the_socket_of_a_lost_connection_is_stale() -> None:
    """As after a virtual machine was paused: no clock tells, but the broker is gone."""
    async with FakeBroker() as broker:
        received: list[Received] = []
        session = make_session(broker.settings, received)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        broker.peers[0].message(COMMAND, b"UNLOCK")
        broker.peers[0].hang_up()
        await until(lambda: received, 5)
        assert received[0].is_stale
        await stop(session, task)


@virtually
async def test_a_repeated_command_is_stale() -> None:
    async with FakeBroker() as broker:
        received: list[Received] = []
        session = make_session(broker.settings, received)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        broker.peers[0].message(COMMAND, b"UNLOCK", flags=0x08 | 0x02)
        await until(lambda: received, 5)
        assert received[0].is_stale
        await stop(session, task)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@virtually
async def test_every_connection_asks_for_a_clean_session(protocol: str) -> None:
    connects: list[bytes] = []

    async def answer(_: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.CONNECT:
            connects.append(body)
        return False

    async with FakeBroker(answer) as broker:
        settings = broker.settings.model_copy(update={"protocol": protocol})
        session = make_session(settings)
        task = asyncio.create_task(session.run())
        for _ in range(2):
            await until(session.subscribed.is_set)
            broker.peers[-1].hang_up()
            await until(lambda: not session.subscribed.is_set())
        await stop(session, task)
    assert len(connects) >= 2
    assert all(body[7] & 0x02 for body in connects), "clean start"
    if protocol == "5":
        assert b"\x11\0\0\0\0" in connects[0][10:30], "session expiry 0"


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

    async with FakeBroker(answer, limits=limit) as broker:
        publisher = Publisher()
        publisher.retain("t/small", b"1")
        publisher.retain("t/large", b"x" * 100)
        session = make_session(broker.settings, publisher=publisher)
        task = asyncio.create_task(session.run())
        await session.subscribed.wait()
        async with asyncio.timeout(10):
            await publisher.drained()
        (peer,) = broker.peers
        await until(lambda: peer.count(codec.PUBLISH) >= 1)
        topics = {m.topic for m in peer.published} or {body[2:9].decode() for _, body in publishes}
        assert "t/small" in topics
        await stop(session, task)
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

    async with FakeBroker(answer) as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        await until(session.subscribed.is_set, 2)
        assert len(broker.peers) == 2
        await stop(session, task)


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

    async with FakeBroker(answer) as broker:
        publisher = Publisher()
        for number in range(30):
            publisher.retain(f"t/{number}", b"1")
        publisher.retain("t/p", b"poison")
        publisher.send("t/event", b"poison")
        publisher.relay("t/relay", b"poison")
        for number in range(30, 60):
            publisher.retain(f"t/{number}", b"1")
        settings = broker.settings.model_copy(update={"protocol": protocol})
        session = make_session(settings, publisher=publisher)
        task = asyncio.create_task(session.run())
        async with asyncio.timeout(120):
            await publisher.drained()
        assert {m.topic for m in broker.peers[-1].published} >= {f"t/{n}" for n in range(60)}
        await asyncio.sleep(60)
        assert session.connected.is_set()
        await stop(session, task)
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

    async with FakeBroker(answer) as broker:
        publisher = Publisher(lambda: loop.time() + later_s)
        publisher.retain("t/poison", b"1")
        publisher.clear("t/poison/withdrawn")
        session = make_session(broker.settings, publisher=publisher)
        task = asyncio.create_task(session.run())
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
        await stop(session, task)


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

    async with FakeBroker(answer) as broker:
        publisher = Publisher()
        publisher.retain("t/p", b"poison")
        for number in range(30):
            publisher.retain(f"t/{number}", b"1")
        session = make_session(broker.settings, publisher=publisher)
        task = asyncio.create_task(session.run())
        async with asyncio.timeout(200):
            await publisher.drained()
        assert {m.topic for m in broker.peers[-1].published} >= {f"t/{n}" for n in range(30)}
        await stop(session, task)
    assert capsys.readouterr().out.count("message_left_out") == 1


@virtually
async def test_a_broker_to_which_all_subscriptions_together_are_too_long() -> None:
    async def answer(peer: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.SUBSCRIBE and len(body) > 20:
            peer.hang_up()
            return True
        return False

    async with FakeBroker(answer) as broker:
        settings = broker.settings.model_copy(update={"protocol": "3.1.1"})
        session = make_session(settings)
        task = asyncio.create_task(session.run())
        await until(session.subscribed.is_set, 20)
        assert broker.peers[-1].count(codec.SUBSCRIBE) == 2
        await stop(session, task)


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

    async with FakeBroker(answer) as broker:
        session = make_session(broker.settings)
        task = asyncio.create_task(session.run())
        for _ in range(3):
            await until(session.subscribed.is_set, 100)
            broker.peers[-1].hang_up()
            await until(lambda: not session.subscribed.is_set(), 100)
        await stop(session, task)
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

    async with FakeBroker(answer) as broker:
        publisher = Publisher()
        for number in range(30):
            publisher.retain(f"t/{number}", b"1")
        session = make_session(broker.settings, publisher=publisher)
        task = asyncio.create_task(session.run())
        async with asyncio.timeout(1000):
            await publisher.drained()
        await stop(session, task)
        assert len({m.topic for m in broker.peers[-1].published}) >= 30
    output = capsys.readouterr().out
    assert "message_left_out" not in output
    assert "another client uses the same mqtt.client_id" in output
