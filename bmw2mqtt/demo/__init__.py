"""The demo, which needs no BMW account: an MQTT broker, a simulated BMW and the bridge."""

from bmw2mqtt.demo.broker import DemoError
from bmw2mqtt.demo.run import run

__all__ = ["DemoError", "run"]
