"""From BMW's descriptors to doors, windows, lock, services and warnings, row by row."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from bmw2mqtt.vehicle.snapshot import (
    LockState,
    OpeningState,
    ServiceStatus,
)
from tests.accounts.cardata.reporting_car import ELECTRIC, T0, VIN, Car
from tests.accounts.cardata.snapshot.names import (
    DISPLAY_UNIT,
    MESSAGES,
    SERVICES,
    reported,
    states,
)

# Doors, windows, lock


def doors(prefix: str, suffix: str, value: Any) -> dict[str, Any]:
    return {
        f"cabin.{prefix}.row{row}.{side}.{suffix}": value
        for row in (1, 2)
        for side in ("driver", "passenger")
    }


@pytest.mark.parametrize(
    ("steering", "name"), [("LL", "leftFront"), ("RL", "rightFront"), (None, "leftFront")]
)
def test_the_drivers_side_depends_on_the_steering(steering: str | None, name: str) -> None:
    basic = {**ELECTRIC, "steering": steering}
    values = {**doors("door", "isOpen", "CLOSED"), **doors("window", "status", "CLOSED")}
    values |= {"cabin.door.row1.driver.isOpen": True, "cabin.window.row1.driver.status": "OPEN"}
    vehicle = reported(values, basic)
    for openings in (vehicle.lids, vehicle.windows):
        assert [n for n, state in states(openings).items() if state == "OPEN"] == [name]
        assert len(states(openings)) == 4


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (True, "OPEN"), (False, "CLOSED"), ("true", "OPEN"), ("false", "CLOSED"), ("OPEN", "OPEN"),
        ("closed", "CLOSED"), ("ASN_isTrue", "OPEN"), ("ASN_isFalse", "CLOSED"),
    ],
)  # fmt: skip
def test_all_lids_in_all_words(raw: Any, state: str) -> None:
    values = {
        **doors("door", "isOpen", raw), "body.hood.isOpen": raw, "body.trunk.isOpen": raw,
        **{f"body.trunk.{part}.door.isOpen": raw for part in ("left", "right", "upper", "lower")},
    }  # fmt: skip
    assert states(reported(values).lids) == dict.fromkeys(
        [
            "leftFront", "rightFront", "leftRear", "rightRear", "hood", "trunk", "trunkLeftDoor",
            "trunkRightDoor", "trunkUpperDoor", "trunkLowerDoor",
        ],
        state,
    )  # fmt: skip


def test_the_newer_word_about_the_trunk_counts() -> None:
    car = Car()
    car.report({"body.trunk.isOpen": "CLOSED"})
    assert states(car.report({"body.trunk.door.isOpen": True}, 60).lids)["trunk"] == "OPEN"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"status": "CLOSED"}, "CLOSED"),
        ({"status": "OPEN"}, "OPEN"),
        ({"status": "INTERMEDIATE"}, "INTERMEDIATE"),
        ({"overallStatus": "OPEN_TILT"}, "OPEN_TILT"),
        ({"overallStatus": "INTERMEDIATE_TILT"}, "INTERMEDIATE"),
        ({"status": "CLOSED", "tiltStatus": "OPEN"}, "OPEN_TILT"),
        ({"status": "CLOSED", "tiltStatus": "CLOSED"}, "CLOSED"),
    ],
)
def test_the_sun_roof(values: dict[str, str], state: str) -> None:
    lids = reported({f"cabin.sunroof.{name}": word for name, word in values.items()}).lids
    assert states(lids)["sunRoof"] == state


def test_windows() -> None:
    values = doors("window", "status", "CLOSED")
    values |= {
        "cabin.window.row2.driver.status": "INTERMEDIATE",
        "body.trunk.window.isOpen": "OPEN",
    }
    assert states(reported(values).windows) == {
        "leftFront": "CLOSED", "rightFront": "CLOSED", "leftRear": "INTERMEDIATE",
        "rightRear": "CLOSED", "rear": "OPEN",
    }  # fmt: skip


def test_a_convertibles_roof() -> None:
    assert (
        states(reported({"cabin.convertible.roofStatus": "OPENSECURED"}).lids)["convertibleRoof"]
        == "OPEN"
    )


def test_doors_that_told_nothing_are_not_closed() -> None:
    vehicle = reported({"body.trunk.isOpen": False})
    assert states(vehicle.lids)["leftFront"] == OpeningState.UNKNOWN
    assert vehicle.windows is None
    assert reported({}).lids is None
    gone = Car()
    gone.report({"body.hood.isOpen": "CLOSED"})
    assert states(gone.report({"body.hood.isOpen": "INVALID"}, 60).lids)["hood"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("LOCKED", LockState.LOCKED),
        ("SECURED", LockState.SECURED),
        ("UNLOCKED", LockState.UNLOCKED),
        ("SELECTIVELOCKED", LockState.SELECTIVE_LOCKED),
        ("SELECTIVE-LOCKED", LockState.SELECTIVE_LOCKED),
        ("selectiveLocked", LockState.SELECTIVE_LOCKED),
        ("INVALID", None),
    ],
)
@pytest.mark.parametrize("name", ["cabin.door.lock.status", "cabin.door.status"])
def test_door_lock(name: str, word: str, state: LockState | None) -> None:
    car = Car()
    assert car.report({name: word}).door_lock is state
    assert car.unknown_words == []


def test_the_newest_word_about_the_lock_counts() -> None:
    car = Car()
    car.report({"cabin.door.lock.status": "SECURED"})
    assert car.report({"cabin.door.status": "UNLOCKED"}, 60).door_lock is LockState.UNLOCKED
    assert car.report({"cabin.door.lock.status": "LOCKED"}, 120).door_lock is LockState.LOCKED


def test_a_word_about_doors_says_nothing_about_the_lock() -> None:
    car = Car()
    car.report({"cabin.door.lock.status": "SECURED"})
    assert car.report({"cabin.door.status": "CLOSED"}, 60).door_lock is LockState.SECURED
    assert car.report({"cabin.door.status": "OPEN"}, 120).door_lock is LockState.SECURED
    assert car.unknown_words == []
    assert car.report({"cabin.door.status": "AJAR"}, 180).door_lock is LockState.SECURED


def test_a_replaced_word_stays_replaced() -> None:
    car = Car()
    car.report({"cabin.door.lock.status": "SECURED"})
    car.report({"cabin.door.status": "UNLOCKED"}, 60)
    assert car.report({"cabin.door.status": "INVALID"}, 120).door_lock is None
    assert car.report({"cabin.door.lock.status": "LOCKED"}, 180).door_lock is LockState.LOCKED
    assert car.report({"cabin.door.status": "INVALID"}, 240).door_lock is LockState.LOCKED


def test_an_unknown_word_about_the_lock_is_reported() -> None:
    car = Car()
    assert car.report({"cabin.door.status": "AJAR"}).door_lock is None
    assert [word for _, word in car.unknown_words] == ["ajar"]


def test_the_alarm() -> None:
    name = "vehicle.antiTheftAlarmSystem.alarm.armStatus"
    assert reported({name: "unarmed"}).alarm == "unarmed"
    assert reported({name: "doorsTiltCabin"}).alarm == "doors_tilt_cabin"
    assert reported({}).alarm is None


# Services and warnings


def cbs(**fields: Any) -> str:
    item = {
        "id": 1, "title": "Engine oil", "description": "Change it", "status": "OK",
        "date": "2027-03", "unitOfLengthRemaining": "12000",
    }  # fmt: skip
    return json.dumps([{**item, **fields}])


def test_services() -> None:
    (service,) = reported({SERVICES: cbs()}).services or ()
    assert service.type == "ENGINE_OIL"
    assert service.status is ServiceStatus.OK
    assert (service.due_date, service.due_distance_km) == (date(2027, 3, 1), 12000)
    assert service.description == "Change it"


@pytest.mark.parametrize(
    ("fields", "type_"),
    [
        ({"id": "2"}, "BRAKE_PADS_FRONT"),
        ({"id": 3}, "BRAKE_FLUID"),
        ({"id": 32}, "VEHICLE_TUV"),
        ({"id": 100}, "VEHICLE_CHECK"),
        ({"id": "17", "title": "§ Vehicle inspection"}, "VEHICLE_TUV"),
        ({"id": 4, "title": "Micro filter"}, "MICRO_FILTER"),
        ({"id": 4, "title": None}, "4"),
    ],
)
def test_kinds_of_services(fields: dict[str, Any], type_: str) -> None:
    (service,) = reported({SERVICES: cbs(**fields)}).services or ()
    assert service.type == type_


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "OVERDUE"}, "OVERDUE"),
        ({"status": "PENDING"}, "PENDING"),
        ({"status": "NULL"}, "OK"),
        ({"status": "NULL", "date": "2026-10"}, "OVERDUE"),
        ({"status": "NULL", "date": "2026-11", "unitOfLengthRemaining": "-"}, "OK"),
        ({"status": "NULL", "unitOfLengthRemaining": "-10"}, "OVERDUE"),
        ({"status": "NULL", "date": "null", "unitOfLengthRemaining": "-"}, "UNKNOWN"),
        ({"status": "STRANGE"}, "UNKNOWN"),
    ],
)
def test_states_of_services(fields: dict[str, Any], status: str) -> None:
    (service,) = reported({SERVICES: cbs(**fields)}).services or ()
    assert service.status == status


@pytest.mark.parametrize("status", ["OK", "NULL"])
def test_a_date_that_stands_for_none_is_not_shown(status: str) -> None:
    fields = {"status": status, "date": "2062-09", "unitOfLengthRemaining": "-"}
    (service,) = reported({SERVICES: cbs(**fields)}).services or ()
    assert (service.due_date, service.status) == (None, "OK")


def test_services_without_a_date_or_distance() -> None:
    (service,) = reported({SERVICES: cbs(date="null", unitOfLengthRemaining="-")}).services or ()
    assert (service.due_date, service.due_distance_km) == (None, None)


def test_services_distances_follow_the_display() -> None:
    vehicle = reported({SERVICES: cbs(unitOfLengthRemaining="1000"), DISPLAY_UNIT: "miles"})
    assert (vehicle.services or ())[0].due_distance_km == 1609


def test_warnings() -> None:
    item = {
        "id": 143,
        "messageType": "CCM",
        "text": "Tyre",
        "status": "NULL",
        "unitOfLengthRemaining": "48712",
    }
    others = [{"id": "164"}, {"id": 907}, {"id": 5, "text": "Light left"}, {}]
    messages = reported({MESSAGES: json.dumps([item, *others])}).check_control_messages or ()
    assert [message.type for message in messages] == [
        "TIRE_PRESSURE", "WASHING_FLUID", "BRAKE_PADS", "LIGHT_LEFT", "UNKNOWN",
    ]  # fmt: skip
    assert messages[0].description == "Tyre"


def test_warnings_of_one_number_are_all_there() -> None:
    items = [
        {"id": 5, "text": "Light left", "severity": "LOW", "unitOfLengthRemaining": "48712"},
        {"id": 5, "text": "Light right", "severity": "high", "unitOfLengthRemaining": "-"},
    ]
    messages = reported({MESSAGES: json.dumps(items)}).check_control_messages or ()
    assert [(m.description, m.severity, m.mileage_km) for m in messages] == [
        ("Light left", "LOW", 48712),
        ("Light right", "HIGH", None),
    ]


def test_the_odometer_in_a_warning_follows_the_display_unless_the_car_has_not_come_that_far() -> (
    None
):
    text = json.dumps([{"id": 143, "unitOfLengthRemaining": "1000"}])
    for odometer_km, expected in ((2000, 1609.3), (1200, 1000), (None, 1609.3)):
        car = Car()
        if odometer_km:
            car.report({"vehicle.travelledDistance": (odometer_km, "km")})
        vehicle = car.report({MESSAGES: text, DISPLAY_UNIT: "miles"}, 60)
        assert (vehicle.check_control_messages or ())[0].mileage_km == expected


def test_services_of_one_number_are_all_there() -> None:
    items = json.loads(cbs()) + json.loads(cbs(date="2028-01"))
    services = reported({SERVICES: json.dumps(items)}).services or ()
    assert [service.due_date for service in services] == [date(2027, 3, 1), date(2028, 1, 1)]


def test_no_warnings_and_unknown_warnings() -> None:
    car = Car()
    assert car.snapshot().check_control_messages is None
    assert car.report({MESSAGES: "[]"}).check_control_messages == ()
    car.report({MESSAGES: '[{"id": 1}]'}, 60)
    gone = {f"vehicle.{MESSAGES}": {"value": None, "unit": None, "timestamp": None}}
    car.store.add(VIN).record(gone, T0 + timedelta(hours=1))
    assert car.snapshot().check_control_messages == ()


BAD_ITEMS = '[{"id": [], "date": 1e99}]'


@pytest.mark.parametrize(
    "text", ["nonsense", "[", "5", '"x"', "[1, null, []]", "[" * 60_000, BAD_ITEMS]
)
def test_lists_that_are_none(text: str) -> None:
    vehicle = reported({SERVICES: text, MESSAGES: text})
    assert not vehicle.services or len(vehicle.services) == 1
    assert not vehicle.check_control_messages or len(vehicle.check_control_messages) == 1
