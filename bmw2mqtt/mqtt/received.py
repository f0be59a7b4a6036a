"""A received message, independent of the MQTT library."""

import aiomqtt

from bmw2mqtt.vehicle.deadline import elapsed_s


class Received:
    """A received message."""

    __slots__ = (
        "correlation_data",
        "expiry_s",
        "is_stale",
        "payload",
        "received_s",
        "response_topic",
        "retain",
        "topic",
    )

    def __init__(
        self,
        message: aiomqtt.Message,
        *,
        is_stale: bool = False,
        received_s: float | None = None,
    ) -> None:
        payload = message.payload
        self.topic = message.topic.value
        self.payload = payload if isinstance(payload, bytes) else b""
        self.retain = message.retain
        self.received_s = elapsed_s() if received_s is None else received_s
        """When it was read, by the clock of the deadlines."""
        self.is_stale = is_stale
        """Whether it may have waited while the process or the connection stood still."""
        properties = message.properties
        self.response_topic: str | None = getattr(properties, "ResponseTopic", None)
        self.correlation_data: bytes | None = getattr(properties, "CorrelationData", None)
        self.expiry_s: int | None = getattr(properties, "MessageExpiryInterval", None)
