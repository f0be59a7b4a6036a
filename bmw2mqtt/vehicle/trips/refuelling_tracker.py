"""Turns the levels of a car's tank into refuelling records."""

from datetime import datetime

from bmw2mqtt.vehicle.trips import figures, rules
from bmw2mqtt.vehicle.trips.observation import Measured
from bmw2mqtt.vehicle.trips.records import Refuelled, TripEvent
from bmw2mqtt.vehicle.trips.refuelling import Rise
from bmw2mqtt.vehicle.trips.state import TripState


class RefuelTracker:
    """Follows the tank; works on the state of the car's trips."""

    def __init__(self, state: TripState) -> None:
        self._state = state

    @property
    def due_at(self) -> datetime | None:
        """When a refuelling is complete even if the car says nothing."""
        rise = self._state.tank.litres.rise or self._state.tank.percent.rise
        return rise.due_at if rise else None

    def add_litres(self, at: datetime, litres: float, now: datetime) -> list[TripEvent]:
        """Add a level; return a refuelling that is complete."""
        state = self._state
        if not self._has_tank():
            return []
        state.fuel = Measured(litres, at)
        if state.open is not None:
            state.open.fuel_end = state.fuel
        tank = state.tank
        over = tank.litres.add(state.fuel, tank.least_litres(), now, state.odometer.km)
        self._mark_trip()
        return self._event(over, is_litres=True)

    def add_percent(self, at: datetime, percent: float, now: datetime) -> list[TripEvent]:
        """Add a level in percent; it counts only for cars that do not tell litres."""
        state = self._state
        if not self._has_tank():
            return []
        level = Measured(percent, at)
        over = state.tank.percent.add(level, rules.REFUEL_PERCENT, now, state.odometer.km)
        self._mark_trip()
        return self._event(over, is_litres=False)

    def advance(self, now: datetime) -> list[TripEvent]:
        """Return what is complete by now."""
        tank = self._state.tank
        litres = self._event(tank.litres.advance(now), is_litres=True)
        return litres + self._event(tank.percent.advance(now), is_litres=False)

    def _has_tank(self) -> bool:
        """Whether it burns fuel: some electric cars report a tank."""
        return self._state.drive_train is None or self._state.drive_train.has_engine

    def _mark_trip(self) -> None:
        tank, trip = self._state.tank, self._state.open
        if trip is not None and (tank.litres.rise or tank.percent.rise):
            trip.is_refuelled = True

    def _event(self, rise: Rise | None, *, is_litres: bool) -> list[TripEvent]:
        tank = self._state.tank
        if rise is None or (not is_litres and tank.litres.recent):
            return []
        refuel = figures.refuel(rise, self._state, is_litres=is_litres)
        tank.last = refuel
        return [Refuelled(refuel)]
