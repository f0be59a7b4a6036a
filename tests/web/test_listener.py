"""The page's address."""

import asyncio
import gc
import socket
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from bmw2mqtt.config import load_configuration
from bmw2mqtt.web import listener
from bmw2mqtt.web.setup.service import Setup
from tests.mosquitto import free_port
from tests.web.served_page import eventually, is_open, make


async def run_until_reachable(port: int, **http: Any) -> list[Any]:
    """Serve a page, ask it, and return what was logged."""
    with structlog.testing.capture_logs() as logged:
        task = asyncio.create_task(make(port, **http).listener.run())
        await eventually(lambda: is_open(port))
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as a:
            assert a.status == 200
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert not is_open(port), "it is free again"
    return [entry for entry in logged if entry["event"].startswith("page")]


async def test_a_port_in_use_is_said_once_and_taken_when_it_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "RETRY_S", 0.01)
    port = free_port()
    with structlog.testing.capture_logs() as logged, socket.create_server(("127.0.0.1", port)):
        task = asyncio.create_task(make(port).listener.run())
        await eventually(lambda: logged)
        await asyncio.sleep(0.1)  # many tries
    (error,) = [entry for entry in logged if entry["event"] == "page_listen_failed"]
    assert "in use" in error["reason"]
    assert f"{port}" in str(error)
    assert "http.port" in error["remedy"]
    await eventually(lambda: is_open(port))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_setup_needs_the_page() -> None:
    setup = Setup(load_configuration(None, (), {}, Path("none")))
    port = free_port()
    with structlog.testing.capture_logs() as logged, socket.create_server(("127.0.0.1", port)):
        task = asyncio.create_task(make(port, setup=setup).listener.run())
        await eventually(lambda: logged)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    (error,) = [entry for entry in logged if entry["event"] == "page_listen_failed"]
    assert "the setup needs the page" in error["remedy"]
    assert "everything else works" not in error["remedy"]


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
async def test_an_address_that_is_not_ours_is_said(host: str) -> None:
    with structlog.testing.capture_logs() as logged:
        listener_ = make(free_port(), host=host, token="a-token-of-twenty-five-ch").listener
        task = asyncio.create_task(listener_.run())
        await eventually(lambda: logged)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    (error,) = logged
    assert (error["event"], error["host"]) == ("page_listen_failed", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_it_listens(host: str) -> None:
    port = free_port()
    (listening, _) = await run_until_reachable(port, host=host)
    assert listening["url"] == f"http://{host}:{port}/"


async def test_it_can_be_switched_off() -> None:
    port = free_port()
    await asyncio.wait_for(make(port, enabled=False).listener.run(), 1)
    assert not is_open(port)


async def test_an_ended_page_leaves_no_memory() -> None:
    """The bridge starts again each time the setup saves settings."""
    port = free_port()
    page = make(port)
    devices = weakref.ref(page.devices)
    task = asyncio.create_task(page.listener.run())
    await eventually(lambda: is_open(port))
    async with aiohttp.ClientSession() as client:
        for path in ("/", "/api/state", "/healthz"):
            async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                await answer.read()
    task.cancel()
    await asyncio.wait({task})
    del page, task

    def is_gone() -> bool:
        gc.collect()
        return devices() is None

    await eventually(is_gone)
