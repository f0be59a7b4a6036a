"""Is the broker there, and does it let the bridge in?"""

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.session import describe, make_client, tls_context


async def try_broker(settings: Mqtt) -> str | None:
    """Connect once; return what is wrong, `None` if nothing is."""
    client = make_client(
        settings,
        tls_context(settings.tls),
        availability_topic=None,
        client_id=f"{settings.client_id}-check",
    )
    try:
        async with client:
            return None
    except aiomqtt.MqttError as error:
        return f"{settings.host}:{settings.port} refuses: {describe(error)}"
