"""The two cars of the demo: one electric, one plug-in hybrid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bmw2mqtt.simulator.driving import ELECTRIC, PLUGIN_HYBRID
from bmw2mqtt.simulator.driving.models import Battery, Tank
from bmw2mqtt.simulator.driving.route import DACHAU_TO_MUNICH

if TYPE_CHECKING:
    from bmw2mqtt.simulator.cardata.cars import Json
    from bmw2mqtt.simulator.driving import CarModel

CARDATA_ELECTRIC: Final = replace(
    ELECTRIC,
    vin="WBY61CARDATA00EV1",
    name="iX1 xDrive30",
    body_type="U11",
    year=2024,
    colour=0x8A8D8F,
    style="suv",
    picture="suv_grey",
    battery=Battery(
        capacity_kwh=64.7,
        kwh_per_100km=16.9,
        max_charging_kw=11.0,
        initial_percent=75.5,
        target_percent=80,
        has_settings=True,
    ),
    route=DACHAU_TO_MUNICH,
    initial_mileage_km=15_208.4,
    initial_minute=76.0,
)
CARDATA_HYBRID: Final = replace(
    PLUGIN_HYBRID,
    vin="WBA71CARDATA0PHEV",
    name="330e Touring",
    body_type="G21",
    year=2023,
    colour=0x20262E,
    style="sedan",
    picture="sedan_black",
    battery=Battery(
        capacity_kwh=12.0,
        kwh_per_100km=19.4,
        max_charging_kw=3.7,
        initial_percent=64.0,
        target_percent=100,
        has_settings=False,
    ),
    tank=Tank(capacity_l=40.0, l_per_100km=6.8, initial_l=26.0),
    route=ELECTRIC.route,
    initial_mileage_km=38_944.7,
    initial_minute=14.0,
)


def basic_data(model: CarModel) -> Json:
    """Return the answer to `basicData`, with the keys of BMW's OpenAPI document."""
    data: Json = {
        "vin": model.vin,
        "brand": "BMWi" if model.tank is None else "BMW",
        "isTelematicsCapable": True,
        "puStep": f"11{model.year % 100}",
        "modelRange": model.body_type,
        "series": "X" if model.style == "suv" else "3",
        "modelName": model.name,
        "modelKey": "11EE" if model.tank is None else "31DK",
        "bodyType": "SAV" if model.style == "suv" else "TOURING",
        "numberOfDoors": 5,
        "hasNavi": True,
        "headUnit": "HU_MGU",
        "hasSunRoof": model.has_sun_roof,
        "countryCodeISO": "DE",
        "steering": "LL",
        "engine": "" if model.battery and model.tank is None else "B48",
        "driveTrain": drive_train(model),
        "propulsionType": drive_train(model),
        "colourCode": "C36",
        "colourCodeRaw": "P0C36",
        "constructionDate": f"{model.year}-03-17T00:00:00.000+0000",
        "fullSAList": "1AG,2VB,302,337,3AG,423,494,4NE,544,5AC,654,6AE,6U3",
        "simStatus": "ACTIVE",
    }
    if model.battery is not None:
        data["chargingModes"] = ["AC", "DC"] if model.tank is None else ["AC"]
        data["hvsMaxEnergyAbsolute"] = str(model.battery.capacity_kwh)
    return data


def drive_train(model: CarModel) -> str:
    """Return BMW's abbreviation of a car's drive train."""
    if model.battery is None:
        return "CONV"
    return "BEV" if model.tank is None else "PHEV"
