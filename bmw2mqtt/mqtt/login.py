"""Gives a captcha's token to the running daemon and waits for what becomes of it."""

import asyncio
import json
from typing import Any

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.publisher import Message
from bmw2mqtt.mqtt.session import BrokerError, describe, make_client, tls_context
from bmw2mqtt.mqtt.topics import Topics

PATIENCE_S = 120.0
"""A login is four requests to BMW, and the cars are read before it counts as good."""


async def hand_over(
    settings: Mqtt, discovery_prefix: str, account: str, token: str
) -> tuple[str, str | None]:
    """Send the token; return the account's status and message once it has tried.

    Raises:
        BrokerError: the broker cannot be reached, or nothing is heard of the account.
    """
    topics = Topics(settings.base_topic, discovery_prefix)
    client = make_client(
        settings,
        tls_context(settings.tls),
        availability_topic=None,
        client_id=f"{settings.client_id}-login",
    )
    try:
        async with asyncio.timeout(PATIENCE_S), client:
            return await _talk(client, topics, account, token)
    except TimeoutError as error:
        raise BrokerError("the running daemon does not answer; see its log") from error
    except aiomqtt.MqttError as error:
        raise BrokerError(f"{settings.host}:{settings.port}: {describe(error)}") from error


async def _talk(client: Any, topics: Topics, account: str, token: str) -> tuple[str, str | None]:
    status_topic = topics.account(account).state("sensor", "status")
    attributes_topic = topics.account(account).attributes("sensor", "status")
    await client.subscribe([(status_topic, 1), (attributes_topic, 1)])
    has_begun, status, message = False, "", None
    await client.send(Message(topic=topics.login(account), payload=token.encode(), retain=False))
    async for received in client.messages:
        if received.retain:
            continue
        if received.topic.value == attributes_topic:
            message = json.loads(received.payload).get("message")
        else:
            status = received.payload.decode()
        has_begun |= status == "starting"
        if has_begun and status not in {"", "starting"}:
            return status, await _last_message(client, attributes_topic, message)
    raise BrokerError("the connection was lost")


async def _last_message(client: Any, topic: str, message: str | None) -> str | None:
    """Wait a moment for the sentence that goes with a status."""
    try:
        async with asyncio.timeout(1):
            async for received in client.messages:
                if received.topic.value == topic:
                    found: str | None = json.loads(received.payload).get("message")
                    return found
    except TimeoutError:
        pass
    return message
