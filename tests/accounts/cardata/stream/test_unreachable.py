"""BMW's stream cannot be reached: why, what a person is told, and that it is found again."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bmw2mqtt.simulator.tls import Certificates
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.stream.simulated_stream import SimulatedStream, running
from tests.accounts.waiting import until

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
    context = replace(certificates).server_context()  # of its own
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
