"""Reads what the broker retains."""

import asyncio
from collections.abc import AsyncIterator, Collection

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import Client
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.mqtt.tools.tool_client import tool_client

QUIET_S = 1.0
"""The broker has sent everything that is retained when none came for so long, and none came
before its answer to a ping either: on a busy machine a pause alone says little."""
AFTER_PING_S = 0.05
ANSWER_S = 10.0


def read_retained(settings: Mqtt, filters: Collection[str], *, name: str) -> dict[str, bytes]:
    """Return the retained payloads of all topics that match, by topic; see `tool_client`.

    Raises:
        BrokerError: the broker cannot be reached, or does not let us.
    """

    async def run() -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        async with tool_client(settings, name=name) as client:
            async for topic, payload in retained_messages(client, filters):
                found[topic] = payload
                if found.keys() == set(filters):
                    break  # each filter is one topic
        return found

    return asyncio.run(run())


async def retained_messages(
    client: Client, filters: Collection[str]
) -> AsyncIterator[tuple[str, bytes]]:
    """Yield topic and payload of everything retained that matches.

    Raises:
        BrokerError: the broker does not answer.
    """
    await client.subscribe([(topic, 1) for topic in filters])
    messages = aiter(client.messages)
    now_s = asyncio.get_running_loop().time
    quiet_at_s, is_verified = now_s() + QUIET_S, False
    while True:
        try:
            message = await asyncio.wait_for(anext(messages), quiet_at_s - now_s())
        except TimeoutError:
            if is_verified:
                return
            await _verify(client)
            quiet_at_s, is_verified = now_s() + AFTER_PING_S, True
            continue
        if not message.retain or not isinstance(message.payload, bytes):
            continue  # whoever publishes without end must not keep us here
        quiet_at_s, is_verified = now_s() + QUIET_S, False
        yield message.topic.value, message.payload


async def _verify(client: Client) -> None:
    try:
        async with asyncio.timeout(ANSWER_S):
            await client.verify()
    except TimeoutError as error:
        raise BrokerError(f"the broker does not answer within {ANSWER_S:.0f} s") from error
