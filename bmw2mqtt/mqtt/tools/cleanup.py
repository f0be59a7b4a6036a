"""Removes every retained topic of the bridge from the broker."""

import asyncio
import re
from collections.abc import Collection, Sequence

from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.client import IN_FLIGHT, Client
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.tools.retained_reader import ANSWER_S, retained_messages
from bmw2mqtt.mqtt.tools.tool_client import tool_client
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.errors import Bmw2MqttError
from bmw2mqtt.vehicle.vin import VIN_PATTERN


class DaemonRunning(Bmw2MqttError):  # noqa: N818 - named for what it is
    """A bridge is running, and would publish the deleted topics again."""


def remove_everything(
    settings: Settings, *, is_dry_run: bool = False, is_forced: bool = False
) -> list[str]:
    """Delete every retained topic of ours, also of earlier versions; return them in that order.

    Forced, it deletes them beside a running bridge too; a dry run only finds them.

    Raises:
        BrokerError: the broker cannot be reached, or does not let us.
        DaemonRunning: the bridge is running. Nothing was deleted.
    """
    topics = Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)

    async def run() -> list[str]:
        async with tool_client(settings.mqtt, name="cleanup") as client:
            found = await _find(client, topics, settings.relay_prefixes())
            is_running = found.get(topics.bridge_availability) == b"online"
            if is_running and not (is_dry_run or is_forced):
                raise DaemonRunning(f"{topics.bridge_availability} is online")
            # Discovery first: Home Assistant then drops the device as a whole.
            order = sorted(found, key=lambda topic: (not topics.is_discovery(topic), topic))
            if not is_dry_run:
                await _delete(client, order)
            return order

    return asyncio.run(run())


async def _delete(client: Client, order: Sequence[str]) -> None:
    refused: list[str] = []
    for start in range(0, len(order), IN_FLIGHT):
        part = order[start : start + IN_FLIGHT]
        try:
            async with asyncio.timeout(ANSWER_S):
                are_allowed = await asyncio.gather(
                    *(client.send(Message(topic=topic, payload=b"")) for topic in part)
                )
        except TimeoutError as error:
            raise BrokerError(
                f"the broker does not confirm that topics are deleted; {start} of {len(order)} are"
            ) from error
        refused += [t for t, is_allowed in zip(part, are_allowed, strict=True) if not is_allowed]
    if refused:
        raise BrokerError(
            f"the broker does not allow deleting {len(refused)} of {len(order)} topics, for example"
            f" {refused[0]}; let the bridge's user write them in the broker's access list"
        )


async def _find(
    client: Client, topics: Topics, relay_prefixes: Collection[str]
) -> dict[str, bytes]:
    """Return our retained topics with their payloads."""
    found: dict[str, bytes] = {}
    # A prefix may end within a level, which no filter can say.
    relays = {f"{prefix.rpartition('/')[0]}/+".removeprefix("/") for prefix in relay_prefixes}
    relayed = [re.compile(re.escape(prefix) + VIN_PATTERN) for prefix in relay_prefixes]
    try:
        async for topic, payload in retained_messages(client, {*topics.everything(), *relays}):
            if topics.is_discovery(topic):
                is_ours = topics.is_our_discovery(payload)
            else:
                is_ours = topics.owner(topic) is not None or any(
                    r.fullmatch(topic) for r in relayed
                )
            if is_ours:
                found[topic] = payload
    except BrokerError as error:
        raise BrokerError(f"{error}; nothing is deleted") from error
    return found
