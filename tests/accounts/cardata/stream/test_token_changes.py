"""A new token while the stream runs: the connection changes, and no message is lost."""

import asyncio
from typing import Any

import pytest

from bmw2mqtt.simulator.cardata import mqtt_codec
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.stream.simulated_stream import SimulatedStream
from tests.accounts.waiting import until


async def test_a_new_token_loses_no_message(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    sent: list[bytes] = []
    gaps, is_heard = 0, True
    for renewal in range(5):
        await stream_run.clock.forward(minutes=50)
        stream_run.stream.use(stream_run.tokens())
        after = 0
        while after < 20:
            payload = f'{{"n": "{renewal}-{len(sent)}"}}'.encode()
            was_heard, is_heard = is_heard, stream_run.bmw.publish_raw(VIN, payload)
            if is_heard:
                sent.append(payload)
                after += stream_run.connects == renewal + 2
            else:
                gaps += was_heard  # between BMW's CONNACK and its SUBACK nobody listens
            await asyncio.sleep(0)
    await until(lambda: len(stream_run.messages) == len(sent))
    assert [payload for _, payload in stream_run.messages] == sent, (
        "none lost, none twice, in order"
    )
    assert gaps <= 5, "a moment each"
    assert stream_run.refused == 0
    assert stream_run.stream.problem is None, "we are not another program to ourselves"


async def test_a_burst_that_came_before_the_change_is_read_out(
    stream_run: SimulatedStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream_run.connect()
    burst = [f'{{"n": {number}}}'.encode() for number in range(200)]
    admit = stream_run.bmw.stream.admit

    def send_and_admit(*args: Any) -> Any:
        for payload in burst:
            assert stream_run.bmw.publish_raw(VIN, payload)
        return admit(*args)

    monkeypatch.setattr(stream_run.bmw.stream, "admit", send_and_admit)
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.connects == 2)
    await stream_run.connected()
    await stream_run.clock.forward(minutes=1)
    assert [payload for _, payload in stream_run.messages] == burst
    assert len(stream_run.bmw.stream.clients) == 1


async def test_bmw_keeps_the_old_connection_beside_the_new_one(
    stream_run: SimulatedStream, parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream_run.connect()
    old = stream_run.bmw.stream.client_of(parts.user.gcid)
    assert old is not None
    monkeypatch.setattr(stream_run.bmw.stream, "_evict", lambda *_: None)
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.connects == 2)
    await stream_run.connected()
    old.send(mqtt_codec.publish(old.version, f"{parts.user.gcid}/{VIN}", b"late"))
    await stream_run.clock.forward(minutes=1)
    assert [payload for _, payload in stream_run.messages] == [b"late"]
    assert len(stream_run.bmw.stream.clients) == 1, "the old one is closed"
    assert stream_run.stream.is_connected
    assert stream_run.connects == 2


async def test_bmw_refuses_the_new_connection_beside_the_old_one(
    stream_run: SimulatedStream,
) -> None:
    await stream_run.connect()
    await stream_run.clock.forward(minutes=50)
    stream_run.bmw.stream.refuse_connects(1)
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.connects == 3)
    await stream_run.connected()
    assert [connect.reason for connect in stream_run.bmw.stream.connects] == [0, 135, 0]
    assert stream_run.refused == 0, "with the next try it was good"
    assert stream_run.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: stream_run.messages)


async def test_too_busy_for_the_new_connection(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    await stream_run.clock.forward(minutes=50)
    stream_run.bmw.stream.refuse_connects(1, 151)
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.connects == 2)
    await stream_run.clock.forward(seconds=0.5)
    assert stream_run.stream.is_connected, "the old one is good for some minutes yet"
    assert stream_run.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: stream_run.messages)
    assert stream_run.stream.problem is None
    await stream_run.comes_back_after(60)


async def test_the_old_token_expires_before_there_is_a_new_one(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    await stream_run.clock.forward(hours=1)
    await stream_run.refusal()
    assert stream_run.refused == 1
    stream_run.stream.use(stream_run.tokens())
    await stream_run.comes_back_after(30)
