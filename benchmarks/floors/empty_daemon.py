"""A daemon that does nothing, with the libraries that the bridge needs in the end.

`python -m benchmarks.floors.empty_daemon PORT TOPIC LIBRARIES`: connects with a will, publishes
`online`, waits. With LIBRARIES `all` it has imported all of them first, as one at the top of a
file would, and has made the account; with `mqtt` only the MQTT client.
"""

import asyncio
import importlib
import ssl
import sys

import aiomqtt

LIBRARIES = ("pydantic_settings", "structlog", "yaml")


def make_account() -> object:
    """Make an account as the library's documentation does, but with one TLS context."""
    from bimmer_connected.account import MyBMWAccount  # noqa: PLC0415
    from bimmer_connected.api.regions import Regions  # noqa: PLC0415

    context = ssl.create_default_context()
    return MyBMWAccount("me@example.com", "secret", Regions.REST_OF_WORLD, verify=context)


async def main(port: int, topic: str) -> None:
    will = aiomqtt.Will(topic, b"offline", qos=1, retain=True)
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", port, will=will, protocol=version) as client:
        await client.publish(topic, b"online", qos=1, retain=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[3] == "all":
        for library in LIBRARIES:
            importlib.import_module(library)
        account = make_account()
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
