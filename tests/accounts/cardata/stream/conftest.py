"""A stream that runs."""

from collections.abc import AsyncIterator

import pytest

from bmw2mqtt.accounts.cardata.stream import reconnect_policy
from tests.accounts.cardata.account_parts import AccountParts
from tests.accounts.cardata.stream.simulated_stream import SimulatedStream, running


@pytest.fixture
async def stream_run(
    parts: AccountParts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SimulatedStream]:
    """A stream that runs, not logged in; its pauses are those in the middle."""
    monkeypatch.setattr(reconnect_policy.random, "uniform", lambda low, high: (low + high) / 2)
    async with running(SimulatedStream(parts)) as stream_run:
        yield stream_run
