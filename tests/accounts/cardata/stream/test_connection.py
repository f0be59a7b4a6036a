"""BMW's stream: what its broker does, and what becomes of the connection."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.stream import reconnect_policy
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings
from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataSimulator, mqtt_codec
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.waiting import until

SCOPE = frozenset({"openid", "cardata:api:read", "cardata:streaming:read"})


class SimulatedStream:
    """A stream before a simulated BMW."""

    def __init__(self, parts: AccountParts, **settings: Any) -> None:
        self.bmw: CarDataSimulator = parts.bmw
        self.clock = parts.clock
        self._parts = parts
        self.messages: list[tuple[str, bytes]] = []
        self.refused = 0
        self.changes = 0
        account = CarDataSettings.model_validate(
            {
                "backend": "cardata",
                "client_id": CLIENT_ID,
                "stream_host": self.bmw.stream_host,
                "stream_port": self.bmw.stream_port,
            }
            | settings
        )
        self.stream = StreamConnection(
            account,
            parts.state_file,
            tls=client_context("home", self.bmw.ca_file, ssl.TLSVersion.TLSv1_3),
            on_message=self._record,
            on_change=self._changed,
            on_refused=self._refused,
        )

    def _record(self, topic: str, payload: bytes) -> None:
        if payload == b"a bug":
            raise RuntimeError
        self.messages.append((topic, payload))

    def _changed(self) -> None:
        self.changes += 1

    def _refused(self) -> None:
        self.refused += 1

    def tokens(self) -> OAuthTokens:
        """Return new tokens, as a login or a renewal yields them."""
        grant = self.bmw.registry.issue(self._parts.user, CLIENT_ID, SCOPE)
        return OAuthTokens(
            gcid=grant.user.gcid,
            access_token=grant.access_token,
            id_token=grant.id_token or "",
            refresh_token=grant.refresh_token,
            scope=SCOPE,
            issued_at=self.clock(),
            expires_at=grant.id_expires_at,
        )

    @property
    def connects(self) -> int:
        return len(self.bmw.stream.connects)

    async def connect(self) -> None:
        self.stream.use(self.tokens())
        await self.connected()

    async def connected(self) -> None:
        gcid = self._parts.user.gcid
        await until(lambda: self.stream.is_connected and self.bmw.stream.is_subscribed(gcid))

    async def refusal(self, connects: int = 1) -> None:
        """Wait until so many connects were refused, or connections lost."""
        await until(lambda: self.connects >= connects and not self.stream.is_connected)
        await self.clock.forward(seconds=0.1)

    async def comes_back_after(self, seconds: float) -> None:
        """Check that the next connect comes after so long, and not before."""
        connects = self.connects
        await self.clock.forward(seconds=seconds - 1)
        assert self.connects == connects, "too early"
        await self.clock.forward(seconds=2)
        assert self.connects == connects + 1
        await self.connected()


@asynccontextmanager
async def running(stream_run: SimulatedStream) -> AsyncIterator[SimulatedStream]:
    task = asyncio.create_task(stream_run.stream.run())
    try:
        yield stream_run
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def stream_run(
    parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SimulatedStream]:
    monkeypatch.setattr(reconnect_policy.random, "uniform", lambda low, high: (low + high) / 2)
    async with running(SimulatedStream(parts)) as stream_run:
        yield stream_run


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


# The MQTT library leaves a socket whose handshake failed to the garbage collector.
left_open = pytest.mark.filterwarnings("ignore::ResourceWarning")


@contextmanager
def blocking_server(context: ssl.SSLContext) -> Iterator[int]:
    """Shake hands in a thread: asyncio hangs up on a failed handshake without saying why."""

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, suppress(ssl.SSLError):
                context.wrap_socket(client, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


async def said_of(stream_run: SimulatedStream) -> str:
    """Return what a person is told after a minute without stream."""
    async with running(stream_run):
        stream_run.stream.use(stream_run.tokens())
        await stream_run.clock.forward(seconds=62)
        return str(stream_run.stream.problem)


@left_open
async def test_no_version_of_tls_in_common(
    parts: AccountParts, stream_run: SimulatedStream, certificates: Certificates
) -> None:
    del stream_run
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with blocking_server(context) as port:
        said = await said_of(SimulatedStream(parts, stream_port=port))
    assert "TLS 1.3" in said


@left_open
async def test_a_certificate_of_somebody_else(
    parts: AccountParts, stream_run: SimulatedStream, tmp_path: Path
) -> None:
    del stream_run
    other = SimulatedStream(parts)
    strangers = Certificates.create(tmp_path)
    other.stream._tls = strangers.client_context()
    assert "certificate" in await said_of(other)


async def test_a_name_that_is_not_found(parts: AccountParts, stream_run: SimulatedStream) -> None:
    del stream_run
    assert "DNS" in await said_of(SimulatedStream(parts, stream_host="stream.invalid"))


async def test_bmw_is_away_and_comes_back(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    await stream_run.bmw.stream.stop()
    await until(lambda: not stream_run.stream.is_connected)
    await stream_run.clock.forward(seconds=160)
    assert "cannot be reached" in str(stream_run.stream.problem)
    await stream_run.bmw.stream.start()
    await until(lambda: stream_run.stream.is_connected, within_s=200)
    await stream_run.connected()
    assert stream_run.stream.problem is None


async def test_a_network_that_swallows_everything(stream_run: SimulatedStream) -> None:
    stream_run.bmw.stream.silent = True
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.bmw.stream.clients)
    await until(lambda: not stream_run.bmw.stream.clients, "what came to nothing is not left open")
    stream_run.bmw.stream.silent = False
    await stream_run.connected()
    assert len(stream_run.bmw.stream.clients) == 1


# Renewals


async def test_a_new_token_loses_no_message(stream_run: SimulatedStream) -> None:
    await stream_run.connect()
    sent: list[bytes] = []
    missed = 0
    for renewal in range(5):
        await stream_run.clock.forward(minutes=50)
        stream_run.stream.use(stream_run.tokens())
        after = 0
        while after < 20:
            payload = f'{{"n": "{renewal}-{len(sent)}"}}'.encode()
            if stream_run.bmw.publish_raw(VIN, payload):
                sent.append(payload)
                after += stream_run.connects == renewal + 2
            else:
                missed += 1  # between BMW's CONNACK and its SUBACK nobody listens
            await asyncio.sleep(0)
    await until(lambda: len(stream_run.messages) == len(sent))
    assert [payload for _, payload in stream_run.messages] == sent, (
        "none lost, none twice, in order"
    )
    assert missed < 50, "a moment each"
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


@pytest.mark.no_cover
async def test_silence_is_normal(stream_run: SimulatedStream) -> None:
    stream_run.bmw.registry.lifetimes.id_token_s = timedelta(days=10).total_seconds()
    await stream_run.connect()
    await stream_run.clock.forward(days=2)
    assert stream_run.stream.is_connected
    assert stream_run.connects == 1
    assert stream_run.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: stream_run.messages)


# Stops: nothing outlives them


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


async def test_stopped_while_bmw_says_nothing(parts: AccountParts) -> None:
    stream_run = SimulatedStream(parts)
    stream_run.bmw.stream.silent = True
    tasks = tasks_but_this()
    running = asyncio.create_task(stream_run.stream.run())
    stream_run.stream.use(stream_run.tokens())
    await until(lambda: stream_run.bmw.stream.clients)
    await stop(stream_run, running, tasks)


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
