"""Records the trips and the refuelling of one car: rows and events."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import structlog

from bmw2mqtt.history.recorder.options import NEWS, SAVE_EVERY, Outputs, RecorderOptions
from bmw2mqtt.history.records import OpenState, RefuelRecord, TripRecord, second
from bmw2mqtt.vehicle.history import HistoryEvent, TripEventType, TripSummary
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.trips import (
    Coordinates,
    Refuel,
    Refuelled,
    Trip,
    TripCorrected,
    TripEnded,
    TripEvent,
    TripStarted,
    TripTracker,
)
from bmw2mqtt.vehicle.trips.state import without_positions

log = structlog.get_logger(__name__)

STATE_KIND = "trips"


class DriveRecorder:
    """The trips of one car."""

    def __init__(
        self,
        vin: str,
        options: RecorderOptions,
        outputs: Outputs,
        *,
        state: str | None,
        last: TripSummary | None,
    ) -> None:
        """Continue with what an earlier run has stored: JSON that `save` has written."""
        self.last = last
        """The last trip."""
        self._vin, self._options, self._outputs = vin, options, outputs
        self._tracker = self._restored(state)
        self._saved_at: datetime | None = None
        self._is_unsaved = False
        self._announced: set[int] = set()

    def update(self, observed: ObservedVehicle) -> None:
        """Record what is new."""
        events = self._tracker.update(observed.driving)
        self._is_unsaved = True
        self._handle(events, observed.at)

    def tick(self, now: datetime) -> None:
        """Do what time alone does: close a trip, complete a refuelling, write what waits."""
        due_at = self._tracker.next_check_at()
        events = self._tracker.advance(now) if due_at is not None and due_at <= now else []
        self._handle(events, now)

    def forget_positions(self, now: datetime) -> None:
        """Forget where it drove; a trip that runs goes on without the way so far."""
        self._tracker = self._tracker_of(without_positions(self._tracker.state))
        self.save(now)

    def save(self, now: datetime) -> None:
        """Write what the rules remember."""
        self._saved_at, self._is_unsaved = now, False
        self._outputs.put(OpenState.of(self._vin, STATE_KIND, self._tracker.state, now))

    def _restored(self, state: str | None) -> TripTracker:
        if state is not None:
            try:
                return self._tracker_of(json.loads(state))
            except ValueError as error:
                log.warning("trip_state_ignored", vin=self._vin, reason=str(error))
        return self._tracker_of(None)

    def _tracker_of(self, state: Any) -> TripTracker:
        options = self._options
        return TripTracker(options.home, keep_positions=options.keep_positions, state=state)

    def _handle(self, events: list[TripEvent], now: datetime) -> None:
        for event in events:
            self._record(event, now)
        is_due = self._saved_at is None or not now - self._saved_at < SAVE_EVERY
        if events or (self._is_unsaved and is_due):
            self.save(now)

    def _record(self, event: TripEvent, now: datetime) -> None:
        keep_positions = self._options.keep_positions
        if isinstance(event, TripStarted):
            self._send_start(event, now)
        elif isinstance(event, TripEnded | TripCorrected):
            row = trip_record(self._vin, event.trip, keep_positions=keep_positions)
            self._outputs.put(row)
            self.last = last_trip(row)
            is_news = now - event.trip.end_at <= NEWS or row.key in self._announced
            if isinstance(event, TripEnded) and is_news:
                self._announced.discard(row.key)
                self._send(TripEventType.ENDED, asdict(self.last))
        elif isinstance(event, Refuelled):
            refuel = event.refuel
            self._outputs.put(refuel_record(self._vin, refuel, keep_positions=keep_positions))
            if now - refuel.at <= NEWS:
                self._send(TripEventType.REFUELLED, _refuel_attributes(refuel))

    def _send_start(self, event: TripStarted, now: datetime) -> None:
        if now - event.start_at > NEWS:
            return
        self._announced.add(event.key)
        attributes: dict[str, object] = {
            "start": event.start_at,
            "start_known": event.start_known,
            "odometer_km": event.odometer_km,
            "soc_start": event.soc_percent,
            "place": event.zone_from,
        }
        self._send(TripEventType.STARTED, attributes)

    def _send(self, event_type: TripEventType, attributes: dict[str, object]) -> None:
        event = HistoryEvent(platform_key="trip", event_type=event_type, attributes=attributes)
        self._outputs.send(self._vin, event)


def last_trip(row: TripRecord) -> TripSummary:
    """Return what is published of a trip."""
    start_at = row.start_at
    return TripSummary(
        start=None if start_at is None else datetime.fromtimestamp(start_at, UTC),
        start_known=row.start_known,
        end=datetime.fromtimestamp(row.end_at, UTC),
        distance_km=row.km,
        consumption_kwh_per_100km=row.kwh_per_100km,
        soc_start=row.soc_start,
        soc_end=row.soc_end,
        odometer_km=row.odometer_end_km,
    )


def _refuel_attributes(refuel: Refuel) -> dict[str, object]:
    """Return what is known of a refuelling, without its place."""
    return {
        "time": refuel.at,
        "litres": refuel.litres,
        "before_l": refuel.before_l,
        "after_l": refuel.after_l,
        "before_percent": refuel.before_percent,
        "after_percent": refuel.after_percent,
        "odometer_km": refuel.odometer_km,
        "place": refuel.zone,
    }


def trip_record(vin: str, trip: Trip, *, keep_positions: bool) -> TripRecord:
    """Return the row of a trip; without positions unless the owner wants them."""
    start, end = (trip.position_from, trip.position_to) if keep_positions else (None, None)
    return TripRecord(
        vin=vin,
        key=trip.key,
        start_at=second(trip.start_at),
        start_known=trip.start_known,
        end_at=int(trip.end_at.timestamp()),
        end_source=trip.end_source,
        km=trip.km,
        distance_source=trip.distance_source,
        odometer_start_km=trip.odometer_start_km,
        odometer_end_km=trip.odometer_end_km,
        soc_start=trip.soc_start,
        soc_end=trip.soc_end,
        kwh=trip.kwh,
        kwh_per_100km=trip.kwh_per_100km,
        fuel_start_l=trip.fuel_start_l,
        fuel_end_l=trip.fuel_end_l,
        litres=trip.litres,
        zone_from=trip.zone_from,
        zone_to=trip.zone_to,
        from_latitude=_latitude(start),
        from_longitude=_longitude(start),
        to_latitude=_latitude(end),
        to_longitude=_longitude(end),
        track=tuple((place.latitude, place.longitude) for place in trip.track)
        if keep_positions
        else (),
    )


def refuel_record(vin: str, refuel: Refuel, *, keep_positions: bool) -> RefuelRecord:
    """Return the row of a refuelling; without a position unless the owner wants it."""
    place = refuel.position if keep_positions else None
    return RefuelRecord(
        vin=vin,
        key=refuel.key,
        at=int(refuel.at.timestamp()),
        not_before=second(refuel.not_before),
        before_l=refuel.before_l,
        after_l=refuel.after_l,
        before_percent=refuel.before_percent,
        after_percent=refuel.after_percent,
        litres=refuel.litres,
        odometer_km=refuel.odometer_km,
        litres_per_100km=refuel.litres_per_100km,
        zone=refuel.zone,
        latitude=_latitude(place),
        longitude=_longitude(place),
    )


def _latitude(place: Coordinates | None) -> float | None:
    return None if place is None else round(place.latitude, 5)


def _longitude(place: Coordinates | None) -> float | None:
    return None if place is None else round(place.longitude, 5)
