"""The obvious bridge: each key of each message published and awaited.

`python -m benchmarks.floors.stream PORT STREAM_PORT GCID ID_TOKEN CA_FILE`.
"""

import asyncio
import json
import ssl
import sys
from typing import Any

import aiomqtt

from benchmarks.child import Request, serve


async def relay(port: int, stream_port: int, gcid: str, id_token: str, ca_file: str) -> None:
    """Take BMW's messages until cancelled."""
    broker = aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5)
    stream = aiomqtt.Client(
        "127.0.0.1",
        stream_port,
        username=gcid,
        password=id_token,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=ssl.create_default_context(cafile=ca_file),
    )
    async with broker, stream:
        await stream.subscribe(f"{gcid}/+")
        async for message in stream.messages:
            assert isinstance(message.payload, bytes)
            content = json.loads(message.payload)
            for name, reading in content["data"].items():
                topic = f"floor/{content['vin']}/{name}"
                await broker.publish(topic, str(reading["value"]), qos=1, retain=True)


async def main() -> None:
    port, stream_port, gcid, id_token, ca_file = sys.argv[1:6]
    running = asyncio.create_task(relay(int(port), int(stream_port), gcid, id_token, ca_file))

    async def answer(_: Request) -> dict[str, Any]:
        return {}

    await serve(answer)
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
