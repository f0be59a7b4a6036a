"""A login manager to run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.auth.running_login import RunningLogin


@pytest.fixture
def running_login(parts: AccountParts) -> Callable[[], Any]:
    """Run a login manager; a second one is another run of the bridge."""

    @asynccontextmanager
    async def run() -> AsyncIterator[RunningLogin]:
        running_login = RunningLogin(parts)
        task = asyncio.create_task(running_login.manager.run())
        try:
            yield running_login
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await parts.credentials.close()

    return run
