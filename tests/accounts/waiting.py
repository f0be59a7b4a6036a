"""Waiting for what happens in this event loop, whose time is virtual."""

import asyncio
from collections.abc import Callable
from typing import Any

from bmw2mqtt.accounts.store import Store

TIMEOUT_S = 60.0
STEP_S = 0.02


async def until(
    condition: Callable[[], Any], what: str = "", *, within_s: float = TIMEOUT_S
) -> Any:
    """Wait for a condition with a limit in virtual time; return what it gave."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while not (result := condition()):
        waited_s = loop.time() - began_s
        if waited_s > within_s:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        await asyncio.sleep(max(STEP_S, waited_s / 100))
    return result


def wait_written(store: Store) -> None:
    """Wait until the thread has written what was left to it."""
    store.submit_delayed()
    if store.writer._executor is not None:
        store.writer._executor.submit(lambda: None).result(TIMEOUT_S)
