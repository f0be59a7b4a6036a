"""Translates a simulated car's condition to CarData's descriptors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bmw2mqtt.simulator.driving import ChargePhase
from bmw2mqtt.simulator.driving.condition import WARM_TYRE_KPA

if TYPE_CHECKING:
    from datetime import datetime

    from bmw2mqtt.simulator.cardata.reading import Value
    from bmw2mqtt.simulator.driving import CarModel, SimulatedDrive
    from bmw2mqtt.simulator.driving.condition import Condition
    from bmw2mqtt.simulator.driving.models import Battery

Values = dict[str, tuple["Value", str | None]]
"""Values with their units, by descriptor."""

CHARGING: Final = "vehicle.drivetrain.electricEngine.charging."
POSITION: Final = "vehicle.cabin.infotainment.navigation.currentLocation."
PORT: Final = "vehicle.body.chargingPort."
BATTERY: Final = "vehicle.powertrain.electric.battery."
STATUS_NAME: Final = CHARGING + "status"
HV_STATUS_NAME: Final = CHARGING + "hvStatus"
METHOD: Final = CHARGING + "method"
TIME_REMAINING: Final = CHARGING + "timeRemaining"
POWER: Final = BATTERY + "charging.power"
HEADER: Final = "vehicle.drivetrain.batteryManagement.header"
DISPLAY_UNIT: Final = "vehicle.cabin.infotainment.hmi.distanceUnit"
MILEAGE: Final = "vehicle.vehicle.travelledDistance"
PLUGS: Final = (PORT + "status", PORT + "statusClearText", PORT + "combinedStatus")
LATITUDE: Final = POSITION + "latitude"
LONGITUDE: Final = POSITION + "longitude"
DOOR_STATUS: Final = "vehicle.cabin.door.status"
DOORS: Final = {
    "leftFront": "vehicle.cabin.door.row1.driver.isOpen",
    "rightFront": "vehicle.cabin.door.row1.passenger.isOpen",
    "leftRear": "vehicle.cabin.door.row2.driver.isOpen",
    "rightRear": "vehicle.cabin.door.row2.passenger.isOpen",
    "trunk": "vehicle.body.trunk.isOpen",
    "hood": "vehicle.body.hood.isOpen",
}
WINDOWS: Final = {
    "leftFront": "vehicle.cabin.window.row1.driver.status",
    "rightFront": "vehicle.cabin.window.row1.passenger.status",
    "leftRear": "vehicle.cabin.window.row2.driver.status",
    "rightRear": "vehicle.cabin.window.row2.passenger.status",
}
LOCK_BURST: Final = frozenset({DOOR_STATUS, *DOORS.values(), *WINDOWS.values()})
"""The descriptors that a car repeats when it is locked or unlocked."""
TYRES: Final = {
    ("row1", "left"): "front_kpa",
    ("row1", "right"): "front_kpa",
    ("row2", "left"): "rear_kpa",
    ("row2", "right"): "rear_kpa",
}
STATUS: Final = {
    ChargePhase.UNPLUGGED: ("NOCHARGING", "NOT_CHARGING"),
    ChargePhase.PLUGGED_IN: ("NOCHARGING", "NOT_CHARGING"),
    ChargePhase.WAITING: ("INITIALIZATION", "WAITING_FOR_CHARGING"),
    ChargePhase.CHARGING: ("CHARGINGACTIVE", "CHARGING"),
    ChargePhase.TARGET_REACHED: ("CHARGINGENDED", "FINISHED_NOT_FULL"),
    ChargePhase.FULL: ("CHARGINGENDED", "FINISHED_FULLY_CHARGED"),
}
"""The words of `charging.status` and `charging.hvStatus`."""
COMFORT: Final = {
    "COOLING": "COMFORT_COOLING",
    "HEATING": "COMFORT_HEATING",
    "VENTILATION": "COMFORT_VENTILATION",
    "INACTIVE": "NOT_ACTIVE",
}
SERVICE_INTERVAL_KM: Final = 30_000
RESTING_V, RUNNING_V = 12.5, 14.3


def values(drive: SimulatedDrive, condition: Condition) -> Values:
    """Return all values of a car in the condition that it reported."""
    model = drive.model
    reported = {
        **_cabin(drive, condition),
        **_body(model, condition),
        **_tyres(model, condition),
        **_service(model, condition),
    }
    if model.tank is not None:
        litres, percent = condition.fuel_l, 100 * condition.fuel_l / model.tank.capacity_l
        reported["vehicle.drivetrain.fuelSystem.remainingFuel"] = (round(litres), None)
        reported["vehicle.drivetrain.fuelSystem.level"] = (round(percent), "percent")
        reported["vehicle.drivetrain.lastRemainingRange"] = (drive.range_km(condition), "km")
    if model.battery is not None:
        reported |= _battery(model.battery, drive, condition)
    return reported


def _cabin(drive: SimulatedDrive, condition: Condition) -> Values:
    place, (activity, climate_left_s) = drive.place(condition), drive.climate(condition)
    return {
        LATITUDE: (place.latitude, "degrees"),
        LONGITUDE: (place.longitude, "degrees"),
        POSITION + "heading": (place.heading, "degrees"),
        POSITION + "fixStatus": ("GPS_FIX_3D", None),
        MILEAGE: (int(condition.mileage_km), "km"),
        "vehicle.isMoving": ("ASN_isTrue" if condition.is_driving else "ASN_isFalse", None),
        "vehicle.vehicle.preConditioning.activity": (activity.lower(), None),
        "vehicle.vehicle.preConditioning.remainingTime": (
            round(climate_left_s / 60),
            "minutes",
        ),
        "vehicle.cabin.hvac.preconditioning.status.comfortState": (COMFORT[activity], None),
        DISPLAY_UNIT: ("KILOMETERS", None),
    }


def _body(model: CarModel, condition: Condition) -> Values:
    phase, locked = condition.phase, condition.locked
    is_running = condition.is_driving or condition.charging
    reported: Values = {
        DOOR_STATUS: ("SECURED" if locked else "UNLOCKED", None),
        "vehicle.cabin.door.lock.status": ("SECURED" if locked else "UNLOCKED", None),
        "vehicle.vehicle.antiTheftAlarmSystem.alarm.armStatus": (
            "doorsTiltCabin" if locked and model.has_alarm else "unarmed",
            None,
        ),
        "vehicle.vehicle.antiTheftAlarmSystem.alarm.isOn": (False, None),
        "vehicle.body.lights.isRunningOn": (
            "ASN_isTrue" if condition.is_driving else "ASN_isFalse",
            None,
        ),
        "vehicle.electricalSystem.battery.voltage": (RUNNING_V if is_running else RESTING_V, "V"),
        "vehicle.vehicle.deepSleepModeActive": (False, None),
    }
    reported |= {name: (lid in phase.open_lids, None) for lid, name in DOORS.items()}
    reported |= {
        name: ("INTERMEDIATE" if window in phase.open_windows else "CLOSED", None)
        for window, name in WINDOWS.items()
    }
    if model.has_sun_roof:
        reported["vehicle.cabin.sunroof.status"] = ("CLOSED", None)
        reported["vehicle.cabin.sunroof.tiltStatus"] = (
            "OPEN" if phase.open_windows else "CLOSED",
            None,
        )
    if not condition.is_driving:
        reported["vehicle.trip.segment.end.travelledDistance"] = (int(condition.mileage_km), "km")
    return reported


def _tyres(model: CarModel, condition: Condition) -> Values:
    reported: Values = {}
    for (row, side), kpa in TYRES.items():
        tyre = f"vehicle.chassis.axle.{row}.wheel.{side}.tire."
        cold = getattr(model.tyres, kpa)
        warm = cold + condition.tyre_warmth * WARM_TYRE_KPA
        reported[tyre + "pressure"] = (round(warm, -1), "kPa")
        reported[tyre + "pressureTarget"] = (cold, "kPa")
        reported[tyre + "temperature"] = (round(14 + 18 * condition.tyre_warmth), "celsius")
    return reported


def _battery(battery: Battery, drive: SimulatedDrive, condition: Condition) -> Values:
    status, hv_status = STATUS[drive.charge_phase(condition)]
    plug = "CONNECTED" if condition.plugged else "DISCONNECTED"
    percent = int(condition.battery_percent)
    power_w = round(1000 * condition.charging_kw)
    if power_w and percent % 2:  # it is never quite steady
        power_w -= 100
    is_parked = not condition.is_driving
    return {
        HEADER: (percent, "percent"),
        BATTERY + "stateOfCharge.displayed": (percent, "percent"),
        BATTERY + "stateOfCharge.target": (drive.plan.target_percent, "percent"),
        BATTERY + "stateOfHealth.displayed": (97, None),
        POWER: (power_w, "W"),
        BATTERY + "charging.acLimit.selected": (16, "A"),
        BATTERY + "charging.acLimit.isActive": ("AC_LIMIT_INACTIVE", None),
        "vehicle.drivetrain.batteryManagement.maxEnergy": (battery.capacity_kwh, "kWh"),
        "vehicle.drivetrain.electricEngine.kombiRemainingElectricRange": (
            drive.electric_range_km(condition),
            "km",
        ),
        STATUS_NAME: (status, None),
        HV_STATUS_NAME: (hv_status, None),
        METHOD: ("AC_TYPE2PLUG" if condition.charging else "NOCHARGING", None),
        CHARGING + "connectionType": ("CONDUCTIVE", None),
        TIME_REMAINING: (drive.charging_minutes(condition) or 0, "minutes"),
        CHARGING + "profile.preference": ("NO_PRESELECTION", None),
        **dict.fromkeys(PLUGS, (plug, None)),
        **({CHARGING + "level": (percent, "percent")} if condition.charging else {}),
        **(
            {"vehicle.trip.segment.end.drivetrain.batteryManagement.hvSoc": (percent, "percent")}
            if is_parked and not condition.plugged
            else {}
        ),
    }


def _service(model: CarModel, condition: Condition) -> Values:
    mileage_km = int(condition.mileage_km)
    left_km = SERVICE_INTERVAL_KM - mileage_km % SERVICE_INTERVAL_KM
    return {
        "vehicle.status.serviceDistance.next": (left_km, "km"),
        "vehicle.status.serviceDistance.yellow": (2000, "km"),
        "vehicle.status.conditionBasedServicesCount": (9, None),
        "vehicle.status.serviceTime.inspectionDateLegal": (
            f"01.03.{model.year + 4} 00:00:00 UTC",
            None,
        ),
        "vehicle.status.conditionBasedServices": (_condition_based_services(model, left_km), None),
        "vehicle.electricalSystem.battery.serviceDemand.replace": (200, None),
        "vehicle.electricalSystem.battery.serviceDemand.recharge": (0, None),
    }


def _condition_based_services(model: CarModel, left_km: int) -> str:
    services: list[tuple[str, str, str, str]] = [
        ("2", "Front brakes", "null", str(left_km + 18_000)),
        ("3", "Brake fluid", f"{model.year + 4}-03", "-"),
        ("32", "Statutory vehicle inspection", f"{model.year + 4}-03", "-"),
        ("100", "Vehicle check", f"{model.year + 4}-03", str(left_km)),
    ]
    if model.tank is not None:
        services.insert(0, ("1", "Engine oil", f"{model.year + 3}-09", str(left_km)))
    return json.dumps(
        [
            {
                "id": number,
                "title": title,
                "description": f"Next service at the stated date or distance: {title}.",
                "status": "OK",
                "date": date,
                "unitOfLengthRemaining": km,
            }
            for number, title, date, km in services
        ]
    )


def check_control_messages(mileage_km: int) -> str:
    """Return a warning that the washer fluid is low, as JSON in text."""
    messages: list[dict[str, Any]] = [
        {
            "id": "164",
            "messageType": "CCM",
            "text": "Washer fluid level low. Refill washer fluid.",
            "status": "NULL",
            "unitOfLengthRemaining": str(mileage_km),
        }
    ]
    return json.dumps(messages)


def text_date(moment: datetime) -> str:
    """Return a time in the format of the trip's descriptors."""
    return moment.strftime("%d.%m.%Y %H:%M:%S UTC")
