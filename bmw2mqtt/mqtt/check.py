"""Is the broker there, does it let the bridge in, and what are its limits?"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import Client
from bmw2mqtt.mqtt.errors import describe
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.mqtt.transport import tls_context

VERSION_TOPIC = "$SYS/broker/version"
QUIET_S = 1.0
"""A broker that has something retained says it at once."""


@dataclass(slots=True)
class BrokerReport:
    """What was found out about the broker."""

    problem: str | None = None
    """Why it cannot be used; `None`: connected."""
    version: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """What its CONNACK says, in MQTT 5's names; empty with MQTT 3.1.1."""
    refused: tuple[str, ...] = ()
    """Topics the bridge may not write. Only MQTT 5 tells."""
    accounts: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """What a daemon says of each account: status and message."""

    @property
    def is_well(self) -> bool:
        """Whether the bridge can work with it."""
        return self.problem is None and not self.refused


async def try_broker(
    settings: Mqtt,
    topics: Topics,
    accounts: Iterable[str],
    *,
    discovery: bool,
    relay_prefixes: Iterable[str],
) -> BrokerReport:
    """Connect once and look around; nothing that is sent stays on the broker.

    Args:
        settings: the broker.
        topics: ours.
        accounts: the accounts whose retained status is read.
        discovery: whether Home Assistant's discovery topics must be writable too.
        relay_prefixes: where BMW's own messages are passed on; must be writable too.
    """
    client = make_client(
        settings,
        tls_context(settings.tls),
        availability_topic=None,
        client_id=f"{settings.client_id}-check",
    )
    report = BrokerReport()
    try:
        async with client:
            report.limits = client.limits
            tried = [f"{topics.base}/bridge/check"]
            if discovery:
                tried.append(f"{topics.discovery_prefix}/device/bmw2mqtt_check/config")
            tried += [f"{prefix}check" for prefix in sorted(relay_prefixes)]
            report.refused = await _refused(client, tried)
            await _read(client, report, topics, accounts)
    except aiomqtt.MqttError as error:
        report.problem = f"{settings.host}:{settings.port} refuses: {describe(error, settings)}"
    return report


async def _refused(client: Client, tried: Sequence[str]) -> tuple[str, ...]:
    """Send an empty message to topics that nobody uses; nothing is retained."""
    messages = (Message(topic=topic, payload=b"", retain=False) for topic in tried)
    may_write = [await client.send(message) for message in messages]
    return tuple(
        topic for topic, is_allowed in zip(tried, may_write, strict=True) if not is_allowed
    )


async def _read(
    client: Client, report: BrokerReport, topics: Topics, accounts: Iterable[str]
) -> None:
    """Read what is retained: the broker's version, and what a daemon says of its accounts."""
    status = {topics.account(name).state("sensor", "status"): name for name in accounts}
    attributes = {topics.account(name).attributes("sensor", "status"): name for name in accounts}
    messages: dict[str, str | None] = {}
    words: dict[str, str] = {}
    await client.subscribe([(topic, 1) for topic in (VERSION_TOPIC, *status, *attributes)])
    async for topic, payload in _until_quiet(client):
        text = payload.decode(errors="replace")
        if topic == VERSION_TOPIC:
            report.version = text
        elif topic in status:
            words[status[topic]] = text
        elif topic in attributes:
            messages[attributes[topic]] = _message(text)
    report.accounts = {name: (word, messages.get(name)) for name, word in words.items()}


async def _until_quiet(client: Client) -> AsyncIterator[tuple[str, bytes]]:
    received = aiter(client.messages)
    with suppress(TimeoutError):
        while True:
            message = await asyncio.wait_for(anext(received), QUIET_S)
            if isinstance(message.payload, bytes):
                yield message.topic.value, message.payload


def _message(attributes: str) -> str | None:
    with suppress(ValueError, AttributeError):
        found = json.loads(attributes).get("message")
        return str(found) if found else None
    return None
