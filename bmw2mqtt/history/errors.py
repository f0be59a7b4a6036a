"""What can go wrong with the history."""

from bmw2mqtt.vehicle.errors import Bmw2MqttError


class HistoryError(Bmw2MqttError):
    """The history cannot be read or written; the message names the file and the remedy."""


class HistoryTooNew(HistoryError):  # noqa: N818 - named for what it is
    """A newer bmw2mqtt wrote the file."""
