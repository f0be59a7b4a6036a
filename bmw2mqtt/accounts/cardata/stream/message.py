"""Messages of BMW's stream: JSON with a VIN and the values that have changed."""

import json
from dataclasses import dataclass
from typing import Any, Final

from bmw2mqtt.vehicle.vin import is_vin

MAX_MESSAGE_BYTES: Final = 256 * 1024
"""Every descriptor at once takes some 40 kB; what is relayed may have to wait in memory."""


class UnreadableMessageError(Exception):
    """A message is not one of BMW's; the text says why, and never quotes it."""


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """The content of one message: readings of one car."""

    vin: str
    data: dict[str, Any]
    """By descriptor, objects with value, unit and timestamp."""


def parse_message(topic: str, payload: bytes) -> StreamMessage:
    """Read a message; where it has no VIN, its topic's last level is the VIN.

    Raises:
        UnreadableMessageError: it cannot be read.
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise UnreadableMessageError("too long")
    try:
        message = json.loads(payload)
        data = message["data"]
        vin = message.get("vin") or topic.rpartition("/")[2]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableMessageError("not as BMW describes it") from error
    if not is_vin(vin) or not isinstance(data, dict):
        raise UnreadableMessageError("no VIN or no data")
    return StreamMessage(vin, data)
