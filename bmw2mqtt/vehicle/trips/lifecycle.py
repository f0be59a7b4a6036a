"""Opens a trip at the first sign of movement, follows it, and closes it at the last one."""

from datetime import UTC, datetime, timedelta

from bmw2mqtt.vehicle.trips import figures, rules
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.places import Home, zone_of
from bmw2mqtt.vehicle.trips.records import TripDiscarded, TripEnded, TripEvent, TripStarted
from bmw2mqtt.vehicle.trips.state import OpenTrip, TripState

Events = list[TripEvent]


class TripLifecycle:
    """The open trip of one car; works on the state of the car's trips."""

    def __init__(self, state: TripState, home: Home | None) -> None:
        self._state = state
        self._home = home
        self.now = datetime.min.replace(tzinfo=UTC)
        """The time of arrival of what is being handled."""

    def moved(
        self,
        at: datetime,
        sign: str,
        km: float | None = None,
        *,
        odometer_before_km: float | None = None,
    ) -> Events:
        """Handle a sign of movement: open a trip, go on with it, or end it and open the next."""
        events: Events = []
        trip = self._state.open
        if trip is not None and self._has_stood(trip, at, km):
            events += self.close()
            trip = None
        if trip is None:
            if self._state.ended_at is not None and at <= self._state.ended_at:
                return events
            trip = self._open(at, sign, odometer_before_km)
        else:
            self._touch(trip, at, sign)
        return events + self.announce(trip)

    def _open(self, at: datetime, sign: str, odometer_km: float | None) -> OpenTrip:
        state = self._state
        parked = state.parked
        times = (state.ended_at, state.charged_at, parked.at if parked else None)
        door_closed_at = start_door(state.door_closed_at, at)
        trip = OpenTrip(
            key=self._key(at),
            opened_at=self.now,
            first_moved_at=at,
            last_moved_at=at,
            last_sign=sign,
            not_before=max((time for time in times if time and time <= at), default=None),
            start_known=sign != "odometer" or door_closed_at is not None,
            is_streamed=sign in {"moving", "ignition"},
            door_closed_at=door_closed_at,
            odometer_start_km=state.odometer.km if odometer_km is None else odometer_km,
            position_from=parked.value if parked else None,
            zone_from=zone_of(self._home, parked.value) if parked else state.zone,
            soc_start=self._soc_before_start(),
            fuel_start=state.fuel,
        )
        state.open = trip
        return trip

    def _key(self, at: datetime) -> int:
        """Return the second it began, later than that of the last trip."""
        last = self._state.last
        return int(at.timestamp()) if last is None else max(int(at.timestamp()), last.trip.key + 1)

    def _soc_before_start(self) -> Measured[float] | None:
        """Return the last SoC, unless the car was charged since."""
        soc, charged_at = self._state.soc, self._state.charged_at
        if soc is None or charged_at is None or soc.at >= charged_at - rules.CLOSE_AFTER:
            return soc
        return None

    def _touch(self, trip: OpenTrip, at: datetime, sign: str) -> None:
        if trip.not_before is not None and at < trip.not_before:
            return
        is_second = (sign == "position" and trip.fixes > 0) or (
            sign == "odometer" and trip.odometer_end_km is not None
        )
        is_second = is_second and at - trip.first_moved_at >= rules.CONFIRM_AFTER
        if is_second or sign in {"moving", "ignition"}:
            trip.is_streamed = True
        trip.first_moved_at = min(trip.first_moved_at, at)
        if at > trip.last_moved_at:
            trip.last_moved_at, trip.last_sign = at, sign
        if trip.standing_at is not None and at > trip.standing_at:
            trip.standing_at = trip.standing_sign = None

    def announce(self, trip: OpenTrip) -> Events:
        """Return the event of the start once it is sure that the car moves."""
        is_sure = trip.is_streamed and (
            trip.last_sign in {"moving", "position"} or trip.odometer_end_km is not None
        )
        if trip.is_announced or not is_sure:
            return []
        trip.is_announced = True
        started = TripStarted(
            trip.key,
            trip.start_at,
            trip.start_known,
            trip.odometer_start_km,
            trip.soc_start.value if trip.soc_start else None,
            trip.zone_from,
        )
        return [started]

    def stopped(self, at: datetime, sign: str) -> Events:
        """Handle the end of a state that lasted since the last movement."""
        trip = self._state.open
        is_moved_until = trip is not None and trip.standing_at is None and at > trip.last_moved_at
        # an ignition that stays on after the drive is no movement
        if trip is not None and is_moved_until and (sign in ("moving", trip.last_sign)):
            if at - trip.last_moved_at > rules.CLOSE_SILENT_AFTER and not _has_driven(trip, at):
                return self.close()
            trip.last_moved_at = at
        return self.stands(at, "not_moving")

    def stands(self, at: datetime, sign: str) -> Events:
        """Handle a sign of standing: it ends a trip unless the car moves again soon."""
        trip = self._state.open
        if trip is not None and trip.standing_at is None and at >= trip.last_moved_at:
            trip.standing_at, trip.standing_sign = at, sign
        return []

    def _has_stood(self, trip: OpenTrip, at: datetime, km: float | None) -> bool:
        """Whether the car stood between its last movement and this one."""
        gap = at - trip.last_moved_at
        if gap <= rules.CLOSE_AFTER:
            return False
        if trip.standing_at is not None:
            return True
        if gap > rules.CLOSE_SILENT_AFTER and (km is None or not self._state.is_moving):
            return True
        if km is None or km / (gap / timedelta(hours=1)) >= rules.STANDING_KMH:
            return False
        trip.standing_sign = "stopped"
        return True

    def due_at(self, trip: OpenTrip) -> datetime:
        """Return when it is over if nothing moves any more."""
        is_told_at_end = trip.odometer_end_km is not None and not trip.start_known
        if is_told_at_end and not trip.is_streamed and not self._state.reports_while_driving:
            return trip.opened_at + rules.SETTLE
        if trip.standing_at is not None:
            return trip.last_moved_at + rules.CLOSE_AFTER
        silence = rules.CLOSE_MOVING_AFTER if self._state.is_moving else rules.CLOSE_SILENT_AFTER
        return trip.last_moved_at + silence

    def close(self) -> Events:
        """End the open trip at its last movement."""
        state = self._state
        trip, state.open = state.open, None
        if trip is None:
            return []
        state.ended_at = trip.last_moved_at
        if trip.position_to is not None:
            state.parked = trip.position_to
        if trip.is_streamed and trip.is_announced:
            state.reports_while_driving = True
        last = figures.finish(trip, state)
        state.unproven = None
        if last is None:
            is_unproven = trip.is_announced and trip.odometer_end_km is None
            state.unproven = trip if is_unproven else None
            return [TripDiscarded(trip.key)] if trip.is_announced else []
        state.last = last
        return [TripEnded(last.trip)]


def _has_driven(trip: OpenTrip, at: datetime) -> bool:
    """Whether the odometer tells that it drove from the start until now, though silently."""
    if trip.odometer_start_km is None or trip.odometer_end_km is None:
        return False
    hours = (at - trip.start_at) / timedelta(hours=1)
    return trip.odometer_end_km - trip.odometer_start_km >= rules.DRIVING_KMH * hours


def start_door(closed_at: datetime | None, moved_at: datetime) -> datetime | None:
    """Return when the driver's door was closed for the drive, if that was just before it."""
    if closed_at is not None and timedelta(0) <= moved_at - closed_at <= rules.DOOR_BEFORE_START:
        return closed_at
    return None
