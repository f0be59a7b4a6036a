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
from bmw2mqtt.accounts.cardata.stream import reconnect_policy as pace
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings
from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataSimulator, mqtt_codec
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata_bench import VIN, Bench
from tests.accounts.waiting import until

SCOPE = frozenset({"openid", "cardata:api:read", "cardata:streaming:read"})


class Line:
    """A stream before a simulated BMW."""

    def __init__(self, bench: Bench, **settings: Any) -> None:
        self.bmw: CarDataSimulator = bench.bmw
        self.clock = bench.clock
        self._bench = bench
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
            StateFile(Store(bench.folder / "stream"), "home"),
            tls=client_context("home", self.bmw.ca_file, ssl.TLSVersion.TLSv1_3),
            on_message=self._take,
            on_change=self._changed,
            on_refused=self._refused,
        )

    def _take(self, topic: str, payload: bytes) -> None:
        if payload == b"a bug":
            raise RuntimeError
        self.messages.append((topic, payload))

    def _changed(self) -> None:
        self.changes += 1

    def _refused(self) -> None:
        self.refused += 1

    def tokens(self) -> OAuthTokens:
        """Return new tokens, as a login or a renewal yields them."""
        grant = self.bmw.registry.issue(self._bench.user, CLIENT_ID, SCOPE)
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
        gcid = self._bench.user.gcid
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
async def running(line: Line) -> AsyncIterator[Line]:
    task = asyncio.create_task(line.stream.run())
    try:
        yield line
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(pace.random, "uniform", lambda low, high: (low + high) / 2)
    async with running(Line(bench)) as line:
        yield line


async def test_as_bmw_wants_it(line: Line) -> None:
    tokens = line.tokens()
    line.stream.use(tokens)
    await line.connected()
    (connect,) = line.bmw.stream.connects
    assert (connect.username, connect.password) == (tokens.gcid, tokens.id_token)
    assert connect.keepalive_s <= 30
    assert line.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: line.messages)
    topic, payload = line.messages[0]
    assert topic == f"{tokens.gcid}/{VIN}"
    assert b"vehicle.isMoving" in payload
    assert line.stream.problem is None


async def test_nobody_connects_without_tokens(line: Line) -> None:
    await line.clock.forward(days=1)
    assert (line.connects, line.stream.problem) == (0, None)


async def test_it_is_left_to_others(line: Line) -> None:
    await line.connect()
    line.stream.use(None)
    await until(lambda: not line.bmw.stream.clients)
    await line.clock.forward(days=1)
    assert (line.connects, line.stream.problem) == (1, None)
    await line.connect()


# The table of refusals


@pytest.mark.parametrize("reason", [134, 135])
async def test_a_token_that_is_refused(line: Line, reason: int) -> None:
    line.bmw.stream.refuse_connects(1, reason)
    line.stream.use(line.tokens())
    await line.refusal()
    assert line.refused == 1, "a new one is wanted, whatever the expiry says"
    line.stream.use(line.tokens())
    await line.comes_back_after(30)


async def test_a_token_of_another_login_is_refused(line: Line, bench: Bench) -> None:
    tokens = line.tokens()
    bench.user.gcid = "11111111-2222-3333-4444-555555555555"
    line.stream.use(tokens)
    await line.refusal()
    assert line.refused == 1


async def test_three_refusals_in_a_row(line: Line) -> None:
    line.bmw.stream.refuse_connects(3)
    line.stream.use(line.tokens())
    await line.refusal(3)
    assert line.refused == 3
    await line.comes_back_after(450)


@pytest.mark.parametrize("reason", [None, 128])
async def test_the_connection_is_lost(line: Line, reason: int | None) -> None:
    await line.connect()
    line.bmw.stream.drop_all(reason)
    await line.refusal()
    assert line.refused == 0
    await line.comes_back_after(5)


async def test_taken_for_absent(line: Line) -> None:
    await line.connect()
    line.bmw.stream.drop_all(141)
    await until(lambda: line.connects == 2)
    await line.connected()
    assert line.stream.problem is None


async def test_somebody_comes_with_our_client_id(line: Line, bench: Bench) -> None:
    await line.connect()
    line.bmw.stream.take_over(bench.user.gcid, CLIENT_ID)
    await line.refusal()
    assert "another program" in str(line.stream.problem)
    await line.comes_back_after(60)
    assert "another program" in str(line.stream.problem), "it may come again"
    await line.clock.forward(minutes=10)
    assert line.stream.problem is None


async def test_somebody_takes_it_from_us_again_and_again(line: Line, bench: Bench) -> None:
    await line.connect()
    for connects in range(2, 8):
        assert line.stream.problem is None
        line.bmw.stream.take_over(bench.user.gcid)
        await line.refusal()
        if connects < 7:
            await until(lambda count=connects: line.connects == count, within_s=200)
            await line.connected()
    assert "another program" in str(line.stream.problem)
    assert line.refused == 0
    await line.comes_back_after(160)


async def test_too_many_connects(line: Line) -> None:
    line.bmw.stream.refuse_connects(2, 151)
    line.stream.use(line.tokens())
    await line.refusal()
    await until(lambda: line.connects == 2, within_s=61)
    await line.refusal(2)
    await line.comes_back_after(120)


@pytest.mark.parametrize("reason", [128, 133])
async def test_bmw_refuses_and_does_not_say_why(line: Line, reason: int) -> None:
    line.bmw.stream.refuse_connects(1, reason)
    line.stream.use(line.tokens())
    await line.refusal()
    assert line.refused == 0
    await line.comes_back_after(20)


async def test_no_car_has_a_stream(line: Line) -> None:
    line.bmw.stream.refused_subscriptions = 1
    line.stream.use(line.tokens())
    await line.refusal()
    assert "in BMW's portal open CarData" in str(line.stream.problem)
    await line.comes_back_after(10)
    assert line.stream.problem is None


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


async def said_of(line: Line) -> str:
    """Return what a person is told after a minute without stream."""
    async with running(line):
        line.stream.use(line.tokens())
        await line.clock.forward(seconds=62)
        return str(line.stream.problem)


@left_open
async def test_no_version_of_tls_in_common(
    bench: Bench, line: Line, certificates: Certificates
) -> None:
    del line
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with blocking_server(context) as port:
        said = await said_of(Line(bench, stream_port=port))
    assert "TLS 1.3" in said


@left_open
async def test_a_certificate_of_somebody_else(bench: Bench, line: Line, tmp_path: Path) -> None:
    del line
    other = Line(bench)
    strangers = Certificates.create(tmp_path)
    other.stream._tls = strangers.client_context()
    assert "certificate" in await said_of(other)


async def test_a_name_that_is_not_found(bench: Bench, line: Line) -> None:
    del line
    assert "DNS" in await said_of(Line(bench, stream_host="stream.invalid"))


async def test_bmw_is_away_and_comes_back(line: Line) -> None:
    await line.connect()
    await line.bmw.stream.stop()
    await until(lambda: not line.stream.is_connected)
    await line.clock.forward(seconds=160)
    assert "cannot be reached" in str(line.stream.problem)
    await line.bmw.stream.start()
    await until(lambda: line.stream.is_connected, within_s=200)
    await line.connected()
    assert line.stream.problem is None


async def test_a_network_that_swallows_everything(line: Line) -> None:
    line.bmw.stream.silent = True
    line.stream.use(line.tokens())
    await until(lambda: line.bmw.stream.clients)
    await until(lambda: not line.bmw.stream.clients, "what came to nothing is not left open")
    line.bmw.stream.silent = False
    await line.connected()
    assert len(line.bmw.stream.clients) == 1


# Renewals


async def test_a_new_token_loses_no_message(line: Line) -> None:
    await line.connect()
    sent: list[bytes] = []
    missed = 0
    for renewal in range(5):
        await line.clock.forward(minutes=50)
        line.stream.use(line.tokens())
        after = 0
        while after < 20:
            payload = f'{{"n": "{renewal}-{len(sent)}"}}'.encode()
            if line.bmw.publish_raw(VIN, payload):
                sent.append(payload)
                after += line.connects == renewal + 2
            else:
                missed += 1  # between BMW's CONNACK and its SUBACK nobody listens
            await asyncio.sleep(0)
    await until(lambda: len(line.messages) == len(sent))
    assert [payload for _, payload in line.messages] == sent, "none lost, none twice, in order"
    assert missed < 50, "a moment each"
    assert line.refused == 0
    assert line.stream.problem is None, "we are not another program to ourselves"


async def test_a_burst_that_came_before_the_change_is_read_out(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.connect()
    burst = [f'{{"n": {number}}}'.encode() for number in range(200)]
    admit = line.bmw.stream.admit

    def send_and_admit(*args: Any) -> Any:
        for payload in burst:
            assert line.bmw.publish_raw(VIN, payload)
        return admit(*args)

    monkeypatch.setattr(line.bmw.stream, "admit", send_and_admit)
    line.stream.use(line.tokens())
    await until(lambda: line.connects == 2)
    await line.connected()
    await line.clock.forward(minutes=1)
    assert [payload for _, payload in line.messages] == burst
    assert len(line.bmw.stream.clients) == 1


async def test_bmw_keeps_the_old_connection_beside_the_new_one(
    line: Line, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.connect()
    old = line.bmw.stream.client_of(bench.user.gcid)
    assert old is not None
    monkeypatch.setattr(line.bmw.stream, "_evict", lambda *_: None)
    line.stream.use(line.tokens())
    await until(lambda: line.connects == 2)
    await line.connected()
    old.send(mqtt_codec.publish(old.version, f"{bench.user.gcid}/{VIN}", b"late"))
    await line.clock.forward(minutes=1)
    assert [payload for _, payload in line.messages] == [b"late"]
    assert len(line.bmw.stream.clients) == 1, "the old one is closed"
    assert line.stream.is_connected
    assert line.connects == 2


async def test_bmw_refuses_the_new_connection_beside_the_old_one(line: Line) -> None:
    await line.connect()
    await line.clock.forward(minutes=50)
    line.bmw.stream.refuse_connects(1)
    line.stream.use(line.tokens())
    await until(lambda: line.connects == 3)
    await line.connected()
    assert [connect.reason for connect in line.bmw.stream.connects] == [0, 135, 0]
    assert line.refused == 0, "with the next try it was good"
    assert line.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: line.messages)


async def test_too_busy_for_the_new_connection(line: Line) -> None:
    await line.connect()
    await line.clock.forward(minutes=50)
    line.bmw.stream.refuse_connects(1, 151)
    line.stream.use(line.tokens())
    await until(lambda: line.connects == 2)
    await line.clock.forward(seconds=0.5)
    assert line.stream.is_connected, "the old one is good for some minutes yet"
    assert line.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: line.messages)
    assert line.stream.problem is None
    await line.comes_back_after(60)


async def test_the_old_token_expires_before_there_is_a_new_one(line: Line) -> None:
    await line.connect()
    await line.clock.forward(hours=1)
    await line.refusal()
    assert line.refused == 1
    line.stream.use(line.tokens())
    await line.comes_back_after(30)


async def test_silence_is_normal(line: Line) -> None:
    line.bmw.registry.lifetimes.id_token_s = timedelta(days=10).total_seconds()
    await line.connect()
    await line.clock.forward(days=2)
    assert line.stream.is_connected
    assert line.connects == 1
    assert line.bmw.publish(VIN, {"vehicle.isMoving": True})
    await until(lambda: line.messages)


# Stops: nothing outlives them


def tasks_but_this() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def stop(line: Line, stream: asyncio.Task[None], tasks: set[asyncio.Task[Any]]) -> None:
    """Stop a stream; nothing of it is left."""
    stream.cancel()
    await asyncio.wait([stream])
    assert stream.cancelled()
    await until(lambda: not line.bmw.stream.clients, "BMW has no client left")
    await line.clock.forward(minutes=1)
    assert not line.bmw.stream.clients, "and no thread brings one"
    assert tasks_but_this() == tasks


@pytest.mark.parametrize("turns", [*range(12), *range(12, 60, 6)])
@pytest.mark.parametrize("is_renewal", [False, True])
async def test_stopped_while_it_connects(bench: Bench, turns: int, *, is_renewal: bool) -> None:
    line = Line(bench)
    tasks = tasks_but_this()
    running = asyncio.create_task(line.stream.run())
    if is_renewal:
        await line.connect()
    line.stream.use(line.tokens())
    for _ in range(turns):
        await asyncio.sleep(0)
    await stop(line, running, tasks)


async def test_stopped_while_a_thread_connects(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect = threading.Event()
    connect = aiomqtt.Client._client_connect

    def connect_late(client: aiomqtt.Client) -> None:
        may_connect.wait(20)
        connect(client)

    monkeypatch.setattr(aiomqtt.Client, "_client_connect", connect_late)
    line = Line(bench)
    tasks = tasks_but_this()
    running = asyncio.create_task(line.stream.run())
    line.stream.use(line.tokens())
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    may_connect.set()
    await stop(line, running, tasks)


async def test_stopped_while_bmw_says_nothing(bench: Bench) -> None:
    line = Line(bench)
    line.bmw.stream.silent = True
    tasks = tasks_but_this()
    running = asyncio.create_task(line.stream.run())
    line.stream.use(line.tokens())
    await until(lambda: line.bmw.stream.clients)
    await stop(line, running, tasks)


# Restarts and bad days


async def test_a_restart_connects_no_earlier(bench: Bench, line: Line) -> None:
    line.bmw.stream.refuse_connects(1, 151)
    line.stream.use(line.tokens())
    await line.refusal()
    line.stream.use(None)
    again = Line(bench)
    async with running(again):
        again.stream.use(again.tokens())
        await again.comes_back_after(60)


async def test_a_bug_that_a_message_brings_out_does_not_end_the_stream(line: Line) -> None:
    await line.connect()
    for payload in (b"first", b"a bug", b"last"):
        assert line.bmw.publish_raw(VIN, payload)
    await until(lambda: [payload for _, payload in line.messages] == [b"first", b"last"])
    assert (line.stream.is_connected, line.connects) == (True, 1)


async def test_a_bug_does_not_end_the_stream(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError

    make_client = StreamConnection._make_client
    monkeypatch.setattr(StreamConnection, "_make_client", stumble)
    async with running(Line(bench)) as line:
        with capture_logs() as logs:
            line.stream.use(line.tokens())
            await until(lambda: line.stream.problem)
            for _ in range(3):
                await line.clock.forward(seconds=60)
        assert "internal error (ZeroDivisionError)" in str(line.stream.problem)
        assert line.stream.problem.status is AccountStatus.ERROR
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
            "stream_crashed"
        ], "once"
        monkeypatch.setattr(StreamConnection, "_make_client", make_client)
        await line.clock.forward(minutes=10)
        await line.connected()
        assert line.stream.problem is None
