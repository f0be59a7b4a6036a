"""A charging session with what the recorder adds to it, as it goes to disk."""

import json
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bmw2mqtt.history.recorder.energy import NOTHING_COUNTED, Counted
from bmw2mqtt.history.records import CurvePoint
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.document import InvalidDocumentError, from_document
from bmw2mqtt.vehicle.trips import Coordinates

log = structlog.get_logger(__name__)

STATE_PREFIX: Final = "session "
"""`OpenState.kind` of what is remembered of one session: this and its id."""
ABSORBED: Final = "null"
"""Stands for a session that has become part of another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """A session with what the recorder adds to it; goes to disk as it is."""

    session: ChargingSession
    counted: Counted = NOTHING_COUNTED
    zone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    is_announced: bool = False
    """The event of its begin was sent."""
    curve: tuple[CurvePoint, ...] = ()

    @property
    def place(self) -> Coordinates | None:
        """Where it charges, if that is to be stored."""
        if self.latitude is None or self.longitude is None:
            return None
        return Coordinates(self.latitude, self.longitude)


def read_session(vin: str, text: str) -> RecordedSession | None:
    """Return what is remembered of a session; `None` if it cannot be read."""
    try:
        document: Any = json.loads(text)
        return from_document(RecordedSession, document)
    except (ValueError, InvalidDocumentError) as error:
        log.warning("charging_session_ignored", vin=vin, reason=str(error))
        return None
