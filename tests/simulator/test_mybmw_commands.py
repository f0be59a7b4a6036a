"""Every remote service of the unmodified library, carried out by the simulated BMW."""

import pytest
from bimmer_connected.models import MyBMWAPIError, MyBMWRemoteServiceError
from bimmer_connected.tests import VIN_G01, VIN_G20, VIN_I01_NOREX, VIN_I01_REX, VIN_I20
from bimmer_connected.vehicle.charging_profile import ChargingMode
from bimmer_connected.vehicle.remote_services import Services

from bmw2mqtt.simulator.mybmw import FAILED, IGNORED, NEVER_FINISHED, Outcome
from tests.fixture_cars import fixture_car

POI_DATA = {
    "lat": 37.4028943,
    "lon": -121.9700289,
    "name": "49ers",
    "street": "4949 Marie P DeBartolo Way",
    "city": "Santa Clara",
}
LOCK = ("doorsState", "combinedSecurityState")
CLIMATE = ("climateControlState", "activity")
CHARGING = ("electricChargingState", "chargingStatus")


@pytest.fixture
async def drive(user_with, app):
    """Log in to an account with one recorded car: the car, and the library's view of it."""

    async def open_car(vin):
        car = fixture_car(vin)
        account = app(user_with(car))
        await account.get_vehicles()
        return car, account.vehicles[0]

    return open_car


@pytest.mark.parametrize(
    ("command", "service", "path", "expected"),
    [
        ("trigger_remote_light_flash", "light-flash", None, None),
        ("trigger_remote_horn", "horn-blow", None, None),
        ("trigger_remote_door_lock", "door-lock", LOCK, "LOCKED"),
        ("trigger_remote_door_unlock", "door-unlock", LOCK, "UNLOCKED"),
        ("trigger_remote_air_conditioning", "climate-now", CLIMATE, "COOLING"),
        ("trigger_remote_air_conditioning_stop", "climate-now", CLIMATE, "STANDBY"),
        ("trigger_charge_start", "start-charging", CHARGING, "CHARGING"),
        ("trigger_charge_stop", "stop-charging", CHARGING, "PLUGGED_IN"),
    ],
)
async def test_a_command_is_executed_and_seen(drive, command, service, path, expected):
    car, vehicle = await drive(VIN_I20)

    status = await getattr(vehicle.remote_services, command)()

    assert status.state == "EXECUTED"
    assert [name for name, _ in car.performed] == [service]
    if path:
        group, key = path
        assert vehicle.data["state"][group][key] == expected


async def test_a_command_changes_the_car_only_when_it_is_executed(bmw, drive):
    car, vehicle = await drive(VIN_I20)
    bmw.outcomes.plan(Outcome(statuses=("PENDING", "INITIATED")), times=1)

    await vehicle.remote_services.trigger_remote_door_unlock()

    assert not car.performed
    assert vehicle.doors_and_windows.door_lock_state == "LOCKED"


async def test_an_event_is_polled_three_times(bmw, drive):
    _, vehicle = await drive(VIN_I20)
    bmw.requests.clear()

    await vehicle.remote_services.trigger_remote_horn()

    polls = [r for r in bmw.requests if r.path.endswith("eventStatus")]
    assert len(polls) == 3
    assert len({r.query["eventId"] for r in polls}) == 1


async def test_the_finder_finds_the_car_for_somebody_who_says_where_they_are(bmw, drive):
    _, vehicle = await drive(VIN_G20)

    await vehicle.remote_services.trigger_remote_vehicle_finder()

    assert vehicle.vehicle_location.location == (12.345, 34.5678)
    assert vehicle.vehicle_location.heading == 121
    assert bmw.requests[-1].headers["latitude"] == "48.1"


async def test_the_finder_finds_nothing(drive, caplog):
    car, vehicle = await drive(VIN_I01_REX)
    car.finder_position = None

    await vehicle.remote_services.trigger_remote_vehicle_finder()

    assert vehicle.vehicle_location.location is None
    assert "Unknown position" in caplog.text


async def test_charging_settings_arrive(drive):
    car, vehicle = await drive(VIN_I20)

    await vehicle.remote_services.trigger_charging_settings_update(target_soc=75, ac_limit=20)

    assert vehicle.fuel_and_battery.charging_target == 75
    assert vehicle.charging_profile.ac_current_limit == 20
    detail = car.charging_data["chargingSettingsDetail"]
    assert (detail["chargingTarget"], detail["acLimit"]["current"]["value"]) == (75, 20)


@pytest.mark.parametrize(
    "settings",
    [
        {"chargingTarget": 77},
        {"chargingTarget": 15},
        {"chargingTarget": "80"},
        {"acLimitValue": 17},
        {"speed": 3},
    ],
)
async def test_charging_settings_that_do_not_fit_are_refused(drive, settings):
    car, vehicle = await drive(VIN_I20)

    with pytest.raises(MyBMWAPIError):
        await vehicle.remote_services.trigger_remote_service(
            Services.CHARGING_SETTINGS, data=settings
        )
    assert not car.performed


@pytest.mark.parametrize("vin", [VIN_I20, VIN_G01, VIN_I01_REX, VIN_I01_NOREX])
async def test_a_charging_profile_arrives(drive, vin):
    car, vehicle = await drive(vin)
    window = vehicle.charging_profile.preferred_charging_window
    before = (window.start_time, window.end_time)

    await vehicle.remote_services.trigger_charging_profile_update(
        ChargingMode.DELAYED_CHARGING, precondition_climate=True
    )

    profile = vehicle.charging_profile
    assert profile.charging_mode == ChargingMode.DELAYED_CHARGING
    assert profile.charging_preferences == "CHARGING_WINDOW"
    assert profile.is_pre_entry_climatization_enabled
    window = profile.preferred_charging_window
    assert (window.start_time, window.end_time) == before
    detail = car.charging_data["chargeAndClimateTimerDetail"]
    assert detail["chargingMode"]["type"] == "TIME_SLOT"
    assert detail["isPreconditionForDepartureActive"]


async def test_a_charging_window_and_departure_times_arrive(drive):
    _, vehicle = await drive(VIN_I01_REX)
    data = vehicle.charging_profile.format_for_remote_service()
    data["chargingMode"] |= {
        "chargingPreference": "CHARGING_WINDOW",
        "type": "TIME_SLOT",
        "startTimeSlot": "0001-01-01T22:30:00.000",
        "endTimeSlot": "0001-01-01T05:15:00.000",
    }
    data["departureTimer"]["weeklyTimers"][0]["time"] = "0001-01-01T06:40:00.000"

    await vehicle.remote_services.trigger_remote_service(
        Services.CHARGING_PROFILE, data=data, refresh=True
    )

    window = vehicle.charging_profile.preferred_charging_window
    assert f"{window.start_time:%H:%M}-{window.end_time:%H:%M}" == "22:30-05:15"
    assert f"{vehicle.charging_profile.departure_times[0].start_time:%H:%M}" == "06:40"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("servicePack"),
        lambda data: data.update(isPreconditionForDepartureActive="yes"),
        lambda data: data["chargingMode"].update(chargingPreference="CHARGING_WINDOW"),
        lambda data: data["chargingMode"].update(type="TIME_SLOT"),
        lambda data: data.update(departureTimer=None),
    ],
)
async def test_a_contradictory_charging_profile_is_refused(drive, spoil):
    car, vehicle = await drive(VIN_I20)
    data = vehicle.charging_profile.format_for_remote_service()
    spoil(data)

    with pytest.raises(MyBMWAPIError):
        await vehicle.remote_services.trigger_remote_service(Services.CHARGING_PROFILE, data=data)
    assert not car.performed


async def test_a_destination_arrives(bmw, drive):
    car, vehicle = await drive(VIN_G20)

    status = await vehicle.remote_services.trigger_send_poi(dict(POI_DATA))

    assert status.state == "EXECUTED"
    assert bmw.requests[-1].status == 201
    service, body = car.performed[0]
    assert service == "send-to-car"
    assert body["places"][0]["title"] == "49ers"


async def test_a_destination_without_a_name_is_refused(drive):
    _, vehicle = await drive(VIN_G20)

    with pytest.raises(MyBMWAPIError):
        await vehicle.remote_services.trigger_send_poi({**POI_DATA, "name": None})


async def test_an_error_comes_with_its_details(bmw, drive):
    car, vehicle = await drive(VIN_I20)
    bmw.outcomes.plan(FAILED, service="door-lock", times=1)

    with pytest.raises(MyBMWRemoteServiceError, match="NACK"):
        await vehicle.remote_services.trigger_remote_door_lock()
    assert not car.performed
    assert (await vehicle.remote_services.trigger_remote_door_lock()).state == "EXECUTED"


async def test_a_car_may_ignore_a_command(bmw, drive):
    car, vehicle = await drive(VIN_I20)
    bmw.outcomes.plan(IGNORED, vin=VIN_I20)

    assert (await vehicle.remote_services.trigger_remote_horn()).state == "IGNORED"
    assert not car.performed
    bmw.outcomes.clear()
    assert (await vehicle.remote_services.trigger_remote_horn()).state == "EXECUTED"


async def test_a_command_may_never_finish(bmw, drive, monkeypatch):
    monkeypatch.setattr("bimmer_connected.vehicle.remote_services._POLLING_TIMEOUT", 0.2)
    _, vehicle = await drive(VIN_I20)
    bmw.outcomes.plan(NEVER_FINISHED)

    with pytest.raises(MyBMWRemoteServiceError, match="Did not receive"):
        await vehicle.remote_services.trigger_remote_horn()


async def test_a_service_a_car_does_not_offer_is_refused(drive):
    car, vehicle = await drive(VIN_G20)

    for service in (Services.CHARGE_START, Services.CHARGING_PROFILE):
        with pytest.raises(MyBMWAPIError):
            await vehicle.remote_services.trigger_remote_service(service)
    with pytest.raises(MyBMWAPIError):
        await vehicle.remote_services.trigger_remote_service(Services.AIR_CONDITIONING)
    assert not car.performed


async def test_nobody_commands_a_car_of_somebody_else(user_with, app, drive):
    _, vehicle = await drive(VIN_I20)
    stranger = app(user_with(fixture_car(VIN_G20)))
    await stranger.get_vehicles()
    stranger.vehicles[0].data["vin"] = vehicle.vin

    with pytest.raises(MyBMWAPIError):
        await stranger.vehicles[0].remote_services.trigger_remote_horn()
