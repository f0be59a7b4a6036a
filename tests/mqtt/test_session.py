"""A session's connections: lost and made again, frozen, and which commands are too old."""

import asyncio
import random
import socket
import struct
from itertools import pairwise
from typing import Any

import pytest

from bmw2mqtt.mqtt import client as client_module
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from tests.mqtt.fake_broker import FakeBroker, Peer, until
from tests.mqtt.running_session import COMMAND, running, virtually


@virtually
async def test_pauses_grow_and_are_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    loop = asyncio.get_running_loop()
    connected: list[float] = []

    async def answer(_: Peer, kind: int, __: bytes) -> bool:
        if kind == codec.CONNECT:
            connected.append(loop.time())
        return False

    async with FakeBroker(answer) as broker, running(broker) as session:
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


@virtually
async def test_without_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    async with FakeBroker() as broker:
        pass  # nobody listens there any more
    attempts: list[float] = []
    connect = client_module.open_socket

    async def counted(*args: Any) -> socket.socket:
        attempts.append(asyncio.get_running_loop().time())
        return await connect(*args)

    monkeypatch.setattr(client_module, "open_socket", counted)
    async with running(broker) as session:
        await asyncio.sleep(30)
        pauses = [round(after - before, 1) for before, after in pairwise(attempts)]
        assert pauses[:6] == [0.5, 1, 2, 4, 5, 5]
        assert session.tried.is_set()


@pytest.mark.parametrize("keepalive", [None, 20])
@virtually
async def test_a_frozen_broker_is_left_after_the_keepalive(keepalive: int | None) -> None:
    limits = b"" if keepalive is None else b"\x13" + struct.pack(">H", keepalive)
    async with FakeBroker(limits=limits) as broker, running(broker) as session:
        await session.subscribed.wait()
        await asyncio.sleep(30)
        assert session.connections == 1
        broker.peers[0].thawed.clear()
        frozen_at = asyncio.get_running_loop().time()
        await until(lambda: session.connections == 2 and session.subscribed.is_set(), 200)
        took_s = asyncio.get_running_loop().time() - frozen_at
        assert (keepalive or 60) - 1 <= took_s <= (keepalive or 60) + 8


@virtually
async def test_a_bug_in_the_handler_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def crash(_: Received) -> None:
        raise RuntimeError("a bug")

    async with FakeBroker() as broker, running(broker) as session:
        session._on_message = crash
        await session.subscribed.wait()
        broker.peers[0].message("t/status", b"online")
        await asyncio.sleep(1)
        assert session.connections == 1
        assert session.connected.is_set()
    assert "message_crashed" in capsys.readouterr().out


@virtually
async def test_a_bug_in_the_publisher_backs_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(*_: Any) -> None:
        raise RuntimeError("a bug")

    publisher = Publisher()
    async with FakeBroker() as broker, running(broker, publisher=publisher) as session:
        with monkeypatch.context() as patch:
            patch.setattr(publisher, "run", crash)
            await asyncio.sleep(20)
            assert 3 <= session.connections <= 8
        await asyncio.sleep(60)
        assert session.connected.is_set()
    assert "a bug" in capsys.readouterr().out


# Stalls


@virtually
async def test_a_command_is_delivered_once_the_broker_has_answered() -> None:
    received: list[Received] = []
    async with FakeBroker() as broker, running(broker, received=received) as session:
        await session.subscribed.wait()
        await asyncio.sleep(20)
        broker.peers[0].message(COMMAND, b"LOCK")
        await until(lambda: received, 1)
        assert not received[0].is_stale


@pytest.mark.parametrize("frozen_s", [20, 50])
@virtually
async def test_commands_of_a_broker_that_was_frozen_are_stale(frozen_s: float) -> None:
    received: list[Received] = []
    async with FakeBroker() as broker, running(broker, received=received) as session:
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


@virtually
async def test_what_lay_in_the_socket_of_a_lost_connection_is_stale() -> None:
    """As after a virtual machine was paused: no clock tells, but the broker is gone."""
    received: list[Received] = []
    async with FakeBroker() as broker, running(broker, received=received) as session:
        await session.subscribed.wait()
        broker.peers[0].message(COMMAND, b"UNLOCK")
        broker.peers[0].hang_up()
        await until(lambda: received, 5)
        assert received[0].is_stale


@virtually
async def test_a_repeated_command_is_stale() -> None:
    received: list[Received] = []
    async with FakeBroker() as broker, running(broker, received=received) as session:
        await session.subscribed.wait()
        broker.peers[0].message(COMMAND, b"UNLOCK", flags=0x08 | 0x02)
        await until(lambda: received, 5)
        assert received[0].is_stale


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@virtually
async def test_every_connection_asks_for_a_clean_session(protocol: str) -> None:
    connects: list[bytes] = []

    async def answer(_: Peer, kind: int, body: bytes) -> bool:
        if kind == codec.CONNECT:
            connects.append(body)
        return False

    async with FakeBroker(answer) as broker, running(broker, protocol=protocol) as session:
        for _ in range(2):
            await until(session.subscribed.is_set)
            broker.peers[-1].hang_up()
            await until(lambda: not session.subscribed.is_set())
    assert len(connects) >= 2
    assert all(body[7] & 0x02 for body in connects), "clean start"
    if protocol == "5":
        assert b"\x11\0\0\0\0" in connects[0][10:30], "session expiry 0"
