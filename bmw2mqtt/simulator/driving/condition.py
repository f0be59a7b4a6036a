"""The condition of a car through its day, simulated in steps of a few seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from .day import DAY, DEPARTURE, DRIVING, NIGHT, DayPhase, TripStage, phase_at

if TYPE_CHECKING:
    from .models import CarModel

CLIMATE_SECONDS: Final = 30 * 60
KILOWATTS_PER_AMPERE: Final = 0.69  # three phases at 230 V
WARM_TYRE_KPA: Final = 14
TYRE_SECONDS: Final = 1200.0
EMPTY_BATTERY_PERCENT: Final = 4.0
RESERVE_PERCENT: Final = 6.0
REFUEL_BELOW: Final = 0.15
HANDSHAKE_SECONDS: Final = 180
"""How long car and charger negotiate before a charge begins."""


@dataclass(slots=True, kw_only=True)
class Condition:
    """A car's condition. Its values are replaced, never changed in place."""

    second: float
    phase_index: int
    phase: DayPhase
    stays_home: bool = False
    position_km: float
    mileage_km: float
    battery_percent: float
    fuel_l: float
    tyre_warmth: float = 0.0
    locked: bool = True
    plugged: bool = False
    plugged_second: float | None = None
    """When it was plugged in; `None`: before the simulation."""
    charging: bool = False
    charging_kw: float = 0.0
    charging_ordered: bool | None = None
    """The owner's command since the car was plugged in: start, stop or none."""
    climate_until: float | None = None

    @classmethod
    def initial(cls, model: CarModel) -> Self:
        """Return the initial condition of a model."""
        index, part = phase_at(model.initial_minute)
        condition = cls(
            second=model.initial_minute * 60,
            phase_index=index,
            phase=DAY[index],
            position_km=_position(model, DAY[index], part),
            mileage_km=model.initial_mileage_km,
            battery_percent=model.battery.initial_percent if model.battery else 0.0,
            fuel_l=model.tank.initial_l if model.tank else 0.0,
        )
        condition._enter(model, DAY[index])
        condition.plugged_second = None
        return condition

    @property
    def is_driving(self) -> bool:
        """Return whether the car drives."""
        return self.phase.stage in DRIVING

    @property
    def is_busy(self) -> bool:
        """Return whether the car drives, charges or conditions the air: it then reports often."""
        return self.is_driving or self.charging or self.climate_until is not None

    @property
    def is_negotiating(self) -> bool:
        """Return whether it was plugged in just now, so that no charge has begun yet."""
        plugged_second = self.plugged_second
        if not self.plugged or plugged_second is None:
            return False
        return self.second - plugged_second < HANDSHAKE_SECONDS

    def copy(self) -> Self:
        """Return a copy."""
        return replace(self)

    def step(self, model: CarModel, seconds: float, charging_kw: float) -> bool:
        """Advance by some seconds; return whether something happened that a car reports.

        `charging_kw` is what the charger would deliver now, 0 if it is not to charge.
        """
        before = (self.phase_index, self.charging, self.climate_until is None)
        self.second += seconds
        index, part = phase_at(self.second / 60)
        if index != self.phase_index:
            self.phase_index = index
            self._begin(model, index)
        self._drive(model, _position(model, self.phase, part))
        self._charge(model, seconds, charging_kw)
        warmest = 1.0 if self.is_driving else 0.0
        self.tyre_warmth += (warmest - self.tyre_warmth) * seconds / TYRE_SECONDS
        if self.climate_until is not None and self.second >= self.climate_until:
            self.climate_until = None
        return before != (self.phase_index, self.charging, self.climate_until is None)

    def start_climate(self) -> None:
        """Start the air conditioning, which runs for half an hour."""
        self.climate_until = self.second + CLIMATE_SECONDS

    def _begin(self, model: CarModel, index: int) -> None:
        """Start a phase of the day; without enough range the car stays at home."""
        if index == 0:
            self.stays_home = False
        elif index == DEPARTURE:
            self.stays_home = not self._makes_it_there_and_back(model)
        if not self.stays_home:
            self._enter(model, DAY[index])
        elif index == DEPARTURE:
            self.phase = NIGHT

    def _enter(self, model: CarModel, phase: DayPhase) -> None:
        self.phase = phase
        self.locked = phase.locked
        plugged = phase.plugged and model.battery is not None
        if plugged != self.plugged:
            self.charging_ordered = None
            self.plugged_second = self.second
        self.plugged = plugged
        if phase.climate:
            self.start_climate()
        elif phase.stage in DRIVING:
            self.climate_until = None
        tank = model.tank
        if tank and phase is NIGHT and self.fuel_l < REFUEL_BELOW * tank.capacity_l:
            self.fuel_l = tank.capacity_l

    def _makes_it_there_and_back(self, model: CarModel) -> bool:
        if model.tank is not None or model.battery is None:
            return True
        kwh = 2 * model.route.length_km / 100 * model.battery.kwh_per_100km
        return self.battery_percent > model.battery.percent_of(kwh) + RESERVE_PERCENT

    def _drive(self, model: CarModel, position_km: float) -> None:
        km = abs(position_km - self.position_km)
        self.position_km = position_km
        self.mileage_km += km
        if model.battery is not None:
            used = model.battery.percent_of(km / 100 * model.battery.kwh_per_100km)
            if model.tank is None or self.battery_percent - used > EMPTY_BATTERY_PERCENT:
                self.battery_percent = max(self.battery_percent - used, 0.0)
                return
        if model.tank is not None:
            self.fuel_l = max(self.fuel_l - km / 100 * model.tank.l_per_100km, 0.0)

    def _charge(self, model: CarModel, seconds: float, charging_kw: float) -> None:
        self.charging_kw = charging_kw if self.plugged else 0.0
        self.charging = self.charging_kw > 0
        if model.battery is not None and self.charging:
            added = model.battery.percent_of(self.charging_kw * seconds / 3600)
            self.battery_percent = min(self.battery_percent + added, 100.0)


def kilowatts(ampere: float, model: CarModel) -> float:
    """Return a charger's power in kW at a current limit."""
    limit = model.battery.max_charging_kw if model.battery else 0.0
    return min(ampere * KILOWATTS_PER_AMPERE, limit)


def _position(model: CarModel, phase: DayPhase, part: float) -> float:
    """Return a car's distance from home after `part` (0 to 1) of a phase."""
    length = model.route.length_km
    match phase.stage:
        case TripStage.AT_HOME:
            return 0.0
        case TripStage.AT_WORK:
            return length
        case TripStage.TO_WORK:
            return length * _ease(part)
        case TripStage.HOMEWARD:
            return length * (1 - _ease(part))


def _ease(part: float) -> float:
    """Ease 0 to 1 at both ends, as a car accelerates and brakes."""
    return part * part * (3 - 2 * part)
