"""A broker connection that the test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.publisher import NOT_AUTHORIZED, Publisher

REFUSED = "refused"
"""Topics with it are refused."""


class Lost(Exception):  # noqa: N818 - named for what happened
    """The connection is lost."""


class FakeConnection:
    """Takes messages; acknowledges them at once, or when told."""

    def __init__(self, *, is_slow: bool = False, max_packet_bytes: int | None = None) -> None:
        self.max_packet_bytes = max_packet_bytes
        self.sent: list[Message] = []
        self._is_slow = is_slow
        self._pending: list[asyncio.Future[None]] = []

    async def publish_message(self, message: Message) -> str | None:
        self.sent.append(message)
        if self._is_slow:
            self._pending.append(asyncio.get_running_loop().create_future())
            await self._pending[-1]
        return NOT_AUTHORIZED if REFUSED in message.topic else None

    async def verify(self) -> None:
        """Answer a ping."""

    @property
    def payloads(self) -> list[tuple[str, bytes]]:
        return [(message.topic, message.payload) for message in self.sent]

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.sent]

    def acknowledge(self, count: int = 1) -> None:
        for _ in range(count):
            self._pending.pop(0).set_result(None)

    def lose(self) -> None:
        for pending in self._pending:
            if not pending.done():
                pending.set_exception(Lost())


async def settle() -> None:
    """Let everything happen that can happen now."""
    for _ in range(50):
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(
    publisher: Publisher, connection: FakeConnection, in_flight: int = 5
) -> AsyncIterator[None]:
    task = asyncio.create_task(publisher.run(connection, in_flight))
    await settle()
    yield
    task.cancel()
    await asyncio.wait([task])
