"""aiomqtt alone, publishing what the bridge publishes.

`python -m benchmarks.floors.publish PORT FILE IN_FLIGHT`: FILE holds topics and payloads. After
each connect it sends everything again if it was told to.
"""

import asyncio
import pickle
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiomqtt

from benchmarks.child import Request, serve

Messages = list[tuple[str, bytes]]


class Floor:
    """One client."""

    def __init__(self, port: int, messages: Messages, in_flight: int) -> None:
        self.connected_at = 0.0
        self._port = port
        self._messages = messages
        self._in_flight = in_flight
        self._client: aiomqtt.Client | None = None

    async def run(self) -> None:
        """Stay connected."""
        while True:
            client = aiomqtt.Client(
                "127.0.0.1",
                self._port,
                protocol=aiomqtt.ProtocolVersion.V5,
                max_inflight_messages=20,
            )
            client.pending_calls_threshold = 2 * self._in_flight
            try:
                async with client:
                    self._client = client
                    self.connected_at = time.monotonic()
                    await self.publish(self._messages)
                    async for _ in client.messages:
                        pass
            except* aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    async def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish with so many in flight."""
        left = iter(messages)
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._in_flight):
                workers.create_task(self._work(left))

    async def _work(self, left: Iterable[tuple[str, bytes]]) -> None:
        assert self._client is not None
        for topic, payload in left:
            await self._client.publish(topic, payload, qos=1, retain=True)

    async def answer(self, request: Request) -> dict[str, Any]:
        """`publish`, `clear` or `connected_at`."""
        started_at = time.monotonic()
        if request["what"] == "publish":
            await self.publish(self._messages)
        elif request["what"] == "clear":
            await self.publish((topic, b"") for topic, _ in self._messages)
        return {"started_at": started_at, "connected_at": self.connected_at}


async def main(port: int, messages: Messages, in_flight: int) -> None:
    floor = Floor(port, messages, in_flight)
    running = asyncio.create_task(floor.run())
    await serve(floor.answer)
    running.cancel()


if __name__ == "__main__":
    content = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 - our own file
    asyncio.run(main(int(sys.argv[1]), content, int(sys.argv[3])))
