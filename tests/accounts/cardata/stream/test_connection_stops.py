"""A stream that is stopped while it connects: nothing outlives it."""

import asyncio
import socket
import threading
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import pytest

from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.stream.simulated_stream import SimulatedStream
from tests.accounts.waiting import until


def tasks_but_this() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def stop(
    stream_run: SimulatedStream, stream: asyncio.Task[None], tasks: set[asyncio.Task[Any]]
) -> None:
    """Stop a stream; nothing of it is left."""
    stream.cancel()
    await asyncio.wait([stream])
    assert stream.cancelled()
    await until(lambda: not stream_run.bmw.stream.clients, "BMW has no client left")
    await stream_run.clock.forward(minutes=1)
    assert not stream_run.bmw.stream.clients, "and no thread brings one"
    assert tasks_but_this() == tasks


@pytest.mark.parametrize("turns", [*range(12), *range(12, 60, 6)])
@pytest.mark.parametrize("is_renewal", [False, True])
async def test_stopped_while_it_connects(
    parts: AccountParts, turns: int, *, is_renewal: bool
) -> None:
    stream_run = SimulatedStream(parts)
    tasks = tasks_but_this()
    running = asyncio.create_task(stream_run.stream.run())
    if is_renewal:
        await stream_run.connect()
    stream_run.stream.use(stream_run.tokens())
    for _ in range(turns):
        await asyncio.sleep(0)
    await stop(stream_run, running, tasks)


async def test_stopped_while_a_thread_connects(
    parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect = threading.Event()
    connect = aiomqtt.Client._client_connect

    def connect_late(client: aiomqtt.Client) -> None:
        may_connect.wait(20)
        connect(client)

    monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_late)
    stream_run = SimulatedStream(parts)
    tasks = tasks_but_this()
    running = asyncio.create_task(stream_run.stream.run())
    stream_run.stream.use(stream_run.tokens())
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    may_connect.set()
    await stop(stream_run, running, tasks)


async def connect_to_silence(stream_run: SimulatedStream) -> asyncio.Task[None]:
    """Let a stream run until BMW has its connection, and says nothing."""
    stream_run.bmw.stream.silent = True
    running = asyncio.create_task(stream_run.stream.run())
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.bmw.stream.clients)
    return running


async def test_stopped_while_bmw_says_nothing(parts: AccountParts) -> None:
    stream_run, tasks = SimulatedStream(parts), tasks_but_this()
    running = await connect_to_silence(stream_run)
    await stop(stream_run, running, tasks)


async def test_what_opens_a_socket_meanwhile_gets_nothing_of_it(
    parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a closed socket is free at once, and the next one that is opened has it."""
    close = paho.Client._sock_close
    opened: list[socket.socket] = []

    def close_and_open(client: paho.Client) -> None:
        close(client)
        opened.extend(socket.socketpair())

    monkeypatch.setattr(paho.Client, "_sock_close", close_and_open)
    stream_run, tasks = SimulatedStream(parts), tasks_but_this()
    running = await connect_to_silence(stream_run)
    running.cancel()
    await asyncio.wait([running])
    for _ in range(10):
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    watched = [loop.remove_writer(other) or loop.remove_reader(other) for other in opened]
    assert opened
    assert not any(watched), "the loop would call the closed connection for ever"
    monkeypatch.undo()
    await stop(stream_run, running, tasks)
    for other in opened:
        other.close()
