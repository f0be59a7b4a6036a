"""A session that is stopped, cancelled or unanswered ends soon and leaves nothing open."""

import asyncio
from typing import Any

import pytest

from bmw2mqtt.mqtt.client import CONNECT_TIMEOUT_S, Client
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.session import ConnectionState
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from tests.mqtt.fake_broker import FakeBroker, Peer, nothing_special, until
from tests.mqtt.running_session import (
    AVAILABILITY,
    full_publisher,
    make_session,
    running,
    virtually,
)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """Every client that the session made."""
    made: list[Client] = []
    init = Client.__init__

    def record(self: Client, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Client, "__init__", record)
    return made


def assert_all_closed(clients: list[Client]) -> None:
    assert all(client.lost.is_set() and client._paho._sock is None for client in clients)


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


BROKERS = [
    nothing_special,
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
        async with running(broker, publisher=full_publisher(50)):
            await asyncio.sleep(after_s)
        assert_all_closed(clients)
        await until(lambda: not broker.open)


@pytest.mark.parametrize("answer", BROKERS)
@virtually
async def test_a_stop_at_every_turn_of_the_loop(answer: Any, clients: list[Client]) -> None:
    async with FakeBroker(answer) as broker:
        for turns in range(0, 30, 2):
            publisher = Publisher()
            publisher.retain("t/1", b"1")
            async with running(broker, publisher=publisher):
                for _ in range(turns):
                    await asyncio.sleep(0)
        assert_all_closed(clients)


@virtually
async def test_a_stop_at_every_turn_after_the_connection_is_lost(clients: list[Client]) -> None:
    async with FakeBroker() as broker:
        for turns in range(0, 30, 2):
            async with running(broker, publisher=full_publisher(30)) as session:
                await session.subscribed.wait()
                broker.peers[-1].hang_up()
                for _ in range(turns):
                    await asyncio.sleep(0)
        assert_all_closed(clients)


@pytest.mark.parametrize("answer", BROKERS)
@virtually
async def test_a_cancel_closes_everything(answer: Any, clients: list[Client]) -> None:
    async with FakeBroker(answer) as broker:
        for turns in range(0, 30, 2):
            task = asyncio.create_task(make_session(broker).run())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=5)
            assert done
        assert_all_closed(clients)


@virtually
async def test_says_offline_and_goodbye() -> None:
    async with FakeBroker() as broker:
        async with running(broker) as session:
            await session.subscribed.wait()
            assert session.state is ConnectionState.CONNECTED
        (peer,) = broker.peers
        await until(lambda: not broker.open)
        assert [(m.topic, m.payload) for m in peer.published] == [(AVAILABILITY, b"offline")]
        assert peer.packets[-1][0] == codec.DISCONNECT


@virtually
async def test_a_silent_broker_is_asked_again_and_nothing_stays_open(
    clients: list[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeBroker(silent) as broker, running(broker):
        await asyncio.sleep(290)
        attempts = len(broker.peers)
        assert 290 / (CONNECT_TIMEOUT_S + 5) - 1 < attempts < 290 / CONNECT_TIMEOUT_S + 1
        assert len(broker.open) <= 1
        assert sum(not client.lost.is_set() for client in clients) <= 1
    assert capsys.readouterr().out.count("warning") == 1, "one line for the outage"
