"""Removes everything the bridge ever retained on the broker."""

import asyncio
import re
from collections.abc import Collection

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import IN_FLIGHT, Client
from bmw2mqtt.mqtt.errors import BrokerError, describe
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.mqtt.transport import tls_context
from bmw2mqtt.vehicle.vin import VIN_PATTERN

QUIET_S = 1.0


def remove_everything(
    settings: Mqtt, discovery_prefix: str, relay_prefixes: Collection[str]
) -> int:
    """Clear every retained topic of ours, also of earlier versions; return how many there were.

    Args:
        settings: the broker and our place on it.
        discovery_prefix: Home Assistant's.
        relay_prefixes: where BMW's own messages were passed on.

    Raises:
        BrokerError: the broker cannot be reached.
    """
    topics = Topics(settings.base_topic, discovery_prefix)
    return asyncio.run(_remove(settings, topics, relay_prefixes))


async def _remove(settings: Mqtt, topics: Topics, relay_prefixes: Collection[str]) -> int:
    client = make_client(
        settings,
        tls_context(settings.tls),
        availability_topic=None,
        client_id=f"{settings.client_id}-cleanup",
    )
    try:
        async with client:
            found = await _find(client, topics, relay_prefixes)
            # Discovery first: Home Assistant then drops the device as a whole.
            order = sorted(found, key=lambda topic: (not topics.is_discovery(topic), topic))
            for start in range(0, len(order), IN_FLIGHT):
                await asyncio.gather(
                    *(
                        client.send(Message(topic=topic, payload=b""))
                        for topic in order[start : start + IN_FLIGHT]
                    )
                )
    except aiomqtt.MqttError as error:
        raise BrokerError(
            f"{settings.host}:{settings.port}: {describe(error, settings)}"
        ) from error
    return len(found)


async def _find(client: Client, topics: Topics, relay_prefixes: Collection[str]) -> set[str]:
    found: set[str] = set()
    # A prefix may end within a level, which no filter can say.
    relays = {f"{prefix.rpartition('/')[0]}/+".removeprefix("/") for prefix in relay_prefixes}
    await client.subscribe([(topic, 1) for topic in {*topics.everything(), *relays}])
    relayed = [re.compile(re.escape(prefix) + VIN_PATTERN) for prefix in relay_prefixes]
    messages = aiter(client.messages)
    while True:
        try:
            message = await asyncio.wait_for(anext(messages), QUIET_S)
        except TimeoutError:
            return found
        topic, payload = message.topic.value, message.payload
        if not message.retain or not isinstance(payload, bytes):
            continue
        if topics.is_discovery(topic):
            if topics.is_our_discovery(payload):
                found.add(topic)
        elif topics.owner(topic) is not None or any(r.fullmatch(topic) for r in relayed):
            found.add(topic)
