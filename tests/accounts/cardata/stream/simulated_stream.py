"""A connection to the stream of a simulated BMW, as the tests run it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings
from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataSimulator
from tests.accounts.cardata.account_parts import AccountParts
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
            on_change=lambda: None,
            on_refused=self._refused,
        )

    def _record(self, topic: str, payload: bytes) -> None:
        if payload == b"a bug":
            raise RuntimeError
        self.messages.append((topic, payload))

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
