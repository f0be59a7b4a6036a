"""The nine recorded cars, read through the simulated BMW by the unmodified library."""

import io

import pytest
from bimmer_connected.tests import ALL_STATES, VIN_I20, VIN_J29
from bimmer_connected.vehicle.vehicle import VehicleViewDirection
from PIL import Image

from tests.fixture_cars import fixture_car, fixture_cars

EXPECTED = {
    # vin: (brand, name, drive train, mileage, total range, charging status, lock)
    "WBA00000000000F31": ("bmw", "320d xDrive", "COMBUSTION", 0, None, None, "UNKNOWN"),
    "WBA00000000DEMO01": ("bmw", "iX xDrive50", "ELECTRIC", 1121, 340, "CHARGING", "LOCKED"),
    "WBA00000000DEMO02": ("bmw", "i4 eDrive40", "ELECTRIC", 1121, 472, "NOT_CHARGING", "LOCKED"),
    "WBA00000000DEMO03": ("bmw", "M340i xDrive", "COMBUSTION", 1121, 629, None, "LOCKED"),
    "WBA00000000DEMO04": (
        "bmw",
        "X3 xDrive30e",
        "PLUGIN_HYBRID",
        1121,
        476,
        "NOT_CHARGING",
        "LOCKED",
    ),
    "WBA00000000DEMO05": ("bmw", "i7 xDrive60", "ELECTRIC", 1121, 340, "CHARGING", "LOCKED"),
    "WBY00000000REXI01": (
        "bmw",
        "i3 (+ REX)",
        "ELECTRIC_WITH_RANGE_EXTENDER",
        137009,
        279,
        "WAITING_FOR_CHARGING",
        "UNLOCKED",
    ),
    "WBY000000NOREXI01": ("bmw", "i3", "ELECTRIC", 79165, 279, "CHARGING", "UNLOCKED"),
    "WZ100000000000J29": ("toyota", "SPX 40i", "COMBUSTION", 0, None, None, "UNKNOWN"),
}


async def test_the_nine_cars_arrive_with_their_values(user_with, app):
    account = app(user_with(*fixture_cars()))
    await account.get_vehicles()

    arrived = {
        vehicle.vin: (
            vehicle.brand.value,
            vehicle.name,
            vehicle.drive_train.value,
            vehicle.mileage.value,
            vehicle.fuel_and_battery.remaining_range_total.value,
            vehicle.fuel_and_battery.charging_status,
            vehicle.doors_and_windows.door_lock_state.value,
        )
        for vehicle in account.vehicles
    }

    assert arrived == EXPECTED


async def test_the_answers_are_the_recorded_ones(user_with, app):
    account = app(user_with(*fixture_cars()))
    await account.get_vehicles()

    for vehicle in account.vehicles:
        recorded = ALL_STATES[vehicle.vin]
        assert vehicle.data["state"] == recorded["state"]
        assert vehicle.data["capabilities"] == recorded["capabilities"]


async def test_a_poll_shows_what_a_test_wrote_into_the_car(user_with, app):
    car = fixture_car(VIN_I20)
    account = app(user_with(car))
    await account.get_vehicles()

    car.state_data["state"]["currentMileage"] = 2000
    await account.get_vehicles()

    assert account.vehicles[0].mileage.value == 2000
    assert fixture_car(VIN_I20).state_data["state"]["currentMileage"] == 1121


async def test_the_supra_is_listed_under_toyota_alone(bmw, user_with, app):
    account = app(user_with(fixture_car(VIN_J29)))
    await account.get_vehicles()

    lists = [r for r in bmw.requests if r.path.endswith("vehicle-list")]
    assert [r.headers["x-user-agent"].split(";")[1] for r in lists] == ["bmw", "mini", "toyota"]
    assert [v.vin for v in account.vehicles] == [VIN_J29]


async def test_polls_cost_what_they_cost_at_bmw(bmw, user_with, app):
    account = app(user_with(*fixture_cars()))
    await account.get_vehicles()
    bmw.requests.clear()

    await account.get_vehicles()

    states = [r for r in bmw.requests if r.path.endswith("state")]
    details = [r for r in bmw.requests if r.path.startswith("/eadrax-crccs")]
    assert (len(states), len(details), len(bmw.requests)) == (9, 6, 15)
    assert {r.vin for r in states} == set(EXPECTED)


@pytest.mark.parametrize("view", list(VehicleViewDirection)[:3])
async def test_a_picture_is_a_png_with_a_clear_background(user_with, app, view):
    account = app(user_with(fixture_car(VIN_I20)))
    await account.get_vehicles()

    png = await account.vehicles[0].get_vehicle_image(view)

    with Image.open(io.BytesIO(png)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (800, 450))
        assert picture.getpixel((0, 0))[3] == 0
        assert picture.getpixel((400, 250))[3] == 255
