"""Network errors: plain words, no names of exceptions."""

import asyncio
import errno
import re
import socket
import ssl

import aiohttp
import httpx
import pytest

from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.network_errors import describe_network_error
from bmw2mqtt.vehicle.errors import NoConnection, Unreachable
from tests.mosquitto import free_port

REFUSED = OSError(errno.ECONNREFUSED, "Connect call failed")


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout(""), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerTimeoutError(), "no answer in time"),
        (
            raised_from(httpx.ConnectError("x"), socket.gaierror(-2, "unknown")),
            "its name cannot be",
        ),
        (raised_from(httpx.ConnectError("x"), REFUSED), "connection refused"),
        (ExceptionGroup("all attempts failed", [REFUSED]), "connection refused"),
        (ssl.SSLEOFError(8, "EOF occurred"), "the encrypted connection failed"),
        (OSError(errno.ENETUNREACH, "x"), "there is no network"),
        (
            OSError("Multiple exceptions: [Errno 111] ('::1'), [Errno 111] (…)"),
            "connection refused",
        ),
        (httpx.RemoteProtocolError("x"), "the connection was closed"),
        (aiohttp.ServerDisconnectedError(), "the connection was closed"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    assert describe_network_error(error).startswith(words)


async def test_of_a_real_client() -> None:
    async with HttpClient(ssl.create_default_context()) as client:
        with pytest.raises(NoConnection) as refused:
            await client.send("GET", f"https://127.0.0.1:{free_port()}/")
        with pytest.raises(NoConnection) as unknown:
            await client.send("GET", "https://no-such-host.invalid/")
        server = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", port := free_port()
        )
        async with server:
            with pytest.raises(Unreachable) as closed:
                await client.send("GET", f"http://127.0.0.1:{port}/")
    assert "(connection refused)" in str(refused.value)
    assert "its name cannot be resolved" in str(unknown.value)
    assert "(the connection was closed)" in str(closed.value)
    for failed in (refused, unknown, closed):
        assert not re.search(r"Error|Exception|Errno", str(failed.value))
