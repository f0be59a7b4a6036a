"""Follows one car: turns observations into trips and refuelling, by measured time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bmw2mqtt.vehicle.document import from_document, to_document
from bmw2mqtt.vehicle.trips import figures, rules
from bmw2mqtt.vehicle.trips.lifecycle import Events, TripLifecycle, start_door
from bmw2mqtt.vehicle.trips.observation import Measured, Observation, TripEndBlock
from bmw2mqtt.vehicle.trips.places import Coordinates, Home, zone_of
from bmw2mqtt.vehicle.trips.records import TripCorrected, TripEnded
from bmw2mqtt.vehicle.trips.refuelling_tracker import RefuelTracker
from bmw2mqtt.vehicle.trips.state import OpenTrip, TripState, without_positions


class TripTracker:
    """The rules about trips and refuelling of one car."""

    def __init__(
        self, home: Home | None = None, *, keep_positions: bool = False, state: Any = None
    ) -> None:
        """Start anew, or with the `state` of an earlier tracker.

        With `keep_positions`, records have a track, and the state that is stored has positions.

        Raises:
            ValueError: The state is none of ours.
        """
        self._home = home
        self._keep_positions = keep_positions
        self._state = TripState() if state is None else from_document(TripState, state)
        self._trips = TripLifecycle(self._state, home)
        self._refuelling = RefuelTracker(self._state)
        self._handlers: dict[str, Callable[[datetime, Any], Events]] = {
            "is_plugged_in": self._on_plugged_in,
            "is_charging": self._on_charging,
            "is_driver_door_open": self._on_door,
            "is_locked": self._on_locked,
            "odometer_km": self._on_odometer,
            "position": self._on_position,
            "is_moving": self._on_moving,
            "is_ignition_on": self._on_ignition,
            "soc_percent": self._on_soc,
            "fuel_l": self._on_fuel,
            "fuel_percent": self._on_fuel_percent,
        }
        """In the order in which values of the same second are looked at."""

    @property
    def state(self) -> Any:
        """Everything it remembers, as JSON values; without positions unless they are wanted."""
        state = to_document(self._state)
        return state if self._keep_positions else without_positions(state)

    @property
    def is_open(self) -> bool:
        """Whether a trip is under way."""
        return self._state.open is not None and self._state.open.is_announced

    def next_check_at(self) -> datetime | None:
        """Return when `advance` has something to do even if the car says nothing."""
        times = [self._refuelling.due_at]
        if self._state.open is not None:
            times.append(self._trips.due_at(self._state.open))
        return min((at for at in times if at is not None), default=None)

    def update(self, observation: Observation) -> Events:
        """Apply what is new in an observation; return what began, ended or was completed."""
        self._trips.now = observation.received_at
        state = self._state
        state.drive_train = observation.drive_train or state.drive_train
        state.capacity_kwh = observation.capacity_kwh or state.capacity_kwh
        events: Events = []
        for at, name, value in self._news(observation):
            events += self._handlers[name](at, value)
        if observation.trip_end is not None:
            events += self._on_trip_end(observation.trip_end)
        return events + self.advance(observation.received_at)

    def advance(self, now: datetime) -> Events:
        """Let time pass: close a trip, complete a refuelling."""
        self._trips.now = now
        trip = self._state.open
        events: Events = []
        if trip is not None and now >= self._trips.due_at(trip):
            events += self._trips.close()
        return events + self._refuelling.advance(now)

    # What is new

    def _news(self, observation: Observation) -> list[tuple[datetime, str, Any]]:
        news = []
        for name in self._handlers:
            measured: Measured[Any] | None = getattr(observation, name)
            if measured is not None and self._is_new(name, at := self._time(measured), measured):
                news.append((at, name, measured.value))
        return sorted(news, key=lambda sign: sign[0])

    def _time(self, measured: Measured[Any]) -> datetime:
        """Return when it was measured; the future comes from a wrong clock."""
        return self._trips.now if measured.at > self._trips.now + rules.FUTURE else measured.at

    def _is_new(self, name: str, at: datetime, measured: Measured[Any]) -> bool:
        seen, value = self._state.seen.get(name), repr(measured.value)
        if seen is not None:
            is_repeated = value == seen.value and (at == seen.at or at != measured.at)
            if at < seen.at or is_repeated:
                return False
        self._state.seen[name] = Measured(value, at)
        return True

    # One sign each

    def _on_plugged_in(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        self._state.is_plugged_in = value
        if value:
            self._trips.stands(at, "plugged_in")
        return []

    def _on_charging(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        if value or self._state.is_charging:
            self._state.charged_at = at
        self._state.is_charging = value
        if value:
            self._trips.stands(at, "plugged_in")
        return []

    def _on_locked(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        if value:
            self._trips.stands(at, "locked")
        return []

    def _on_door(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        trip = self._state.open
        if value:
            if trip is not None and at >= trip.last_moved_at + rules.DOOR_AFTER_STOP:
                self._trips.stands(at, "door")
            return []
        self._state.door_closed_at = at
        if trip is not None:
            trip.door_closed_at = start_door(at, trip.first_moved_at) or trip.door_closed_at
        return []

    def _on_moving(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        was, self._state.is_moving = self._state.is_moving, value
        if value:
            return self._trips.moved(at, "moving")
        return self._trips.stopped(at, "moving") if was else self._trips.stands(at, "not_moving")

    def _on_ignition(self, at: datetime, value: bool) -> Events:  # noqa: FBT001
        was, self._state.is_ignition_on = self._state.is_ignition_on, value
        if value:
            return self._trips.moved(at, "ignition")
        return self._trips.stopped(at, "ignition") if was else self._trips.stands(at, "not_moving")

    def _on_soc(self, at: datetime, value: float) -> Events:
        soc, trip, last = Measured(value, at), self._state.open, self._state.last
        if self._state.soc is None or at >= self._state.soc.at:
            self._state.soc = soc
        if trip is not None:
            is_told_at_end = not trip.start_known and not trip.is_streamed
            if at <= trip.first_moved_at + rules.SOC_AFTER_START and not is_told_at_end:
                trip.soc_start = soc
            else:
                trip.soc_end = soc
            return []
        if last is None or not self._is_end_of(last.trip.end_at, at):
            return []
        if not figures.complete(last, self._state, soc):
            return []
        return [TripCorrected(last.trip)]

    def _is_end_of(self, end_at: datetime, at: datetime) -> bool:
        charged_at = self._state.charged_at
        is_charged = charged_at is not None and end_at <= charged_at <= at
        return end_at - rules.TRIP_END <= at <= end_at + rules.LATE_SOC and not is_charged

    def _on_fuel(self, at: datetime, value: float) -> Events:
        return self._refuelling.add_litres(at, value, self._trips.now)

    def _on_fuel_percent(self, at: datetime, value: float) -> Events:
        return self._refuelling.add_percent(at, value, self._trips.now)

    def _on_trip_end(self, block: TripEndBlock) -> Events:
        measured = Measured(block, block.at)
        at = self._time(measured)
        if not self._is_new("trip_end", at, measured):
            return []
        events: Events = []
        if block.odometer_km is not None:
            events += self._on_odometer(at, block.odometer_km)
        if block.soc_percent is not None and (self._state.soc is None or at > self._state.soc.at):
            events += self._on_soc(at, block.soc_percent)
        if self._trips.now - at <= rules.BLOCK_AGE:
            self._trips.stands(at, "trip_end")
        return events

    def _on_odometer(self, at: datetime, value: float) -> Events:
        state = self._state
        before, before_at = state.odometer.km, state.odometer.at
        step = state.odometer.accept(value, at)
        if step is None:
            return []
        trip, last = state.open, state.last
        if trip is not None and self._is_told_late(trip, at, step):
            return self._add_step(trip, at, before)
        if trip is None and last is not None and self._is_late_step(at, step, before_at):
            assert state.odometer.km is not None  # noqa: S101 - it was just set
            figures.correct_distance(last, state, state.odometer.km)
            return [TripCorrected(last.trip)]
        if trip is None and (proven := self._prove(at, before, step)) is not None:
            return proven
        events = self._trips.moved(at, "odometer", step, odometer_before_km=before)
        if state.open is not None:
            events += self._add_step(state.open, at, before)
        return events

    def _is_told_late(self, trip: OpenTrip, at: datetime, step: float) -> bool:
        """Whether the car stands already: the odometer is often told of after the end."""
        if trip.standing_at is None or at <= trip.standing_at:
            return False
        if not trip.fixes and trip.last_sign == "odometer":
            return False  # it has no other sign, so this may be the next movement
        if self._state.is_moving is False or step <= rules.LATE_ODOMETER_KM:
            return True
        return self._is_covered(trip.odometer_start_km, trip.gps_m / 1000)

    def _is_covered(self, odometer_start_km: float | None, gps_km: float) -> bool:
        """Whether the positions of a trip explain what the odometer says now."""
        now = self._state.odometer.km
        if now is None or odometer_start_km is None:
            return False
        return now - odometer_start_km <= gps_km * rules.ROAD_FACTOR + rules.LATE_ODOMETER_KM

    def _add_step(self, trip: OpenTrip, at: datetime, before: float | None) -> Events:
        if trip.odometer_start_km is None:
            trip.odometer_start_km = before
        trip.odometer_end_km = self._state.odometer.km
        if trip.odometer_start_km is not None and trip.odometer_end_km is not None:
            km = trip.odometer_end_km - trip.odometer_start_km
            hours = (at - trip.start_at) / timedelta(hours=1)
            if km > 1 + rules.MAX_SPEED_KMH * hours:
                trip.start_known = False  # it was under way before the first sign
        return self._trips.announce(trip)

    def _is_late_step(self, at: datetime, step: float, before_at: datetime | None) -> bool:
        """Whether kilometres belong to the trip that is over: no other sign tells of a new one.

        If the odometer was read at its end, no more than the rest of a kilometre does.
        """
        last = self._state.last
        if last is None or last.trip.odometer_start_km is None:
            return False
        if last.trip.end_at != self._state.ended_at:
            return False
        if at <= last.trip.end_at:
            return True
        if not last.is_streamed or at - last.trip.end_at > rules.LATE_ODOMETER:
            return False
        if before_at is not None and before_at >= last.trip.end_at:
            return step <= rules.ODOMETER_STEP_KM
        return step <= rules.LATE_ODOMETER_KM or self._is_covered(
            last.trip.odometer_start_km, last.gps_km
        )

    def _prove(self, at: datetime, before: float | None, step: float) -> Events | None:
        """Return the record of a trip that was discarded for want of a distance."""
        state = self._state
        trip, state.unproven = state.unproven, None
        if trip is None or trip.last_moved_at != state.ended_at:
            return None
        hours = (trip.last_moved_at - trip.start_at) / timedelta(hours=1)
        if at - trip.last_moved_at > rules.LATE_ODOMETER or step > 1 + rules.MAX_SPEED_KMH * hours:
            return None
        trip.odometer_start_km, trip.odometer_end_km = before, state.odometer.km
        last = figures.finish(trip, state)
        if last is None:
            return None
        state.last = last
        return [TripEnded(last.trip)]

    def _on_position(self, at: datetime, place: Coordinates) -> Events:
        state = self._state
        last = state.fixes.last
        metres = state.fixes.accept(place, at)
        if metres is None:
            return []
        events = self._on_fix(at, place, metres, last)
        state.zone = zone_of(self._home, place)
        return events

    def _on_fix(
        self, at: datetime, place: Coordinates, metres: float, last: Measured[Coordinates] | None
    ) -> Events:
        state = self._state
        trip = state.open
        if trip is None:
            return self._position_while_parked(at, place)
        if not trip.is_announced and trip.fixes and self._is_parked(place):
            state.open = None  # the first position was an old one
            state.parked = Measured(place, at)
            return []
        if last is None or last.value.distance_m(place) < rules.STEP_M:
            if last is not None and at >= trip.last_moved_at + rules.CONFIRM_AFTER:
                self._trips.stands(at, "parked")
            self._arrived(trip, at, place)
            return []
        return self._on_way(at, place, metres)

    def _arrived(self, trip: OpenTrip, at: datetime, place: Coordinates) -> None:
        trip.position_to = Measured(place, at)
        trip.zone_to = zone_of(self._home, place)

    def _position_while_parked(self, at: datetime, place: Coordinates) -> Events:
        state = self._state
        if state.parked is None or self._is_parked(place):
            origin = place if state.parked is None else state.parked.value
            state.parked = Measured(origin, at)
            return []
        if state.is_plugged_in or (state.ended_at is not None and at <= state.ended_at):
            return []
        metres = state.parked.value.distance_m(place)
        return self._on_way(at, place, metres)

    def _is_parked(self, place: Coordinates) -> bool:
        parked = self._state.parked
        return parked is not None and parked.value.distance_m(place) < rules.PARKED_RADIUS_M

    def _on_way(self, at: datetime, place: Coordinates, metres: float) -> Events:
        events = self._trips.moved(at, "position", metres / 1000)
        trip = self._state.open
        if trip is not None:
            if trip.fixes == 0 and self._keep_positions and trip.position_from is not None:
                trip.add_to_track(trip.position_from)
            trip.fixes += 1
            trip.gps_m += metres
            self._arrived(trip, at, place)
            if self._keep_positions:
                trip.add_to_track(place)
        return events
