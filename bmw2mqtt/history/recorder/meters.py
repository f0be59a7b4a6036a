"""Which part of what a wallbox counts belongs to which car."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from bmw2mqtt.history.recorder.recorded import RecordedSession
from bmw2mqtt.vehicle.charging.meter import Claim, MeterLog, is_settled, meter_of
from bmw2mqtt.vehicle.charging.session import Meter, StartSource
from bmw2mqtt.vehicle.trips import Zone

_CLAIMS: Final = 8
"""So many of the last charges of each car are remembered."""
_ODD_READINGS: Final = 5
"""So many in a row that follow from none before are no mistake."""


class WallboxMeter:
    """The energy counter of one wallbox with the cars that charge there.

    A car elsewhere has no part in it. Where two cars charge at the same time, it is not known whose
    energy was counted: then it counts for neither.
    """

    def __init__(self) -> None:
        self._log = MeterLog()
        self._claims: dict[str, dict[str, Claim]] = {}
        """When each car charged, by VIN and session."""

    def update(self, kwh: float, at: datetime) -> bool:
        """Add a reading; `at` is when it arrived. Return whether it makes sense so far."""
        self._log.update(kwh, at)
        return self._log.odd_readings < _ODD_READINGS

    def restore(self, sessions: dict[str, dict[str, RecordedSession]]) -> None:
        """Continue with the sessions of every car that charges here, by VIN and id."""
        for vin, of_car in sessions.items():
            for known in of_car.values():
                self._claim(vin, known)
        meters = [
            known.session.meter
            for of_car in sessions.values()
            for known in of_car.values()
            if known.session.meter is not None
        ]
        if meters:
            self._log.continue_from(max(meters, key=lambda meter: meter.last_at))

    def measured(self, vin: str, known: RecordedSession, now: datetime) -> RecordedSession:
        """Return a session with what the wallbox has counted of it until now."""
        self._claim(vin, known)
        session = known.session
        if known.zone == Zone.ELSEWHERE:
            return _with(known, None)
        if is_settled(session, now) and session.meter is not None:
            return known
        others = [
            claim
            for other, claims in self._claims.items()
            if other != vin
            for claim in claims.values()
        ]
        return _with(known, meter_of(self._log, session, others, now))

    def forget(self, vin: str, identity: str) -> None:
        """Remove a session that has become part of another one."""
        self._claims.get(vin, {}).pop(identity, None)

    def _claim(self, vin: str, known: RecordedSession) -> None:
        """Note when a car charges, unless it is not known to have been here."""
        claims, session = self._claims.setdefault(vin, {}), known.session
        is_guess = session.start_source is StartSource.INFERRED
        if known.zone == Zone.ELSEWHERE or session.is_dc or is_guess:
            claims.pop(session.id, None)
            return
        claims[session.id] = Claim(session.start_at, session.end_at)
        for oldest in sorted(claims)[:-_CLAIMS]:
            del claims[oldest]


def _with(known: RecordedSession, meter: Meter | None) -> RecordedSession:
    if meter == known.session.meter:
        return known
    return replace(known, session=replace(known.session, meter=meter))
