"""The demo's cars drive plausibly, whenever they are asked and whatever they are told."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from bimmer_connected.tests import ALL_STATES, VIN_G01, VIN_G20, VIN_I20
from bimmer_connected.vehicle.charging_profile import ChargingMode

from bmw2mqtt.simulator.driving import DIESEL, ELECTRIC, PLUGIN_HYBRID, TIME_LAPSE
from bmw2mqtt.simulator.driving.day import DAY_MINUTES
from bmw2mqtt.simulator.driving.route import Place, distance_km
from bmw2mqtt.simulator.mybmw import DrivingCar, InvalidCommandError, demo_cars
from bmw2mqtt.vehicle.trips.rules import CLOSE_AFTER

MODELS = [ELECTRIC, PLUGIN_HYBRID, DIESEL]
START = datetime(2025, 1, 15, 9, 0, tzinfo=UTC)
DAY = timedelta(minutes=DAY_MINUTES / TIME_LAPSE)

COMMANDS = [
    ("light-flash", {}, {}),
    ("horn-blow", {}, {}),
    ("door-lock", {}, {}),
    ("door-unlock", {}, {}),
    ("climate-now", {"action": "START"}, {}),
    ("climate-now", {"action": "STOP"}, {}),
    ("vehicle-finder", {}, {}),
    ("start-charging", {}, {}),
    ("stop-charging", {}, {}),
    ("charging-settings", {}, {"chargingTarget": 20, "acLimitValue": None}),
    ("charging-settings", {}, {"chargingTarget": 100, "acLimitValue": 32}),
    ("charging-settings", {}, {"chargingTarget": 80, "acLimitValue": 6}),
    ("send-to-car", {}, {"places": []}),
]
COMMANDS += [
    (
        "charging-profile",
        {},
        {
            "chargingMode": {
                "chargingPreference": preference,
                "endTimeSlot": end,
                "startTimeSlot": "0001-01-01T12:00:00.000",
                "type": kind,
                "timerChange": "NO_CHANGE",
            },
            "departureTimer": {"type": "WEEKLY_DEPARTURE_TIMER", "weeklyTimers": []},
            "isPreconditionForDepartureActive": True,
            "servicePack": "WAVE_01",
        },
    )
    for kind, preference, end in (
        ("TIME_SLOT", "CHARGING_WINDOW", "0001-01-01T14:00:00.000"),
        ("TIME_SLOT", "CHARGING_WINDOW", "0001-01-01T12:00:00.000"),
        ("CHARGING_IMMEDIATELY", "NO_PRESELECTION", "0001-01-01T06:00:00.000"),
    )
]


NEVER_CHARGE = COMMANDS[-2]


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def tick(self, **duration):
        self.now += timedelta(**duration)


@pytest.fixture
def clock():
    return Clock()


def state_of(car):
    return car.state()["state"]


def where(state):
    coordinates = state["location"]["coordinates"]
    return Place(coordinates["latitude"], coordinates["longitude"], 0, "")


def paths(value, prefix=""):
    """Return the names and kinds in a JSON object, as far as its keys go."""
    if not isinstance(value, dict):
        return {prefix}
    return set().union(*(paths(item, f"{prefix}.{key}") for key, item in value.items()), {prefix})


@pytest.mark.parametrize(
    ("model", "vin", "absent"),
    [
        (
            ELECTRIC,
            VIN_I20,
            {".combustionFuelLevel", ".combustionFuelLevel.remainingFuelPercent"},
        ),
        (PLUGIN_HYBRID, VIN_G01, set()),
        (DIESEL, VIN_G20, set()),
    ],
)
def test_its_answers_have_the_shape_of_recorded_ones(clock, model, vin, absent):
    car = DrivingCar(model, clock=clock)
    recorded = ALL_STATES[vin]
    own = paths(state_of(car))
    optional = {".electricChargingState.remainingChargingMinutes"}

    assert paths(recorded["state"]) - own - optional == absent
    capabilities = paths(recorded["capabilities"]) - {".climateTimerTrigger"}
    assert capabilities - paths(car.state()["capabilities"]) <= {
        f".remoteServices.{name}.state"
        for name in ("inCarCamera", "inCarCameraDwa", "remote360", "surroundViewRecorder")
    }
    json.dumps([car.state(), car.profile(), car.charging_details()])


def test_the_demo_moves_within_its_first_minute(clock):
    cars = demo_cars(clock=clock)
    before = [state_of(car) for car in cars]
    clock.tick(minutes=1)
    after = [state_of(car) for car in cars]

    assert all(b["lastUpdatedAt"] < a["lastUpdatedAt"] for b, a in zip(before, after, strict=True))
    electric, hybrid, diesel = zip(before, after, strict=True)
    assert distance_km(where(electric[0]), where(electric[1])) > 1
    assert distance_km(where(diesel[0]), where(diesel[1])) > 0.1
    levels = [state["electricChargingState"]["chargingLevelPercent"] for state in hybrid]
    assert levels[1] > levels[0]
    assert hybrid[0]["electricChargingState"]["chargingStatus"] == "CHARGING"


@pytest.mark.parametrize("model", MODELS)
def test_its_state_does_not_depend_on_how_often_it_is_asked(model):
    often, seldom = Clock(), Clock()
    asked, alone = DrivingCar(model, clock=often), DrivingCar(model, clock=seldom)
    for _ in range(700):
        often.tick(seconds=1)
        asked.state()
    seldom.tick(seconds=700)

    assert asked.state() == alone.state()


@pytest.mark.parametrize("model", MODELS)
def test_a_day_has_everything_in_it(clock, model):
    car = DrivingCar(model, clock=clock)
    seen = []
    for _ in range(int(DAY.total_seconds() / 2)):
        clock.tick(seconds=2)
        seen.append(state_of(car))

    def values(*path):
        found = set()
        for state in seen:
            value = state
            for key in path:
                value = value[key]
            found.add(value)
        return found

    assert values("doorsState", "combinedSecurityState") == {"LOCKED", "UNLOCKED"}
    assert values("doorsState", "leftFront") == {"OPEN", "CLOSED"}
    assert values("doorsState", "trunk") == {"OPEN", "CLOSED"}
    assert values("windowsState", "combinedState") == {"OPEN", "CLOSED"}
    expected = "VENTILATION" if model is DIESEL else "HEATING"
    assert values("climateControlState", "activity") == {"INACTIVE", expected}
    assert len(values("location", "coordinates", "latitude")) > 10
    assert len(values("location", "address", "formatted")) > 4
    pressures = values("tireState", "frontLeft", "status", "currentPressure")
    assert 5 <= max(pressures) - min(pressures) <= 14
    driven = seen[-1]["currentMileage"] - seen[0]["currentMileage"]
    assert driven == pytest.approx(2 * model.route.length_km, abs=2)
    if model.battery:
        assert values("electricChargingState", "isChargerConnected") == {True, False}
        statuses = values("electricChargingState", "chargingStatus")
        assert {"CHARGING", "INVALID"} < statuses
    if model is ELECTRIC:
        assert "TARGET_REACHED" in statuses


@pytest.mark.parametrize("model", MODELS)
def test_it_stands_long_enough_for_its_trip_to_end(clock, model):
    car = DrivingCar(model, clock=clock)
    mileages = []
    for _ in range(2 * int(DAY.total_seconds())):
        clock.tick(seconds=1)
        mileages.append(state_of(car)["currentMileage"])

    moved = [second for second, (a, b) in enumerate(pairwise(mileages)) if a != b]
    longest = max(later - earlier for earlier, later in pairwise(moved))
    assert timedelta(seconds=longest) > CLOSE_AFTER + timedelta(seconds=30)


@pytest.mark.parametrize("model", MODELS)
def test_a_sleeping_car_reports_nothing(clock, model):
    car = DrivingCar(model, clock=clock)
    reports = []
    for _ in range(600):
        clock.tick(seconds=1)
        reports.append(datetime.fromisoformat(state_of(car)["lastUpdatedAt"]))

    gaps = [later - earlier for earlier, later in pairwise(reports)]
    assert reports == sorted(reports)
    assert max(gaps) > timedelta(seconds=20)
    assert all(report <= clock.now for report in reports)
    assert len(set(reports)) < 60


def offered(car, command):
    try:
        car.check(*command)
    except InvalidCommandError:
        return False
    return True


@pytest.mark.no_cover
@pytest.mark.parametrize("model", MODELS)
def test_a_day_and_night_with_every_command_thrown_in(clock, model):
    luck = random.Random(model.vin)
    car = DrivingCar(model, clock=clock)
    commands = [command for command in COMMANDS if offered(car, command)]
    last = state_of(car)
    end = START + timedelta(hours=24)
    reach_km = 0.0
    while clock.now < end:
        clock.tick(seconds=luck.choice([1, 20, 60, 200]))
        if luck.random() < 0.2:
            car.perform(*luck.choice(commands))
        state = state_of(car)
        check_plausible(model, last, state)
        reach_km = max(reach_km, distance_km(where(last), where(state)))
        last = state
    assert reach_km < model.route.length_km + 1


def check_plausible(model, last, state):
    elapsed = datetime.fromisoformat(state["lastFetched"]) - datetime.fromisoformat(
        last["lastFetched"]
    )
    silence = timedelta(seconds=12)
    assert last["currentMileage"] <= state["currentMileage"]
    assert last["lastUpdatedAt"] <= state["lastUpdatedAt"] <= state["lastFetched"]
    top_speed_km_per_s = 1.5 * model.route.length_km / 120
    furthest = (elapsed + silence).total_seconds() * top_speed_km_per_s
    assert distance_km(where(last), where(state)) <= furthest
    assert 0 <= state["location"]["heading"] < 360
    assert state["range"] >= 0
    if model.battery:
        battery = state["electricChargingState"]
        assert 0 <= battery["chargingLevelPercent"] <= 100
        assert (battery["chargingStatus"] == "INVALID") != battery["isChargerConnected"]
        charging = battery["chargingStatus"] == "CHARGING"
        assert charging == ("remainingChargingMinutes" in battery)
    if model.tank:
        fuel = state["combustionFuelLevel"]
        assert 0 < fuel["remainingFuelLiters"] <= model.tank.capacity_l
        assert 0 < fuel["remainingFuelPercent"] <= 100


def test_an_electric_car_that_may_not_charge_stays_at_home(clock):
    car = DrivingCar(ELECTRIC, clock=clock)
    car.perform(*NEVER_CHARGE)
    clock.tick(hours=5)
    stranded = state_of(car)
    assert 5 < stranded["electricChargingState"]["chargingLevelPercent"] < 20
    assert stranded["electricChargingState"]["chargingStatus"] == "WAITING_FOR_CHARGING"
    assert stranded["location"]["coordinates"]["latitude"] == pytest.approx(48.17733)

    clock.tick(hours=1)
    assert state_of(car)["currentMileage"] == stranded["currentMileage"]

    car.perform("start-charging", {}, {})
    clock.tick(hours=1)
    assert state_of(car)["currentMileage"] > stranded["currentMileage"]


def test_a_faster_clock_is_faster_days(clock):
    slow, fast = DrivingCar(DIESEL, clock=clock), DrivingCar(DIESEL, clock=clock, speed=10)
    clock.tick(minutes=10)

    driven = [state_of(car)["currentMileage"] - DIESEL.initial_mileage_km for car in (slow, fast)]
    assert driven[1] == pytest.approx(10 * driven[0], rel=0.1)


async def test_the_library_commands_a_driving_car(clock, bmw, user_with, app):
    bmw.accounts.clock = lambda: START
    cars = demo_cars(clock=clock)
    account = app(user_with(*cars))
    await account.get_vehicles()
    electric, hybrid, diesel = (account.get_vehicle(car.vin) for car in cars)
    assert (electric.name, hybrid.name) == ("i4 eDrive40", "X1 xDrive30e")
    assert diesel.brand.value == "mini"

    assert (await electric.remote_services.trigger_remote_door_lock()).state == "EXECUTED"
    assert electric.doors_and_windows.door_lock_state == "LOCKED"
    await electric.remote_services.trigger_remote_air_conditioning()
    assert electric.climate.is_climate_on
    await electric.remote_services.trigger_remote_air_conditioning_stop()
    assert not electric.climate.is_climate_on
    await electric.remote_services.trigger_charging_settings_update(target_soc=90, ac_limit=32)
    assert electric.fuel_and_battery.charging_target == 90
    assert electric.charging_profile.ac_current_limit == 32

    await hybrid.remote_services.trigger_charging_profile_update(ChargingMode.DELAYED_CHARGING)
    assert hybrid.charging_profile.charging_mode == ChargingMode.DELAYED_CHARGING
    assert hybrid.fuel_and_battery.charging_status == "WAITING_FOR_CHARGING"
    assert hybrid.fuel_and_battery.remaining_range_fuel.value > 400
    await hybrid.remote_services.trigger_charging_profile_update(ChargingMode.IMMEDIATE_CHARGING)
    assert hybrid.fuel_and_battery.charging_status == "CHARGING"

    await diesel.remote_services.trigger_remote_vehicle_finder()
    assert diesel.vehicle_location.location.latitude == pytest.approx(48.14030)
    assert not diesel.is_charging_plan_supported
    assert not hybrid.is_remote_set_target_soc_enabled
    assert electric.is_remote_charge_start_enabled


async def test_the_library_starts_and_stops_charging(clock, user_with, app):
    electric_car = demo_cars(clock=clock)[0]
    account = app(user_with(electric_car))
    clock.tick(minutes=7)
    await account.get_vehicles()
    vehicle = account.vehicles[0]
    assert vehicle.fuel_and_battery.charging_status == "CHARGING"

    await vehicle.remote_services.trigger_charge_stop()
    assert vehicle.fuel_and_battery.charging_status == "PLUGGED_IN"
    await vehicle.remote_services.trigger_charge_start()
    assert vehicle.fuel_and_battery.charging_status == "CHARGING"


def test_each_car_has_a_picture_of_its_own():
    assert len({DrivingCar(model).image() for model in MODELS}) == len(MODELS)
