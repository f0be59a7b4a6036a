"""The log: sentences in local time for people, events with key-values as JSON for programs."""

from bmw2mqtt.log.hidden import POSITION_KEYS, SECRET_KEYS, hide, redact
from bmw2mqtt.log.output import last_lines, set_up

__all__ = ["POSITION_KEYS", "SECRET_KEYS", "hide", "last_lines", "redact", "set_up"]
