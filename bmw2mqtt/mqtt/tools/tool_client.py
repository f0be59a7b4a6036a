"""The connection that a command makes to the broker, beside the daemon's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import Client
from bmw2mqtt.mqtt.errors import BrokerError, describe
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.transport import tls_context


@asynccontextmanager
async def tool_client(settings: Mqtt, *, name: str) -> AsyncIterator[Client]:
    """Connect for as long as the context lasts.

    The name makes the client ID: the daemon's goes on using its own.

    Raises:
        BrokerError: the broker cannot be reached, or does not let us.
    """
    client = make_client(
        settings,
        tls_context(settings.tls),
        availability_topic=None,
        client_id=f"{settings.client_id}-{name}",
    )
    try:
        async with client:
            yield client
    except aiomqtt.MqttError as error:
        raise BrokerError(
            f"{settings.host}:{settings.port}: {describe(error, settings)}"
        ) from error
