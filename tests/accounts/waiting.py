"""Waiting for what happens in this event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from bmw2mqtt.accounts.store import Store

TIMEOUT_S = 60.0


async def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for a condition with a limit; return what it gave."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not (result := condition()):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise AssertionError(f"not within {TIMEOUT_S} s: {what or condition}") from error
    return result


def wait_written(store: Store) -> None:
    """Wait until the thread has written what was left to it."""
    store.submit_delayed()
    if store.writer._executor is not None:
        store.writer._executor.submit(lambda: None).result(TIMEOUT_S)


async def a_while() -> None:
    """Let everything notice what is new: turns of the loop, which a slow machine takes too."""
    for _ in range(20):
        await asyncio.sleep(0.005)
