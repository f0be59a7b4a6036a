"""What a car did in the days before the simulation: drives, charges, refuelling, by its model.

Weekdays to work and back, a trip to a lake on Saturdays, a short one on Sundays; charging at home,
and at a fast charger on the way home from the lake. It ends in the car's initial condition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from .condition import EMPTY_BATTERY_PERCENT, Condition
from .day import DRIVING, TripStage
from .route import Route, Waypoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .models import CarModel
    from .route import Place

PAST_DAYS: Final = 24
"""So much of its past each car of the demo has."""
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6
FAST_KW: Final = 95.0
CHARGER_AT_KM: Final = 48.0
"""How far from home the fast charger is, on the way to the lake."""
TOWN_KMH, COUNTRY_KMH = 34.0, 82.0
LAKE: Final = (
    Waypoint(47.83180, 11.84870, "Rasthaus Irschenberg, 83737 Irschenberg"),
    Waypoint(47.85630, 12.35560, "Seestraße 98, 83209 Prien am Chiemsee"),
)


class PastKind(Enum):
    """What happened."""

    DRIVE = auto()
    CHARGE = auto()
    REFUEL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastState:
    """What the car showed at a moment."""

    mileage_km: float = 0.0
    percent: float = 0.0
    fuel_l: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """One of these, from one state to another."""

    kind: PastKind
    start_at: datetime
    end_at: datetime
    route: Route
    from_km: float
    """Where on the route it begins."""
    to_km: float
    before: PastState = PastState()
    after: PastState = PastState()
    kw: float = 0.0
    """The power of a charge."""

    def place(self, share: float) -> Place:
        """Return where the car is after a share (0 to 1) of it."""
        km = self.from_km + share * (self.to_km - self.from_km)
        return self.route.place(km, homeward=self.to_km < self.from_km)

    def percent(self, share: float) -> float:
        """Return the state of charge after a share (0 to 1) of it."""
        return self.before.percent + share * (self.after.percent - self.before.percent)

    @property
    def km(self) -> float:
        """How far it goes."""
        return abs(self.to_km - self.from_km)


def past(model: CarModel, until: datetime, days: int = PAST_DAYS) -> tuple[PastEvent, ...]:
    """Return what a car did in the days before the simulation, oldest first.

    Args:
        model: of the car.
        until: the start of the simulation.
        days: how many days, today not counted. Hours are those of this machine's time zone.
    """
    today = until.astimezone().date()
    plan: list[PastEvent] = []
    for number in range(days, 0, -1):
        plan += _day(model, today - timedelta(days=number), is_charging_day=number % 2 == 1)
    initial = Condition.initial(model)
    if initial.phase.stage in {TripStage.AT_WORK, TripStage.HOMEWARD}:
        start_at = until - timedelta(minutes=80)
        plan += _drive(start_at, model.route, 0.0, model.route.length_km, TOWN_KMH)
    return _with_states(model, plan, _left(model, initial))


def _day(model: CarModel, day: date, *, is_charging_day: bool) -> Iterator[PastEvent]:
    """Yield what happens on a day; the states come later."""
    shift = timedelta(minutes=day.toordinal() * 7 % 13)
    route, work_km = model.route, model.route.length_km

    def at(hour: int, minute: int) -> datetime:
        return datetime.combine(day, time(hour, minute)).astimezone() + shift

    if day.weekday() == SATURDAY:
        yield from _to_the_lake(model, at(9, 20), at(16, 10))
    elif day.weekday() == SUNDAY:
        yield from _drive(at(14, 5), route, 0.0, work_km, TOWN_KMH)
        yield from _drive(at(17, 40), route, work_km, 0.0, TOWN_KMH)
    else:
        yield from _drive(at(7, 25), route, 0.0, work_km, TOWN_KMH)
        yield from _drive(at(17, 0), route, work_km, 0.0, TOWN_KMH)
        if day.weekday() == FRIDAY and model.tank is not None:
            yield _event(PastKind.REFUEL, at(17, 55), 1, route, 0.0)
    is_daily = model.tank is not None  # a small battery
    if model.battery is not None and (is_charging_day or is_daily):
        yield _event(PastKind.CHARGE, at(19, 10), 0, route, 0.0, model.battery.max_charging_kw)


def _to_the_lake(model: CarModel, leave_at: datetime, return_at: datetime) -> Iterator[PastEvent]:
    route = Route((model.route.waypoints[0], *LAKE))
    lake_km = route.length_km
    yield from _drive(leave_at, route, 0.0, lake_km, COUNTRY_KMH)
    if model.battery is None or model.tank is not None:
        yield from _drive(return_at, route, lake_km, 0.0, COUNTRY_KMH)
        return
    charger_km = min(CHARGER_AT_KM, lake_km)
    yield from _drive(return_at, route, lake_km, charger_km, COUNTRY_KMH)
    stop_at = return_at + timedelta(hours=1)
    yield _event(PastKind.CHARGE, stop_at, 0, route, charger_km, FAST_KW)
    yield from _drive(stop_at + timedelta(minutes=50), route, charger_km, 0.0, COUNTRY_KMH)


def _drive(
    start_at: datetime, route: Route, from_km: float, to_km: float, kmh: float
) -> Iterator[PastEvent]:
    minutes = 60 * abs(to_km - from_km) / kmh
    event = _event(PastKind.DRIVE, start_at, minutes, route, from_km)
    yield replace(event, to_km=to_km)


def _event(
    kind: PastKind, start_at: datetime, minutes: float, route: Route, km: float, kw: float = 0.0
) -> PastEvent:
    end_at = start_at + timedelta(minutes=round(minutes))
    return PastEvent(
        kind=kind, start_at=start_at, end_at=end_at, route=route, from_km=km, to_km=km, kw=kw
    )


def _left(model: CarModel, initial: Condition) -> PastState:
    """Return the state in which the car left for where the simulation begins."""
    if initial.phase.stage not in DRIVING:
        driven_km = 0.0
    elif initial.phase.stage is TripStage.TO_WORK:
        driven_km = initial.position_km
    else:
        driven_km = model.route.length_km - initial.position_km
    used = (
        model.battery.percent_of(driven_km / 100 * model.battery.kwh_per_100km)
        if model.battery
        else 0.0
    )
    return PastState(
        mileage_km=initial.mileage_km - driven_km,
        percent=initial.battery_percent + used,
        fuel_l=initial.fuel_l,
    )


def _with_states(model: CarModel, plan: list[PastEvent], last: PastState) -> tuple[PastEvent, ...]:
    """Fill in the states: forward from a car just charged, to the last state."""
    target = model.battery.target_percent if model.battery else 0
    charges = [number for number, event in enumerate(plan) if event.kind is PastKind.CHARGE]
    refuels = [number for number, event in enumerate(plan) if event.kind is PastKind.REFUEL]
    first = PastState(
        mileage_km=last.mileage_km - sum(event.km for event in plan), percent=target, fuel_l=0.0
    )
    used_l = -_folded(model, plan, first, {}, 0.0)[-1].after.fuel_l
    litres = used_l / len(refuels) if refuels else 0.0
    wanted = {number: float(target) for number in charges}
    if charges:
        after = [event for event in plan[charges[-1] + 1 :] if event.kind is PastKind.DRIVE]
        wanted[charges[-1]] = last.percent + sum(_used_percent(model, event) for event in after)
    first = replace(first, fuel_l=last.fuel_l + used_l - litres * len(refuels))
    return _folded(model, plan, first, wanted, litres)


def _folded(
    model: CarModel,
    plan: list[PastEvent],
    state: PastState,
    wanted: dict[int, float],
    litres: float,
) -> tuple[PastEvent, ...]:
    """Return the events that are left, each with its states."""
    events = []
    for number, event in enumerate(plan):
        before = state
        if event.kind is PastKind.DRIVE:
            state = _driven(model, event, state)
        elif event.kind is PastKind.REFUEL:
            state = replace(state, fuel_l=state.fuel_l + litres)
        elif model.battery is not None:
            percent = wanted.get(number, float(model.battery.target_percent))
            if percent - state.percent < 1:
                continue  # it is full
            state = replace(state, percent=percent)
        events.append(_finished(model, replace(event, before=before, after=state)))
    return tuple(events)


def _finished(model: CarModel, event: PastEvent) -> PastEvent:
    """Return a charge with its end; other events as they are."""
    if event.kind is not PastKind.CHARGE or model.battery is None:
        return event
    kwh = (event.after.percent - event.before.percent) / 100 * model.battery.capacity_kwh
    return replace(event, end_at=event.start_at + timedelta(hours=kwh / event.kw))


def _driven(model: CarModel, event: PastEvent, state: PastState) -> PastState:
    """Return the state after a drive, on the battery as far as it lasts."""
    state = replace(state, mileage_km=state.mileage_km + event.km)
    percent = state.percent - _used_percent(model, event)
    if model.tank is None:
        return replace(state, percent=max(percent, 0.0))
    if model.battery is not None and percent >= EMPTY_BATTERY_PERCENT:
        return replace(state, percent=percent)
    share = 1.0
    if model.battery is not None:
        lasts = max(0.0, state.percent - EMPTY_BATTERY_PERCENT)
        share = 1 - lasts / _used_percent(model, event)
        state = replace(state, percent=state.percent - lasts)
    litres = share * event.km / 100 * model.tank.l_per_100km
    return replace(state, fuel_l=state.fuel_l - litres)


def _used_percent(model: CarModel, event: PastEvent) -> float:
    if model.battery is None:
        return 0.0
    return model.battery.percent_of(event.km / 100 * model.battery.kwh_per_100km)
