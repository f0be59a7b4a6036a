"""bmw2mqtt brings BMW, MINI and Supra cars to any MQTT broker."""

__version__ = "0.2.0"
