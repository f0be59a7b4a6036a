"""A simulated car's charging history, charging locations and tyres, as REST answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bmw2mqtt.simulator.driving import PastKind, past

if TYPE_CHECKING:
    from datetime import datetime

    from bmw2mqtt.simulator.cardata.cars import Json
    from bmw2mqtt.simulator.driving import CarModel, PastEvent

FROM_THE_GRID = 1.08
"""Energy from the grid for that in the battery."""


def charging_sessions(model: CarModel, started_at: datetime) -> list[Json]:
    """Return the charging sessions of the days before the simulation, oldest first."""
    charges = (event for event in past(model, started_at) if event.kind is PastKind.CHARGE)
    return [_charging_session(model, charge) for charge in charges]


def _charging_session(model: CarModel, charge: PastEvent) -> Json:
    place = charge.place(0)
    start, end = int(charge.start_at.timestamp()), int(charge.end_at.timestamp())
    percent = charge.after.percent - charge.before.percent
    kwh = percent / 100 * model.battery.capacity_kwh if model.battery else 0.0
    return {
        "displayedStartSoc": int(charge.before.percent),
        "displayedSoc": int(charge.after.percent),
        "startTime": start,
        "endTime": end,
        "timeZone": "Europe/Berlin",
        "totalChargingDurationSec": end - start,
        "energyConsumedFromPowerGridKwh": round(kwh * FROM_THE_GRID, 2),
        "energyDecreaseHvbKwh": 0,
        "energyDischargedKwh": 0,
        "isPreconditioningActivated": False,
        "mileage": int(charge.after.mileage_km),
        "mileageUnits": "KM",
        "chargingLocation": {
            "municipality": place.address.rpartition(" ")[2],
            "formattedAddress": place.address,
            "streetAddress": place.address.partition(",")[0],
            "mapMatchedLatitude": place.latitude,
            "mapMatchedLongitude": place.longitude,
        },
        "chargingBlocks": [
            {
                "startTime": start,
                "endTime": end,
                "averagePowerGridKw": round(charge.kw * FROM_THE_GRID, 1),
            }
        ],
        "businessErrors": [],
    }


def charging_places(model: CarModel) -> list[Json]:
    """Return the settings at home."""
    if model.battery is None:
        return []
    home = model.route.waypoints[0]
    window = {
        "startChargingTimePeriodHour": 22,
        "startChargingTimePeriodMinute": 0,
        "stopChargingTimePeriodHour": 6,
        "stopChargingTimePeriodMinute": 0,
    }
    return [
        {
            "id": "1",
            "lastUpdated": "2026-05-02T18:21:00Z",
            "clusterLocationId": "home",
            "latitude": home.latitude,
            "longitude": home.longitude,
            "lastVisit": "2026-10-30T17:58:00Z",
            "visits": 211,
            "chargingMode": "IMMEDIATE_CHARGING",
            "optimizedChargingPreference": "NO_PRESELECTION",
            **window,
            "chargingTimeWindows": [window],
            "acCurrentLimitFlag": True,
            "acCurrentLimit": 16,
            "acousticLimit": "UNLIMITED",
            "flapLock": False,
            "chargingPlug": "LOCKED",
        }
    ]


def tyre_diagnosis(model: CarModel) -> Json:
    """Return the answer to `smartMaintenanceTyreDiagnosis`, without a second set of wheels."""
    wheels = ("frontLeft", "frontRight", "rearLeft", "rearRight")
    return {
        "passengerCar": {
            "mountedTyres": {
                "label": "Mounted tyres",
                "aggregatedQualityStatus": _item("Quality", "GOOD", qualityStatus="GREEN"),
                **{wheel: _wheel(model) for wheel in wheels},
            },
            "unmountedTyres": {
                "label": "",
                "aggregatedQualityStatus": _item("", "", qualityStatus=""),
                **{wheel: _no_wheel() for wheel in wheels},
            },
        },
        "errors": [],
    }


def _wheel(model: CarModel) -> Json:
    size, construction, load = model.tyres.dimension.split(" ")[:3]
    width, _, ratio = size.partition("/")
    return {
        "label": "Tyre",
        "dimension": {
            **_item("Dimension", model.tyres.dimension),
            "aspectRatio": int(ratio),
            "constructionType": construction[0],
            "loadIndex": int(load[:-1]),
            "rimDiameter": int(construction[1:]),
            "sectionWidth": int(width),
            "speedRating": load[-1],
        },
        "season": _item("Season", "SUMMER", season="SUMMER"),
        "tread": {
            **_item("Tread", model.tyres.tread),
            "manufacturer": model.tyres.manufacturer,
            "treadDesign": model.tyres.tread,
            "carcass": "",
        },
        "tyreWear": {
            **_item("Wear", "OK"),
            "dueMileage": 24_000,
            "unit": "KILOMETER",
            "status": "OK",
            "statusColor": "GREEN",
        },
        "tyreDefect": {**_item("Defect", "OK"), "status": "OK", "statusColor": "GREEN"},
        "tyreProductionDate": {**_item("Production date", f"{model.year}-01")}
        | {"statusColor": "GREEN"},
        "mountingDate": _item("Mounted on", f"{model.year}-04-20"),
        "partNumber": _item("Part number", "5A401A1"),
        "runFlat": _item("Run flat", "false", runFlat=False),
        "qualityStatus": _item("Quality", "GOOD", qualityStatus="GREEN"),
        "optimizedForOem": _item("BMW tyre", "true", optimizedForOem=True),
    }


def _no_wheel() -> Json:
    """Return what BMW sends for a tyre without data."""
    return {
        "label": "",
        "dimension": {
            "aspectRatio": 0,
            "constructionType": "",
            "loadIndex": 0,
            "rimDiameter": 0,
            "sectionWidth": 0,
            "speedRating": "",
        },
        "tyreWear": {"dueMileage": 0, "unit": "KILOMETER", "status": "", "statusColor": "GREY"},
        "runFlat": {"runFlat": False},
    }


def _item(label: str, value: str, **more: Any) -> Json:
    return {"label": label, "value": value, **more}
