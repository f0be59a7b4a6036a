"""CarData's driving cars: what they report, how, and that REST and stream agree."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from bmw2mqtt.simulator.cardata import CarDataSimulator, CarDataUser, SimulatedReading, demo_cars
from bmw2mqtt.simulator.cardata.catalogue import DESCRIPTORS, STREAMABLE
from bmw2mqtt.simulator.driving import TIME_LAPSE
from bmw2mqtt.simulator.driving.day import DAY_MINUTES

LATITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.latitude"
LONGITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.longitude"
LOCK = "vehicle.cabin.door.status"
SOC = "vehicle.drivetrain.batteryManagement.header"
STATUS = "vehicle.drivetrain.electricEngine.charging.status"
MILEAGE = "vehicle.vehicle.travelledDistance"
MESSAGES = "vehicle.status.checkControlMessages"
SERVICES = "vehicle.status.conditionBasedServices"
DAY_S = DAY_MINUTES * 60 // TIME_LAPSE


def drive(car, clock, seconds=DAY_S):
    """Let a car drive and charge; return its messages."""
    messages = []
    car.subscribe(lambda _vin, readings: messages.append(dict(readings)))
    for _ in range(seconds):
        clock.forward(seconds=1)
        car.tick()
    return messages


@pytest.fixture
def electric(clock):
    return demo_cars(clock=clock)[0]


@pytest.fixture
def hybrid(clock):
    return demo_cars(clock=clock)[1]


def test_the_demo_has_an_electric_car_and_a_hybrid(electric, hybrid):
    assert electric.basic_data()["driveTrain"] == "BEV"
    assert hybrid.basic_data()["driveTrain"] == "PHEV"
    assert len({electric.vin, hybrid.vin}) == 2
    assert all(len(car.vin) == 17 for car in (electric, hybrid))
    fuel = "vehicle.drivetrain.fuelSystem.level"
    assert fuel in hybrid.readings()
    assert fuel not in electric.readings()


def test_every_descriptor_is_one_of_bmw(electric, hybrid, clock):
    for car in (electric, hybrid):
        messages = drive(car, clock)
        assert car.readings().keys() <= DESCRIPTORS
        assert len(car.readings()) > 60
        assert {name for message in messages for name in message} <= STREAMABLE


def test_the_battery_charges_and_is_driven_empty(electric, clock):
    percent, statuses = [], []
    for message in drive(electric, clock):
        percent += [message[SOC].value] if SOC in message else []
        statuses += [message[STATUS].value] if STATUS in message else []

    assert electric.readings()[SOC].unit == "percent"
    assert max(percent) > 60
    assert any(later < earlier for earlier, later in pairwise(percent))
    assert {"CHARGINGACTIVE", "NOCHARGING"} <= set(statuses)


def test_messages_are_small_and_some_come_twice(hybrid, clock):
    messages = drive(hybrid, clock)

    assert max(len(message) for message in messages) <= 4
    repeated = [a == b for a, b in pairwise(messages)]
    assert 0.1 < sum(repeated) / len(repeated) < 0.3


def test_latitude_and_longitude_come_apart_but_of_one_moment(hybrid, clock):
    messages = drive(hybrid, clock)
    latitudes = [m[LATITUDE].measured_at for m in messages if LATITUDE in m]
    longitudes = {m[LONGITUDE].measured_at for m in messages if LONGITUDE in m}

    assert latitudes
    assert not any(LATITUDE in m and len(m) > 1 for m in messages)
    assert set(latitudes) & longitudes


def test_a_lock_tells_of_all_doors_and_windows(hybrid, clock):
    messages = drive(hybrid, clock)
    at = next(m[LOCK].measured_at for m in messages if LOCK in m)
    burst = {name for m in messages for name, r in m.items() if r.measured_at == at}

    assert sum(name.startswith("vehicle.cabin.window.") for name in burst) == 4
    assert sum(name.startswith("vehicle.cabin.door.row") for name in burst) == 4


def test_the_mileage_never_goes_down(hybrid, clock):
    mileages = [m[MILEAGE].value for m in drive(hybrid, clock) if MILEAGE in m]

    assert len(set(mileages)) > 10
    assert mileages == sorted(mileages)


def test_a_warning_comes_and_goes_without_a_trace(hybrid, clock):
    seen = []
    for _ in range(DAY_S):
        clock.forward(seconds=1)
        seen.append(hybrid.readings().get(MESSAGES, SimulatedReading(None)).contained())

    warned = [entry for entry in seen if entry["value"]]
    assert json.loads(warned[0]["value"])[0]["id"] == "164"
    assert {"value": None, "unit": None, "timestamp": None} in seen


def test_services_are_a_list_in_text(electric, hybrid):
    titles = [
        [item["title"] for item in json.loads(car.readings()[SERVICES].value)]
        for car in (electric, hybrid)
    ]

    assert "Engine oil" in titles[1]
    assert "Engine oil" not in titles[0]
    assert "Brake fluid" in titles[0]


async def test_everything_about_them_can_be_asked_for(certificates, client_of, clock):
    cars = demo_cars(clock=clock)
    user = CarDataUser(cars=list(cars))
    async with CarDataSimulator([user], certificates=certificates, clock=clock) as bmw:
        client = client_of(bmw)
        await client.log_in()
        container = bmw.containers.add(user, "all", "v1", sorted(cars[0].readings()))
        vehicle = f"/customers/vehicles/{cars[0].vin}/"
        start, end = clock() - timedelta(days=10), clock()
        _, data = await client.call(
            vehicle + "telematicData", params={"containerId": container.container_id}
        )
        _, history = await client.call(
            vehicle + "chargingHistory",
            params={"from": start.isoformat(), "to": end.isoformat()},
        )
        _, places = await client.call(vehicle + "locationBasedChargingSettings")
        _, tyres = await client.call(vehicle + "smartMaintenanceTyreDiagnosis")
        status, picture = await client.call(vehicle + "image")

    values = data["telematicData"]
    assert all(isinstance(v["value"], str | None) for v in values.values())
    assert values[SOC]["unit"] == "%"
    assert len(history["data"]) >= 5
    assert all(one["displayedSoc"] > one["displayedStartSoc"] for one in history["data"])
    assert places["data"][0]["acCurrentLimit"] == 16
    wheel = tyres["passengerCar"]["mountedTyres"]["rearRight"]
    assert wheel["dimension"]["rimDiameter"] == 19
    assert wheel["tyreWear"]["statusColor"] == "GREEN"
    assert status == 200
    assert picture.startswith(b"\x89PNG")
