"""A car that drives, charges and performs commands, as the app API reports it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.clock import timestamp, utc_now
from bmw2mqtt.simulator.driving import (
    DIESEL,
    ELECTRIC,
    PLUGIN_HYBRID,
    ChargePhase,
    ChargingPlan,
    SimulatedDrive,
)
from bmw2mqtt.simulator.driving.condition import WARM_TYRE_KPA
from bmw2mqtt.simulator.mybmw import charging
from bmw2mqtt.simulator.mybmw.recorded_car import check_command
from bmw2mqtt.simulator.pictures import read_picture

from . import templates
from .capabilities import capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bmw2mqtt.simulator.driving import Brand, CarModel
    from bmw2mqtt.simulator.driving.condition import Condition
    from bmw2mqtt.simulator.mybmw.cars import Json

STATUS: Final = {
    ChargePhase.UNPLUGGED: "INVALID",
    ChargePhase.PLUGGED_IN: "PLUGGED_IN",
    ChargePhase.WAITING: "WAITING_FOR_CHARGING",
    ChargePhase.CHARGING: "CHARGING",
    ChargePhase.TARGET_REACHED: "TARGET_REACHED",
    ChargePhase.FULL: "FULLY_CHARGED",
}


class DrivingCar:
    """A car that drives and charges (see `SimulatedDrive`), with the answers of the app API."""

    def __init__(
        self, model: CarModel, *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
    ) -> None:
        self.model = model
        self._clock = clock
        self._drive = SimulatedDrive(model, clock=clock, speed=speed)
        self._plan: Json = {
            "chargingProfile": templates.charging_profile(model),
            "electricChargingState": {"chargingTarget": self._drive.plan.target_percent},
        }
        self._details = templates.charging_details(model)
        self._fixed = templates.fixed_state(model, self._drive.started_at)
        self._capabilities = capabilities(model)

    def __repr__(self) -> str:
        return f"DrivingCar({self.vin!r}, {self.model.name!r})"

    @property
    def vin(self) -> str:
        """The VIN of its model."""
        return self.model.vin

    @property
    def brand(self) -> Brand:
        """The brand of its model."""
        return self.model.brand

    def profile(self) -> Json:
        """Return the answer to `vehicle-data/profile`."""
        return templates.profile(self.model)

    def state(self) -> Json:
        """Return what the car last reported."""
        return {"capabilities": self._capabilities, "state": self._state()}

    def charging_details(self) -> Json | None:
        """Return the charging settings."""
        return self._details

    def position(self) -> Json:
        """Return the car's current position, reported or not."""
        place = self._place(self._drive.current())
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
        condition = self._drive.current()
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
        self._drive.plan = _charging_plan(self._plan)
        self._drive.apply_plan()

    def _state(self) -> Json:
        model = self.model
        reported_at, car = self._drive.report()
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
            "lastUpdatedAt": timestamp(reported_at),
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
        tank, drive = self.model.tank, self._drive
        total_range = drive.range_km(car)
        energy: Json = {"range": total_range}
        if tank:
            energy["combustionFuelLevel"] = {
                "range": total_range,
                "remainingFuelLiters": round(car.fuel_l),
                "remainingFuelPercent": round(100 * car.fuel_l / tank.capacity_l),
            }
        if self.model.battery:
            energy["electricChargingState"] = {
                "chargingConnectionType": "CONDUCTIVE" if car.plugged else "UNKNOWN",
                "chargingLevelPercent": int(car.battery_percent),
                "chargingStatus": STATUS[drive.charge_phase(car)],
                "chargingTarget": drive.plan.target_percent,
                "isChargerConnected": car.plugged,
                "range": drive.electric_range_km(car),
            }
            if (minutes := drive.charging_minutes(car)) is not None:
                energy["electricChargingState"]["remainingChargingMinutes"] = minutes
        return energy

    def _climate(self, car: Condition) -> Json:
        activity, left_s = self._drive.climate(car)
        if activity == "INACTIVE":
            return {"activity": activity}
        return {"activity": activity, "remainingSeconds": round(left_s, 3)}

    def _place(self, car: Condition) -> Json:
        place = self._drive.place(car)
        return {
            "address": {"formatted": place.address},
            "coordinates": {"latitude": place.latitude, "longitude": place.longitude},
            "heading": place.heading,
        }


def _charging_plan(answers: Json) -> ChargingPlan:
    """Return the plan that the answers about a car contain."""
    profile = answers["chargingProfile"]
    plan = ChargingPlan(
        target_percent=int(answers["electricChargingState"]["chargingTarget"]),
        is_delayed=profile["chargingMode"] == "DELAYED_CHARGING",
    )
    plan.limit_a = profile["chargingSettings"].get("acCurrentLimit", plan.limit_a)
    if window := profile.get("reductionOfChargeCurrent"):
        plan.start, plan.end = (
            (window[key]["hour"], window[key]["minute"]) for key in ("start", "end")
        )
    return plan


def demo_cars(
    *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
) -> tuple[DrivingCar, DrivingCar, DrivingCar]:
    """Return the three cars of the demo, in their initial condition."""
    electric, hybrid, diesel = (
        DrivingCar(model, clock=clock, speed=speed) for model in (ELECTRIC, PLUGIN_HYBRID, DIESEL)
    )
    return electric, hybrid, diesel
