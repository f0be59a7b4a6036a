"""All values of a car on the page."""

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bmw2mqtt.vehicle.snapshot import Capabilities, Position, Reading
from tests.web.served_page import CARDATA, ServedPage, served

VIN = "WBA00000000000001"
NAVIGATION = "vehicle.cabin.infotainment.navigation"
READINGS = {
    "vehicle.body.chargingPort.isHospitalityActive": Reading(value=True),
    "vehicle.vehicle.averageWeeklyDistanceShortTerm": Reading(value=212.5, unit="km"),
    f"{NAVIGATION}.currentLocation.latitude": Reading(value=48.17683),
    f"{NAVIGATION}.currentLocation.altitude": Reading(value=519.0),
    f"{NAVIGATION}.currentLocation.heading": Reading(value=271.0),
    f"{NAVIGATION}.destinationSet.longitude": Reading(value=11.55959),
    f"{NAVIGATION}.currentLocation.numberOfSatellites": Reading(value=9.0),
}
OF_POSITION = re.compile(r"(?<![\d.])(?<!\d:)(48\.17|11\.55|519|271)")
"""The beginning of a number that tells where the car is, but no digits within one or in a time."""


@pytest.fixture
async def page() -> AsyncIterator[ServedPage]:
    async with served({"eu": CARDATA}) as page:
        page.add_car(
            VIN,
            account="eu",
            capabilities=Capabilities(state_reports=True),
            mileage_km=41_250,
            position=Position(latitude=48.17683, longitude=11.55959),
            readings=READINGS,
        )
        yield page


async def get(page: ServedPage, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as client, client.get(f"{page.url}{path}") as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if is_json else answer.text())


async def test_all_values_with_units_and_topics(page: ServedPage) -> None:
    status, car = await get(page, f"/api/cars/{VIN}")
    assert (status, car["vin"]) == (200, VIN)
    values = {value["name"]: value for value in car["values"]}
    mileage = values["Mileage"]
    assert (mileage["value"], mileage["unit"], mileage["is_raw"]) == (41_250, "km", False)
    assert mileage["topic"] == f"bmw2mqtt/{VIN}/sensor/mileage"
    assert values["Cable release after charging"]["value"] is True
    assert values["Cable release after charging"]["is_raw"]
    assert values["GPS satellites"]["value"] == 9


async def test_never_a_position(page: ServedPage) -> None:
    _, car = await get(page, f"/api/cars/{VIN}")
    assert not OF_POSITION.search(str(car))


async def test_a_car_that_is_not_there(page: ServedPage) -> None:
    assert await get(page, "/api/cars/WBA00000000000009") == (404, "No such car.")
