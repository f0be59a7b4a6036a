"""The library keeps old values when BMW leaves something out; a consumer never sees one of them.

One test for each trap. Values go through a simulated BMW, the unmodified library and the tables.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.simulator.mybmw import Fault
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.charging.energy import energy_of
from tests.fixture_cars import copies_of, fixture_car

pytestmark = pytest.mark.no_cover

IX, I4, X3 = "WBA00000000DEMO01", "WBA00000000DEMO02", "WBA00000000DEMO04"
M340 = "WBA00000000DEMO03"
REX, I3 = "WBY00000000REXI01", "WBY000000NOREXI01"
NOON = datetime(2023, 6, 22, 10, 30, tzinfo=UTC)


def remove(document: dict[str, Any], path: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        document = document[parent]
    del document[last]


def put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        document = document[parent]
    document[last] = value


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    return {
        topic: after.get(topic)
        for topic in before.keys() | after.keys()
        if before.get(topic) != after.get(topic)
    }


LEFT_OUT: list[tuple[str, str, list[str]]] = [
    (IX, "currentMileage", ["sensor/mileage"]),
    (IX, "electricChargingState.chargingLevelPercent", ["sensor/remaining_battery_percent"]),
    (IX, "electricChargingState.chargingTarget", ["sensor/charging_target"]),
    (IX, "electricChargingState.isChargerConnected", ["binary_sensor/connection_status"]),
    (IX, "electricChargingState.range", ["sensor/remaining_range_electric"]),
    (IX, "electricChargingState.remainingChargingMinutes", ["sensor/charging_end_time"]),
    (IX, "climateControlState.activity", ["sensor/climate_status", "switch/climate"]),
    (IX, "climateControlState", ["sensor/climate_status", "switch/climate"]),
    (IX, "doorsState.combinedSecurityState", ["binary_sensor/door_lock_state", "lock/lock"]),
    (IX, "doorsState", ["binary_sensor/lids", "lock/lock"]),
    (IX, "windowsState", ["binary_sensor/windows"]),
    (IX, "requiredServices", ["binary_sensor/condition_based_services"]),
    (IX, "checkControlMessages", ["binary_sensor/check_control_messages"]),
    (IX, "tireState.frontLeft.status.currentPressure", ["sensor/front_left_current_pressure"]),
    (IX, "tireState", ["sensor/rear_right_current_pressure"]),
    (IX, "chargingProfile.chargingMode", ["select/charging_mode"]),
    (IX, "chargingProfile", ["binary_sensor/is_pre_entry_climatization_enabled"]),
    (IX, "chargingProfile.chargingSettings", ["sensor/ac_current_limit", "select/ac_limit"]),
    (M340, "combustionFuelLevel.remainingFuelLiters", ["sensor/remaining_fuel"]),
    (M340, "combustionFuelLevel.remainingFuelPercent", ["sensor/remaining_fuel_percent"]),
    (M340, "combustionFuelLevel", ["sensor/remaining_range_fuel", "sensor/remaining_fuel"]),
    (REX, "chargingProfile.reductionOfChargeCurrent", ["sensor/charging_start_time"]),
]


async def test_what_the_next_answer_leaves_out_is_unknown(watch: Any) -> None:
    cars = copies_of(*(vin for vin, _, _ in LEFT_OUT))
    watched = await watch(*cars)
    await watched.poll()
    before = [watched.consumer.car(car.vin) for car in cars]
    for car, (_, path, _) in zip(cars, LEFT_OUT, strict=True):
        remove(car.state_data["state"], path)
    await watched.poll()
    for car, was, (_, path, topics) in zip(cars, before, LEFT_OUT, strict=True):
        shown = watched.consumer.car(car.vin)
        assert all(was[topic] != "None" for topic in topics), path
        assert {topic: shown[topic] for topic in topics} == dict.fromkeys(topics, "None"), path
        assert shown.keys() == was.keys(), "no entity comes or goes"


async def test_an_almost_empty_answer_makes_everything_unknown_and_removes_nothing(
    watch: Any,
) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    car.state_data["state"] = {"isLscSupported": True}
    await watched.poll()
    after = watched.consumer.car(IX)
    assert after.keys() == before.keys()
    values = {topic: text for topic, text in after.items() if not topic.endswith("/attributes")}
    assert set(values.values()) == {"None"}
    assert watched.consumer.attributes(IX, "binary_sensor/lids") == {}


@pytest.mark.parametrize("field", ["checkControlMessages", "requiredServices"])
async def test_messages_and_services_are_cleared_by_an_empty_list(watch: Any, field: str) -> None:
    entity, worst = {
        "checkControlMessages": ("binary_sensor/check_control_messages", "severity"),
        "requiredServices": ("binary_sensor/condition_based_services", "status"),
    }[field]
    car = fixture_car(IX)
    car.state_data["state"][field][0][worst] = {"severity": "HIGH", "status": "OVERDUE"}[worst]
    watched = await watch(car)
    await watched.poll()
    assert watched.consumer.car(IX)[entity] == "ON"
    car.state_data["state"][field] = []
    await watched.poll()
    assert watched.consumer.car(IX)[entity] == "OFF"
    assert watched.consumer.attributes(IX, entity) == {}


async def test_windows_are_followed_though_only_the_roof_tells_of_the_lids(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    state = car.state_data["state"]
    del state["doorsState"]
    state["windowsState"]["leftFront"] = "OPEN"
    await watched.poll()
    topics = watched.consumer.car(IX)
    assert topics["binary_sensor/windows"] == "ON"
    assert watched.consumer.attributes(IX, "binary_sensor/windows")["leftFront"] == "OPEN"
    assert topics["binary_sensor/lids"] == "None", "a closed roof does not tell of the doors"
    assert topics["sensor/sunroof"] == "closed"
    state["roofState"]["roofState"] = "OPEN"
    await watched.poll()
    assert watched.consumer.car(IX)["binary_sensor/lids"] == "ON", "an open roof does"


async def test_a_missing_charging_status_costs_only_itself(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    battery = car.state_data["state"]["electricChargingState"]
    del battery["chargingStatus"]
    battery["chargingLevelPercent"] = 71
    await watched.poll()
    assert differences(before, watched.consumer.car(IX)) == {
        "sensor/charging_status": "None",
        "binary_sensor/charging_status": "None",
        "switch/charging": "None",
        "sensor/charging_end_time": "None",
        "sensor/charging_time_remaining": "None",
        "sensor/remaining_battery_percent": "71",
    }


async def test_a_position_without_coordinates_is_taken_back(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    entity = "device_tracker/location"
    location = car.state_data["state"]["location"]
    good = location["coordinates"]
    for bad in (None, {}, {"latitude": None, "longitude": None}, {"latitude": 48.1}):
        location["coordinates"] = good
        await watched.poll()
        before = watched.consumer.car(IX)
        assert watched.consumer.attributes(IX, entity)["latitude"] == 48.177334
        location["coordinates"] = bad
        await watched.poll()
        shown = watched.consumer.attributes(IX, entity)
        assert (shown["latitude"], shown["longitude"]) == (None, None)
        changed = differences(before, watched.consumer.car(IX))
        assert changed.keys() == {entity, f"{entity}/attributes"}
        assert changed[entity] == "None"


async def test_a_tire_without_status_costs_only_itself(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    tires = car.state_data["state"]["tireState"]
    del tires["frontLeft"]["status"]
    tires["rearRight"]["status"]["currentPressure"] = 250
    await watched.poll()
    assert differences(before, watched.consumer.car(IX)) == {
        "sensor/front_left_current_pressure": "None",
        "sensor/front_left_target_pressure": "None",
        "sensor/rear_right_current_pressure": "2.5",
    }


async def test_a_missing_mileage_is_never_zero(watch: Any) -> None:
    cars = copies_of(IX, IX, IX, IX)
    for car, mileage in zip(cars, (None, -1, "1121"), strict=False):
        car.state_data["state"]["currentMileage"] = mileage
    del cars[-1].state_data["state"]["currentMileage"]
    watched = await watch(*cars)
    await watched.poll()
    shown = [watched.consumer.car(car.vin)["sensor/mileage"] for car in cars]
    assert shown == ["None"] * 4


async def test_an_unknown_word_is_unknown_and_logged_once(watch: Any) -> None:
    car = fixture_car(IX)
    words = {
        "electricChargingState.chargingStatus": "sensor/charging_status",
        "climateControlState.activity": "sensor/climate_status",
        "doorsState.combinedSecurityState": "lock/lock",
        "doorsState.hood": "binary_sensor/lids",
        "windowsState.rear": "binary_sensor/windows",
        "chargingProfile.chargingMode": "select/charging_mode",
    }
    for path in words:
        put(car.state_data["state"], path, "NEW_WORD")
    watched = await watch(car)
    with capture_logs() as logs:
        for _ in range(3):
            await watched.poll()
    topics = watched.consumer.car(IX)
    assert topics["sensor/charging_status"] == "plugged_in", "an unknown word is no charge"
    others = set(words.values()) - {"sensor/charging_status"}
    assert {topic: topics[topic] for topic in others} == dict.fromkeys(others, "None")
    reported = sorted(log["field"] for log in logs if log["event"] == "unknown_word")
    assert reported == sorted(path.split(".")[-1] for path in words)


async def test_an_unknown_brand_shows_the_car_like_any_other(watch: Any) -> None:
    brands = ("ROLLS", "BMW_I", "mini", "BMW_NEW", None, 7, "")
    plain, *cars = copies_of(IX, *(IX for _ in brands))
    for car, brand in zip(cars, brands, strict=True):
        car.profile_data["brand"] = brand
    watched = await watch(plain, *cars)
    assert (await watched.poll()).status is AccountStatus.OK
    for car in cars:
        changed = differences(watched.consumer.car(plain.vin), watched.consumer.car(car.vin))
        assert changed.keys() <= {"sensor/charging_end_time"}
    shown = {snapshot.vin: snapshot.brand for snapshot in watched.consumer.snapshots}
    expected = ["ROLLS", "BMW", "MINI", "BMW", "BMW", "BMW", "BMW"]
    assert [shown[car.vin] for car in cars] == expected


async def test_charging_end_time_is_there_only_while_charging(watch: Any) -> None:
    cars = copies_of(IX, IX, IX, IX)

    def shown() -> list[str]:
        return [watched.consumer.car(car.vin)["sensor/charging_end_time"] for car in cars]

    watched = await watch(*cars)
    await watched.poll()
    assert "None" not in shown()
    statuses = ("INVALID", "PLUGGED_IN", "COMPLETE", "WAITING_FOR_CHARGING")
    for car, status in zip(cars, statuses, strict=True):
        car.state_data["state"]["electricChargingState"]["chargingStatus"] = status
    await watched.poll()
    assert shown() == ["None"] * 4


async def test_empty_capabilities_say_nothing_about_the_car(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    for capabilities in ({}, None, [], "x", ...):
        if capabilities is ...:
            del car.state_data["capabilities"]
        else:
            car.state_data["capabilities"] = capabilities
        assert (await watched.poll()).status is AccountStatus.OK
        after = watched.consumer.car(IX)
        assert after.keys() == before.keys(), capabilities


async def test_changed_capabilities_change_the_entities_in_both_directions(watch: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    capabilities = car.state_data["capabilities"]
    had = {name: capabilities[name] for name in ("isChargingTargetSocEnabled", "lock", "unlock")}
    for name in had:
        capabilities[name] = False
    capabilities["remoteChargingCommands"]["chargingControl"] = ["NOT_SUPPORTED"]
    await watched.poll()
    gone = {"number/target_soc", "lock/lock", "lock/lock/attributes", "switch/charging"}
    assert before.keys() - watched.consumer.car(IX).keys() == gone
    capabilities.update(had)
    capabilities["remoteChargingCommands"]["chargingControl"] = ["START", "STOP"]
    await watched.poll()
    assert watched.consumer.car(IX) == before


async def test_failing_charging_details_cost_only_themselves(watch: Any, near_bmw: Any) -> None:
    car = fixture_car(IX)
    watched = await watch(car)
    await watched.poll()
    before = watched.consumer.car(IX)
    for mileage, status in enumerate((500, 502, 503, 404, 408), start=2000):
        near_bmw.faults.clear()
        near_bmw.faults.add(Fault(path="/eadrax-crccs/", status=status))
        car.state_data["state"]["currentMileage"] = mileage
        account = await watched.poll()
        assert (account.status, account.message) == (AccountStatus.OK, None)
        changed = differences(before, watched.consumer.car(IX))
        assert changed == {"sensor/mileage": str(mileage)}
    assert watched.consumer.snapshots[-1].charging.ac_limits_a, "options of the limit stay"


async def test_a_poll_that_brings_nothing_new_publishes_nothing(watch: Any) -> None:
    watched = await watch(fixture_car(IX), fixture_car(I4))
    for _ in range(3):
        await watched.poll()
    assert len(watched.consumer.snapshots) == 2


async def test_the_configured_capacity_decides_how_much_was_charged(watch: Any) -> None:
    """The app reports no capacity; 30 percent of 60 kWh were charged."""
    car = fixture_car(IX)
    watched = await watch(car)
    watched.consumer.capacities_kwh[IX] = 60.0
    state = car.state_data["state"]
    for status, percent in (("PLUGGED_IN", 50), ("CHARGING", 50), ("COMPLETE", 80)):
        state["electricChargingState"] |= {
            "chargingStatus": status,
            "chargingLevelPercent": percent,
            "chargingTarget": 80,
            "isChargerConnected": True,
        }
        state["lastUpdatedAt"] = datetime.now(UTC).isoformat()
        await watched.poll()
    session = watched.account._poller.vehicles[IX].trackers.charging.machine.session
    assert energy_of(session).battery_kwh == pytest.approx(18.0)
