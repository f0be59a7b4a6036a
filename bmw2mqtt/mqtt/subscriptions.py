"""Subscribes to topic filters, as far as the broker allows."""

import math
from collections.abc import Iterable, Iterator
from typing import cast

import structlog
from paho.mqtt.subscribeoptions import SubscribeOptions

from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.client import FAILURE, QOS, Client
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES

log = structlog.get_logger(__name__)

MQTT_5 = 5
_HEADER_BYTES = 16
_BYTES_PER_FILTER = 3
"""Length and options."""


async def subscribe(
    client: Client, filters: Iterable[str], refusals: LogOnce, *, one_by_one: bool = False
) -> None:
    """Subscribe; with MQTT 5 without receiving what this client publishes itself.

    With MQTT 5 the broker also passes on the retain flag of new commands.
    A refused filter is logged once; the rest goes on.
    """
    wanted = tuple(filters)
    if client.limits.get("WildcardSubscriptionAvailable", 1) == 0:
        wanted = tuple(topic for topic in wanted if not set(topic) & {"+", "#"})
    is_mqtt_5 = client._client.protocol == MQTT_5  # noqa: SLF001 - aiomqtt has no property
    divided = ((topic,) for topic in wanted) if one_by_one else batches(client, wanted)
    for batch in divided:
        if is_mqtt_5:
            granted = await client.subscribe([(topic, _options(topic)) for topic in batch])
        else:
            granted = await client.subscribe([(topic, QOS) for topic in batch])
        _log_refused(batch, granted, refusals)


def batches(client: Client, filters: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Divide filters so that each packet is within the broker's limit."""
    limit = client.max_packet_bytes or math.inf
    batch: list[str] = []
    size = _HEADER_BYTES
    for topic in filters:
        extra = len(topic.encode()) + _BYTES_PER_FILTER
        if batch and size + extra > limit:
            yield tuple(batch)
            batch, size = [], _HEADER_BYTES
        batch.append(topic)
        size += extra
    if batch:
        yield tuple(batch)


def _log_refused(filters: tuple[str, ...], granted: Iterable[object], refusals: LogOnce) -> None:
    codes = [cast("int", getattr(code, "value", code)) for code in granted]
    for topic, code in zip(filters, codes, strict=False):
        if code < FAILURE:
            refusals.is_over(topic)
        elif refusals.is_new(topic):
            log.error(
                "mqtt_subscription_refused",
                topic=topic,
                remedy="let the bridge's user read this topic in the broker's access list",
            )
    if len(codes) < len(filters):
        log.error(
            "mqtt_subscription_unanswered",
            topics=filters[len(codes) :],
            remedy="the broker did not confirm these subscriptions; report it to its makers",
        )


def _options(topic: str) -> SubscribeOptions:
    is_command = topic.endswith(COMMAND_SUFFIXES)
    return SubscribeOptions(qos=QOS, noLocal=True, retainAsPublished=is_command)
