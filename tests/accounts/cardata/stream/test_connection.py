"""BMW's stream: what its broker does, and what becomes of the connection."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.simulator.cardata import CLIENT_ID
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.stream.simulated_stream import SimulatedStream, running
from tests.accounts.waiting import until


async def test_as_bmw_wants_it(stream_run: SimulatedStream) -> None:
    tokens = stream_run.tokens()
    stream_run.stream.use(tokens)
    await stream_run.connected()
    (connect,) = stream_run.bmw.stream.connects
    assert (connect.username, connect.password) == (tokens.gcid, tokens.id_token)
    assert connect.keepalive_s <= 30
    assert stream_run.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: stream_run.messages)
    topic, payload = stream_run.messages[0]
    assert topic == f"{tokens.gcid}/{VIN}"
    assert b"vehicle.isMoving" in payload
    assert stream_run.stream.problem is None


async def test_nobody_connects_without_tokens(stream_run: SimulatedStream) -> None:
    await stream_run.clock.forward(days=1)
    assert (stream_run.connects, stream_run.stream.problem) == (0, None)


async def test_it_is_left_to_others(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    stream_run.stream.use(None)
    await until(lambda: not stream_run.bmw.stream.clients)
    await stream_run.clock.forward(days=1)
    assert (stream_run.connects, stream_run.stream.problem) == (1, None)
    await stream_run.connect()


# The table of refusals


@pytest.mark.parametrize("reason", [134, 135])
async def test_a_token_that_is_refused(stream_run: SimulatedStream, reason: int) -> None:
    stream_run.bmw.stream.refuse_connects(1, reason)
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal()
    assert stream_run.refused == 1, "a new one is wanted, whatever the expiry says"
    stream_run.stream.use(stream_run.tokens())
    await stream_run.comes_back_after(30)


async def test_a_token_of_another_login_is_refused(
    stream_run: SimulatedStream, parts: AccountParts
) -> None:
    tokens = stream_run.tokens()
    parts.user.gcid = "11111111-2222-3333-4444-555555555555"
    stream_run.stream.use(tokens)
    await stream_run.refusal()
    assert stream_run.refused == 1


async def test_three_refusals_in_a_row(stream_run: SimulatedStream) -> None:
    stream_run.bmw.stream.refuse_connects(3)
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal(3)
    assert stream_run.refused == 3
    await stream_run.comes_back_after(450)


@pytest.mark.parametrize("reason", [None, 128])
async def test_the_connection_is_lost(stream_run: SimulatedStream, reason: int | None) -> None:
    await stream_run.connect()
    stream_run.bmw.stream.drop_all(reason)
    await stream_run.refusal()
    assert stream_run.refused == 0
    await stream_run.comes_back_after(5)


async def test_taken_for_absent(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    stream_run.bmw.stream.drop_all(141)
    await until(lambda: stream_run.connects == 2)
    await stream_run.connected()
    assert stream_run.stream.problem is None


async def test_somebody_comes_with_our_client_id(
    stream_run: SimulatedStream, parts: AccountParts
) -> None:
    await stream_run.connect()
    stream_run.bmw.stream.take_over(parts.user.gcid, CLIENT_ID)
    await stream_run.refusal()
    assert "another program" in str(stream_run.stream.problem)
    await stream_run.comes_back_after(60)
    assert "another program" in str(stream_run.stream.problem), "it may come again"
    await stream_run.clock.forward(minutes=10)
    assert stream_run.stream.problem is None


async def test_somebody_takes_it_from_us_again_and_again(
    stream_run: SimulatedStream, parts: AccountParts
) -> None:
    await stream_run.connect()
    for connects in range(2, 8):
        assert stream_run.stream.problem is None
        stream_run.bmw.stream.take_over(parts.user.gcid)
        await stream_run.refusal()
        if connects < 7:
            await until(lambda count=connects: stream_run.connects == count, within_s=200)
            await stream_run.connected()
    assert "another program" in str(stream_run.stream.problem)
    assert stream_run.refused == 0
    await stream_run.comes_back_after(160)


async def test_too_many_connects(stream_run: SimulatedStream) -> None:
    stream_run.bmw.stream.refuse_connects(2, 151)
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal()
    await until(lambda: stream_run.connects == 2, within_s=61)
    await stream_run.refusal(2)
    await stream_run.comes_back_after(120)


@pytest.mark.parametrize("reason", [128, 133])
async def test_bmw_refuses_and_does_not_say_why(stream_run: SimulatedStream, reason: int) -> None:
    stream_run.bmw.stream.refuse_connects(1, reason)
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal()
    assert stream_run.refused == 0
    await stream_run.comes_back_after(20)


async def test_no_car_has_a_stream(stream_run: SimulatedStream) -> None:
    stream_run.bmw.stream.refused_subscriptions = 1
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal()
    assert "in BMW's portal open CarData" in str(stream_run.stream.problem)
    await stream_run.comes_back_after(10)
    assert stream_run.stream.problem is None


@pytest.mark.no_cover
async def test_silence_is_normal(stream_run: SimulatedStream) -> None:
    stream_run.bmw.registry.lifetimes.id_token_s = timedelta(days=10).total_seconds()
    await stream_run.connect()
    await stream_run.clock.forward(days=1)
    assert stream_run.stream.is_connected
    assert stream_run.connects == 1
    assert stream_run.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: stream_run.messages)


# Restarts and bad days


async def test_a_restart_connects_no_earlier(
    parts: AccountParts, stream_run: SimulatedStream
) -> None:
    stream_run.bmw.stream.refuse_connects(1, 151)
    stream_run.stream.use(stream_run.tokens())
    await stream_run.refusal()
    stream_run.stream.use(None)
    again = SimulatedStream(parts)
    async with running(again):
        again.stream.use(again.tokens())
        await again.comes_back_after(60)


async def test_a_bug_that_a_message_brings_out_does_not_end_the_stream(
    stream_run: SimulatedStream,
) -> None:
    await stream_run.connect()
    for payload in (b"first", b"a bug", b"last"):
        assert stream_run.bmw.publish_raw(VIN, payload)
    await until(lambda: [payload for _, payload in stream_run.messages] == [b"first", b"last"])
    assert (stream_run.stream.is_connected, stream_run.connects) == (True, 1)


async def test_a_bug_does_not_end_the_stream(
    parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError

    make_client = StreamConnection._make_client
    monkeypatch.setattr(StreamConnection, "_make_client", stumble)
    async with running(SimulatedStream(parts)) as stream_run:
        with capture_logs() as logs:
            stream_run.stream.use(stream_run.tokens())
            await until(lambda: stream_run.stream.problem)
            for _ in range(3):
                await stream_run.clock.forward(seconds=60)
        assert "internal error (ZeroDivisionError)" in str(stream_run.stream.problem)
        assert stream_run.stream.problem.status is AccountStatus.ERROR
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
            "stream_crashed"
        ], "once"
        monkeypatch.setattr(StreamConnection, "_make_client", make_client)
        await stream_run.clock.forward(minutes=10)
        await stream_run.connected()
        assert stream_run.stream.problem is None
