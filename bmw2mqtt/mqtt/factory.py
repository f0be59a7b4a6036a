"""Makes MQTT clients from the settings."""

import ssl
from collections.abc import Callable
from typing import Literal

import aiomqtt
import paho.mqtt.client as paho_client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import CONNECT_TIMEOUT_S, IN_FLIGHT, QOS, Client, Clock
from bmw2mqtt.mqtt.packets import MAX_INCOMING_BYTES
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.transport import check_login
from bmw2mqtt.vehicle.deadline import elapsed_s

MAX_INCOMING = 100_000
"""Messages waiting to be read: what a thousand cars retain, and a bound against floods."""


def make_client(
    settings: Mqtt,
    tls: ssl.SSLContext | None,
    *,
    availability_topic: str | None,
    client_id: str | None = None,
    will_qos: int = QOS,
    will_retain: bool = True,
    clock: Clock = elapsed_s,
    on_received: Callable[[Received], None] | None = None,
) -> Client:
    """Return a client that is not yet connected; its last will is `offline`.

    It calls `on_received` with each message, with a command once a ping has proved that the
    connection is alive; without a callback the messages wait in `messages`.

    Raises:
        ConfigError: there is a password but no user name.
    """
    check_login(settings)
    will = None
    if availability_topic is not None:
        will = aiomqtt.Will(availability_topic, b"offline", qos=will_qos, retain=will_retain)
    is_mqtt_5 = settings.protocol == "5"
    return Client(
        settings.host,
        settings.port,
        tls=tls,
        clock=clock,
        on_received=on_received,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        identifier=client_id or settings.client_id,
        protocol=_PROTOCOLS[settings.protocol],
        keepalive=settings.keepalive,
        will=will,
        # Messages of an earlier session are old: the broker must not keep any.
        clean_start=True if is_mqtt_5 else paho_client.MQTT_CLEAN_START_FIRST_ONLY,
        clean_session=None if is_mqtt_5 else True,
        timeout=CONNECT_TIMEOUT_S,
        max_inflight_messages=IN_FLIGHT,
        max_queued_incoming_messages=MAX_INCOMING,
        properties=_connect_properties() if is_mqtt_5 else None,
    )


def _connect_properties() -> Properties:
    """Ask the broker not to send packets that are larger than the bridge reads."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = MAX_INCOMING_BYTES
    properties.SessionExpiryInterval = 0
    return properties


_PROTOCOLS: dict[Literal["5", "3.1.1"], aiomqtt.ProtocolVersion] = {
    "5": aiomqtt.ProtocolVersion.V5,
    "3.1.1": aiomqtt.ProtocolVersion.V311,
}
