"""The app API's answers about a simulated car."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from bmw2mqtt.simulator.driving import CarModel
    from bmw2mqtt.simulator.driving.models import Tyres
    from bmw2mqtt.simulator.mybmw.cars import Json

AC_LIMITS_A: Final = [*range(6, 17), 20, 32]
MIDNIGHT: Final = "0001-01-01T00:00:00"
DOORS: Final = ("hood", "leftFront", "leftRear", "rightFront", "rightRear", "trunk")
WINDOWS: Final = ("leftFront", "leftRear", "rear", "rightFront", "rightRear")
SERVICE_INTERVAL_KM: Final = 30_000
NEW_YEAR: Final = "-01-01T00:00:00.000Z"


def profile(model: CarModel) -> Json:
    """Return the answer to `vehicle-data/profile`."""
    version = {
        "iStep": 530,
        "puStep": {"month": 11, "year": model.year % 100},
        "seriesCluster": "S21A",
    }
    return {
        "bodyType": model.body_type,
        "brand": model.api_brand,
        "color": 0xFF000000 | model.colour,
        "countryOfOrigin": "DE",
        "driveTrain": model.drive_train,
        "driverGuideInfo": {
            "androidAppScheme": "com.bmwgroup.driversguide.row",
            "androidStoreUrl": (
                "https://play.google.com/store/apps/details?id=com.bmwgroup.driversguide.row"
            ),
            "iosAppScheme": "bmwdriversguide:///open",
            "iosStoreUrl": "https://apps.apple.com/de/app/id714042749?mt=8",
        },
        "headUnitRaw": "HU_MGU",
        "headUnitType": "MGU",
        "hmiVersion": "ID8",
        "model": model.name,
        "softwareVersionCurrent": version,
        "softwareVersionExFactory": version,
        "telematicsUnit": "WAVE01",
        "vin": model.vin,
        "year": model.year,
    }


def charging_profile(model: CarModel) -> Json:
    """Return the initial charging profile."""
    if model.battery is None:
        settings: Json = {"hospitality": "NO_ACTION", "idcc": "NO_ACTION", "targetSoc": 0}
    else:
        settings = {
            "acCurrentLimit": 16,
            "hospitality": "NO_ACTION",
            "idcc": "UNLIMITED_LOUD",
            "targetSoc": model.battery.target_percent,
        }
    immediate = {
        "chargingMode": "IMMEDIATE_CHARGING",
        "chargingPreference": "NO_PRESELECTION",
        "chargingSettings": settings,
        "departureTimes": [],
    }
    if model.battery is None:
        return immediate
    midnight = {"hour": 0, "minute": 0}
    return {
        **immediate,
        "chargingControlType": "WEEKLY_PLANNER",
        "climatisationOn": False,
        "departureTimes": [
            {"action": "DEACTIVATE", "id": i, "timeStamp": dict(midnight), "timerWeekDays": []}
            for i in range(1, 5)
        ],
        "reductionOfChargeCurrent": {
            "start": {"hour": 22, "minute": 0},
            "end": {"hour": 6, "minute": 0},
        },
    }


def charging_details(model: CarModel) -> Json | None:
    """Return the initial charging settings; `None` for a car without a plug."""
    if model.battery is None:
        return None
    weekly_timers = [
        {"daysOfTheWeek": [], "id": i, "time": MIDNIGHT, "timerAction": "DEACTIVATE"}
        for i in range(1, 5)
    ]
    details: Json = {
        "chargeAndClimateSettings": {"chargeAndClimateTimer": {"showDepartureTimers": False}},
        "chargeAndClimateTimerDetail": {
            "chargingMode": {
                "chargingPreference": "NO_PRESELECTION",
                "endTimeSlot": "0001-01-01T06:00:00",
                "startTimeSlot": "0001-01-01T22:00:00",
                "type": "CHARGING_IMMEDIATELY",
            },
            "departureTimer": {
                "type": "WEEKLY_DEPARTURE_TIMER",
                "weeklyTimers": weekly_timers,
            },
            "isPreconditionForDepartureActive": False,
        },
        "servicePack": "WAVE_01",
    }
    if model.battery.has_settings:
        details["chargingFlapDetail"] = {"isPermanentlyUnlock": False}
        details["chargingSettingsDetail"] = {
            "acLimit": {
                "current": {"unit": "A", "value": 16},
                "isUnlimited": False,
                "max": AC_LIMITS_A[-1],
                "min": AC_LIMITS_A[0],
                "values": AC_LIMITS_A,
            },
            "chargingTarget": model.battery.target_percent,
            "dcLoudness": "UNLIMITED_LOUD",
            "isUnlockCableActive": False,
            "minChargingTargetToWarning": 70,
        }
    return details


def fixed_state(model: CarModel, started_at: datetime) -> Json:
    """Return the part of the state that never changes."""
    first_service = int(model.initial_mileage_km // SERVICE_INTERVAL_KM + 1) * SERVICE_INTERVAL_KM
    oil = ["OIL"] if model.tank else []
    dated = [*oil, "BRAKE_FLUID", "VEHICLE_TUV", "VEHICLE_CHECK"]
    return {
        "checkControlMessages": [
            {"severity": severity, "type": name} for name, severity in model.check_control
        ],
        "climateTimers": [
            {
                "departureTime": {"hour": 0, "minute": 0},
                "isWeeklyTimer": index > 0,
                "timerAction": "DEACTIVATE",
                "timerWeekDays": [],
            }
            for index in range(3)
        ],
        "driverPreferences": {"lscPrivacyMode": "OFF"},
        "isLeftSteering": True,
        "isLscSupported": True,
        "requiredServices": [
            {
                "dateTime": f"{started_at.year + 1 + index % 2}{NEW_YEAR}",
                "description": "",
                "mileage": first_service,
                "status": "OK",
                "type": service,
            }
            for index, service in enumerate(dated)
        ]
        + [{"status": "OK", "type": f"TIRE_WEAR_{axle}"} for axle in ("REAR", "FRONT")],
        "vehicleSoftwareVersion": {
            "iStep": {"iStep": 0, "month": 0, "seriesCluster": "", "year": 0},
            "puStep": {"month": 0, "year": 0},
        },
    }


def openings(names: Iterable[str], opened: Iterable[str]) -> dict[str, str]:
    """Return the states of single doors or windows, and the combined one."""
    opened = set(opened)
    states = {name: "OPEN" if name in opened else "CLOSED" for name in names}
    return {"combinedState": "OPEN" if opened else "CLOSED", **states}


def tyre_state(tyres: Tyres, warmer_kpa: float, year: int) -> Json:
    """Return the four tyres, `warmer_kpa` above their pressure when cold."""
    details: dict[str, Any] = {
        "dimension": tyres.dimension,
        "isOptimizedForOemBmw": True,
        "manufacturer": tyres.manufacturer,
        "manufacturingWeek": 800 + (year - 1) % 100,
        "mountingDate": f"{year}-04-20T00:00:00.000Z",
        "partNumber": "5A401A1",
        "season": 2,
        "speedClassification": {"atLeast": False, "speedRating": 240},
        "treadDesign": tyres.tread,
    }
    cold = {"front": tyres.front_kpa, "rear": tyres.rear_kpa}
    return {
        f"{axle}{side}": {
            "details": details,
            "status": {
                "currentPressure": round(kpa + warmer_kpa),
                "pressureStatus": 0,
                "targetPressure": kpa,
                "wearStatus": 0,
            },
        }
        for axle, kpa in cold.items()
        for side in ("Left", "Right")
    }
