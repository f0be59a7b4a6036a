"""A car whose condition depends on the time and on the commands it performed."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.clock import timestamp, utc_now
from bmw2mqtt.simulator.mybmw import charging
from bmw2mqtt.simulator.mybmw.pictures import read_picture
from bmw2mqtt.simulator.mybmw.recorded_car import check_command

from . import templates
from .capabilities import capabilities
from .condition import WARM_TYRE_KPA, Condition, kilowatts
from .day import Move
from .models import DIESEL, ELECTRIC, PLUGIN_HYBRID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bmw2mqtt.simulator.mybmw.cars import Brand, Json

    from .models import CarModel

TIME_LAPSE: Final = 12
"""Simulated seconds per second: the car's day of two hours takes ten minutes."""

STEP_SECONDS: Final = 15
REPORT_EVERY: Final = timedelta(seconds=10)
FULL_PERCENT: Final = 100
WARM_MONTHS: Final = range(5, 10)


class LivingCar:
    """A car that drives to work and back and charges, twelve times as fast as a real one.

    What it answers depends on `clock` and on the commands it was given, and when, alone: not on
    how often it is asked. As a real car it reports now and then: when something happens, every 10
    seconds (at `speed` 1) while it drives, charges or conditions the air, and else not at all.
    """

    def __init__(
        self, model: CarModel, *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
    ) -> None:
        self.model = model
        self._clock = clock
        self._lapse = TIME_LAPSE * speed
        self._born = clock()
        self._steps = 0
        self._now = Condition.at_birth(model)
        self._plan: Json = {
            "chargingProfile": templates.charging_profile(model),
            "electricChargingState": {
                "chargingTarget": model.battery.target_percent if model.battery else 0
            },
        }
        self._details = templates.charging_details(model)
        self._fixed = templates.fixed_state(model, self._born)
        self._capabilities = capabilities(model)
        self._apply_settings(self._born)

    def __repr__(self) -> str:
        return f"LivingCar({self.vin!r}, {self.model.name!r})"

    @property
    def vin(self) -> str:
        """The VIN of its model."""
        return self.model.vin

    @property
    def brand(self) -> Brand:
        """The brand of its model."""
        return self.model.brand

    def report(self) -> tuple[datetime, Condition]:
        """Return the time and the condition of the car's last report."""
        self._catch_up()
        return self._reported_at, self._reported

    def profile(self) -> Json:
        """Return the answer to `vehicle-data/profile`."""
        return templates.profile(self.model)

    def state(self) -> Json:
        """Return what the car last reported."""
        self._catch_up()
        return {"capabilities": self._capabilities, "state": self._state()}

    def charging_details(self) -> Json | None:
        """Return the charging settings."""
        return self._details

    def position(self) -> Json:
        """Return the car's current position, reported or not."""
        self._catch_up()
        place = self._place(self._now)
        return {
            "latitude": place["coordinates"]["latitude"],
            "longitude": place["coordinates"]["longitude"],
            "formattedAddress": place["address"]["formatted"],
            "heading": place["heading"],
        }

    def image(self) -> bytes:
        """Return the picture of its model."""
        return read_picture(self.model.picture)

    def check(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Raise `InvalidCommandError` for a command that the car does not support."""
        check_command(service, params, body, {"capabilities": self._capabilities}, self._details)

    def perform(self, service: str, params: Mapping[str, str], body: Json) -> None:
        """Perform a command, and report."""
        self._catch_up()
        condition = self._now
        match service:
            case "door-lock" | "door-unlock":
                condition.locked = service == "door-lock"
            case "climate-now" if params.get("action") == "STOP":
                condition.climate_until = None
            case "climate-now":
                condition.start_climate()
            case "start-charging" | "stop-charging":
                condition.charging_ordered = service == "start-charging"
            case "charging-settings":
                charging.apply_settings(body, self._plan, self._details)
            case "charging-profile":
                charging.apply_profile(body, self._plan, self._details)
        self._apply_settings(self._clock())

    def _catch_up(self) -> None:
        """Advance to the current time."""
        lived = (self._clock() - self._born).total_seconds() * self._lapse
        due = int(lived // STEP_SECONDS)
        report_every = REPORT_EVERY * TIME_LAPSE / self._lapse
        while self._steps < due:
            self._steps += 1
            at = self._born + timedelta(seconds=self._steps * STEP_SECONDS / self._lapse)
            happened = self._now.step(self.model, STEP_SECONDS, self._charging_kw(self._now, at))
            if happened or (self._now.is_busy and at - self._reported_at >= report_every):
                self._report(at)

    def _apply_settings(self, at: datetime) -> None:
        """Apply the charging settings to the charger, and report."""
        self._now.charging_kw = self._charging_kw(self._now, at)
        self._now.charging = self._now.charging_kw > 0
        self._report(at)

    def _report(self, at: datetime) -> None:
        self._reported = self._now.copy()
        self._reported_at = at

    @property
    def _target_percent(self) -> int:
        return int(self._plan["electricChargingState"]["chargingTarget"])

    def _charging_kw(self, condition: Condition, at: datetime) -> float:
        """Return the charger's power: 0 if the car should not charge now."""
        if not condition.plugged or condition.battery_percent >= self._target_percent:
            return 0.0
        wanted = condition.charging_ordered
        if wanted is None:
            wanted = self._is_time_to_charge(at)
        limit = self._plan["chargingProfile"]["chargingSettings"]["acCurrentLimit"]
        return kilowatts(limit, self.model) if wanted else 0.0

    def _is_time_to_charge(self, at: datetime) -> bool:
        profile = self._plan["chargingProfile"]
        if profile["chargingMode"] != "DELAYED_CHARGING":
            return True
        window = profile["reductionOfChargeCurrent"]
        start, end = ((window[key]["hour"], window[key]["minute"]) for key in ("start", "end"))
        now = (at.hour, at.minute)
        return start <= now < end if start <= end else now >= start or now < end

    def _charging_status(self, condition: Condition) -> str:
        if not condition.plugged:
            return "INVALID"
        if condition.battery_percent >= self._target_percent:
            is_full = self._target_percent >= FULL_PERCENT
            return "FULLY_CHARGED" if is_full else "TARGET_REACHED"
        if condition.charging:
            return "CHARGING"
        is_delayed = self._plan["chargingProfile"]["chargingMode"] == "DELAYED_CHARGING"
        waits = is_delayed and condition.charging_ordered is None
        return "WAITING_FOR_CHARGING" if waits else "PLUGGED_IN"

    def _state(self) -> Json:
        car, model = self._reported, self.model
        state: Json = {
            **deepcopy(self._fixed),
            "chargingProfile": deepcopy(self._plan["chargingProfile"]),
            "climateControlState": self._climate(car),
            "currentMileage": int(car.mileage_km),
            "doorsState": {
                "combinedSecurityState": "LOCKED" if car.locked else "UNLOCKED",
                **templates.openings(templates.DOORS, car.phase.open_lids),
            },
            "lastFetched": timestamp(self._clock()),
            "lastUpdatedAt": timestamp(self._reported_at),
            "location": self._place(car),
            "securityOverviewMode": None,
            "tireState": templates.tyre_state(
                model.tyres, car.tyre_warmth * WARM_TYRE_KPA, model.year
            ),
            "windowsState": templates.openings(templates.WINDOWS, car.phase.open_windows),
            **self._energy(car),
        }
        if model.has_alarm:
            state["securityOverviewMode"] = "ARMED" if car.locked else "NOT_ARMED"
        if model.has_sun_roof:
            state["roofState"] = {
                "roofState": "OPEN_TILT" if car.phase.open_windows else "CLOSED",
                "roofStateType": "SUN_ROOF",
            }
        return state

    def _energy(self, car: Condition) -> Json:
        """Return fuel, battery and ranges; the fuel's range is that of both together."""
        battery, tank = self.model.battery, self.model.tank
        electric_range = int(battery.range_km(car.battery_percent)) if battery else 0
        total_range = electric_range + (int(tank.range_km(car.fuel_l)) if tank else 0)
        energy: Json = {"range": total_range}
        if tank:
            energy["combustionFuelLevel"] = {
                "range": total_range,
                "remainingFuelLiters": round(car.fuel_l),
                "remainingFuelPercent": round(100 * car.fuel_l / tank.capacity_l),
            }
        if battery:
            energy["electricChargingState"] = {
                "chargingConnectionType": "CONDUCTIVE" if car.plugged else "UNKNOWN",
                "chargingLevelPercent": int(car.battery_percent),
                "chargingStatus": self._charging_status(car),
                "chargingTarget": self._target_percent,
                "isChargerConnected": car.plugged,
                "range": electric_range,
            }
            if car.charging:
                missing = self._target_percent - car.battery_percent
                hours = missing / battery.percent_of(car.charging_kw)
                minutes = max(1, round(60 * hours / self._lapse))
                energy["electricChargingState"]["remainingChargingMinutes"] = minutes
        return energy

    def _climate(self, car: Condition) -> Json:
        if car.climate_until is None:
            return {"activity": "INACTIVE"}
        activity = "COOLING" if self._reported_at.month in WARM_MONTHS else "HEATING"
        if self.model.climate == "VENTILATION":
            activity = "VENTILATION"
        left = (car.climate_until - car.second) / self._lapse
        return {"activity": activity, "remainingSeconds": round(left, 3)}

    def _place(self, car: Condition) -> Json:
        homeward = car.phase.move in (Move.HOMEWARD, Move.AT_HOME)
        place = self.model.route.place(car.position_km, homeward=homeward)
        return {
            "address": {"formatted": place.address},
            "coordinates": {"latitude": place.latitude, "longitude": place.longitude},
            "heading": place.heading,
        }


def demo_cars(
    *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
) -> tuple[LivingCar, LivingCar, LivingCar]:
    """Return the three cars of the demo, in their initial condition."""
    electric, hybrid, diesel = (
        LivingCar(model, clock=clock, speed=speed) for model in (ELECTRIC, PLUGIN_HYBRID, DIESEL)
    )
    return electric, hybrid, diesel
