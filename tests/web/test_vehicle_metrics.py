"""The values of the cars in /metrics: names and units of Prometheus, and nothing private."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.vehicle.history import VehicleHistory
from bmw2mqtt.vehicle.snapshot import (
    Capabilities,
    Charging,
    ChargingStatus,
    DriveTrain,
    Position,
    Reading,
)
from bmw2mqtt.web.vehicle_metrics import gauge_name
from tests.markdown import ROOT
from tests.web.served_page import CARDATA, ServedPage, served
from tests.web.test_car_values import OF_POSITION, READINGS

FIRST, SECOND = "WBA00000000000001", "WBA00000000000002"
END = datetime(2026, 11, 10, 10, tzinfo=UTC)


@pytest.fixture
async def page() -> AsyncIterator[ServedPage]:
    async with served({"eu": CARDATA}) as page:
        page.add_car(
            FIRST,
            account="eu",
            capabilities=Capabilities(state_reports=True),
            drive_train=DriveTrain.ELECTRIC,
            mileage_km=41_250,
            updated_at=END,
            position=Position(latitude=48.17683, longitude=11.55959),
            charging=Charging(
                status=ChargingStatus.CHARGING, soc_percent=55, power_kw=7.4, is_plugged_in=True
            ),
            readings=READINGS | {"vehicle.vehicle.timeSetting": Reading(value="secret words")},
        )
        page.devices.history_changed(FIRST, VehicleHistory(energy_kwh=116.5))
        reports = Capabilities(state_reports=True)
        page.add_car(SECOND, account="eu", capabilities=reports, mileage_km=100)
        yield page


async def metrics(page: ServedPage) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the samples by name and by the values of their labels, which come sorted."""
    async with aiohttp.ClientSession() as client, client.get(f"{page.url}/metrics") as answer:
        text = await answer.text()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in found, "each name has one family"
        if family.name.startswith("bmw2mqtt_vehicle_"):
            assert family.type == "gauge"
            assert family.documentation.endswith(".")
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_numbers_have_base_units_and_both_cars(page: ServedPage) -> None:
    found = await metrics(page)
    assert found["bmw2mqtt_vehicle_mileage_meters"] == {
        ("eu", FIRST): 41_250_000,
        ("eu", SECOND): 100_000,
    }
    assert found["bmw2mqtt_vehicle_remaining_battery_ratio"] == {("eu", FIRST): 0.55}
    assert found["bmw2mqtt_vehicle_charging_power_watts"] == {("eu", FIRST): 7400}
    assert found["bmw2mqtt_vehicle_energy_charged_joules"] == {("eu", FIRST): 116.5 * 3.6e6}
    report = found["bmw2mqtt_vehicle_last_report_timestamp_seconds"]
    assert report == {("eu", FIRST): END.timestamp()}
    assert found["bmw2mqtt_vehicle_info"][("eu", "iX", "iX", FIRST)] == 1


async def test_yes_and_no_are_one_and_zero_and_a_state_has_a_sample_for_each_word(
    page: ServedPage,
) -> None:
    found = await metrics(page)
    assert found["bmw2mqtt_vehicle_binary_sensor_connection_status"] == {("eu", FIRST): 1}
    states = found["bmw2mqtt_vehicle_charging_status"]
    assert states["eu", "charging", FIRST] == 1
    assert sum(states.values()) == 1
    assert len(states) == len(ChargingStatus)


async def test_a_car_that_leaves_disappears(page: ServedPage) -> None:
    page.devices.vehicles_listed("eu", frozenset({SECOND}), is_complete=True)
    found = await metrics(page)
    assert list(found["bmw2mqtt_vehicle_mileage_meters"]) == [("eu", SECOND)]
    assert "bmw2mqtt_vehicle_charging_power_watts" not in found
    assert list(found["bmw2mqtt_vehicle_available"]) == [("eu", SECOND)]


async def test_no_position_and_no_text(page: ServedPage) -> None:
    async with aiohttp.ClientSession() as client, client.get(f"{page.url}/metrics") as answer:
        text = await answer.text()
    of_cars = "\n".join(line for line in text.splitlines() if "bmw2mqtt_vehicle_" in line)
    for part in ("latitude", "longitude", "secret words"):
        assert part not in of_cars
    assert not OF_POSITION.search(of_cars)
    assert "gps_number" in of_cars or "satellites" in of_cars, "the readings are there"


def entities() -> list[Entity[Any]]:
    return [entity for backend in BACKENDS.values() for entity in backend.entities()]


def test_every_gauge_has_a_name_of_its_own_and_a_known_unit() -> None:
    names: dict[str, str] = {"bmw2mqtt_vehicle_available": "", "bmw2mqtt_vehicle_info": ""}
    for entity in entities():
        if entity.platform not in {"sensor", "binary_sensor", "number", "switch"}:
            continue
        gauge = gauge_name(entity)
        assert gauge is not None, f"{entity.id}: its unit has no counterpart in Prometheus"
        assert re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", gauge.name)
        assert names.setdefault(gauge.name, entity.id) == entity.id


def test_the_guide_names_gauges_that_exist() -> None:
    text = (ROOT / "docs" / "recipes" / "prometheus.md").read_text()
    known = {gauge.name for entity in entities() if (gauge := gauge_name(entity)) is not None}
    known |= {f"bmw2mqtt_vehicle_{name}" for name in ("info", "available", "data_age_seconds")}
    assert set(re.findall(r"bmw2mqtt_vehicle_\w*\w", text)) - {"bmw2mqtt_vehicle_"} <= known


def test_a_unit_replaces_the_ending_of_a_key() -> None:
    service = next(entity for entity in entities() if entity.key == "next_service_date")
    gauge = gauge_name(service)
    assert gauge is not None
    assert gauge.name == "bmw2mqtt_vehicle_next_service_timestamp_seconds"
