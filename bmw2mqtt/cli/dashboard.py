"""`bmw2mqtt dashboard`: print a Home Assistant dashboard for the cars of the running daemon."""

import argparse

from bmw2mqtt.cli.main import EXIT_OK
from bmw2mqtt.config import Settings, load_settings
from bmw2mqtt.homeassistant.announced import announced_devices
from bmw2mqtt.homeassistant.dashboard import dashboard_yaml
from bmw2mqtt.mqtt.tools.retained_reader import read_retained
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.errors import Bmw2MqttError


class NoDashboardError(Bmw2MqttError):
    """There is nothing to make a dashboard of; the message says why, and what to do."""


def run(arguments: argparse.Namespace) -> int:
    """Print the dashboard; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    payloads = _discovery(settings)
    print(dashboard_yaml(announced_devices(payloads), arguments.language), end="")
    return EXIT_OK


def _discovery(settings: Settings) -> list[bytes]:
    """Return what the running daemon announces to Home Assistant, cars by VIN.

    Raises:
        BrokerError: the broker cannot be reached, or does not let us.
        NoDashboardError: it announces no car.
    """
    if not settings.homeassistant.enabled:
        raise NoDashboardError(
            "homeassistant.enabled is false: Home Assistant has no entities of the cars"
        )
    topics = Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)
    filters = (topics.bridge_availability, topics.discovery())
    found = read_retained(settings.mqtt, filters, name="dashboard")
    if found.get(topics.bridge_availability) != b"online":
        place = f"{settings.mqtt.host}:{settings.mqtt.port}"
        raise NoDashboardError(
            f"No bmw2mqtt is running at the broker {place}. Start it with `bmw2mqtt run`, and try"
            " again once it shows the cars."
        )
    announced = {
        topic: payload
        for topic, payload in found.items()
        if topics.is_discovery(topic) and topics.is_our_discovery(payload)
    }
    if not any(device.account for device in announced_devices(announced.values())):
        raise NoDashboardError("bmw2mqtt has no car yet. Its page or its log says why.")
    return [announced[topic] for topic in sorted(announced)]
