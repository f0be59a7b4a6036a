"""Whatever BMW makes of a command: the event says it, the entity shows the truth, life goes on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from bimmer_connected.tests import VIN_I01_REX, VIN_I20

from bmw2mqtt.simulator.mybmw import (
    FAILED,
    IGNORED,
    NEVER_FINISHED,
    Fault,
    Outcome,
    blocked,
    quota_exceeded,
    too_many_requests,
)
from tests.commanding import LIMIT_S, LOCATION, TOLD_PATHS, CommandedDaemon, rig

pytestmark = pytest.mark.no_cover

TRIGGER, STATUS = "/door-unlock", "/eventStatus"
NOT_JSON = "<html><body>Service temporarily weird</body></html>"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    directory = tmp_path_factory.mktemp("failures")
    account = {"location": LOCATION}
    with rig(
        directory, VIN_I20, VIN_I01_REX, account=account, event_polling_s=(0.05, 4)
    ) as started:
        yield started


@pytest.fixture
def drive(running: CommandedDaemon) -> Iterator[CommandedDaemon]:
    """Cars as they were recorded; after each test the daemon still does its work."""
    running.reset()
    yield running
    running.bmw.faults.clear()
    running.bmw.outcomes.clear()
    # A quota that a command has met holds for the whole account; a person may ask all the same.
    running.observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    running.observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok")
    assert running.command(VIN_I20, "button/sound_horn/press")["event_type"] == "executed"
    assert not [line for line in running.process.log() if "crashed" in line["event"]]


def unlock(drive: CommandedDaemon) -> dict[str, Any]:
    """Let the car be unlocked in vain: the event, once the entity has gone back."""
    messages, requests = len(drive.observer.messages), len(drive.bmw.requests)
    event: dict[str, Any] = drive.command(VIN_I20, "lock/lock/set", "UNLOCK")
    drive.wait_for(VIN_I20, "lock/lock", "LOCKED")
    assert drive.shown(VIN_I20, "lock/lock", messages) == ["UNLOCKING", "LOCKED"]
    assert {r.vin for r in drive.requests(*TOLD_PATHS, since=requests)} <= {VIN_I20}
    assert drive.cars[VIN_I20].performed == []
    return event


@pytest.fixture(autouse=True)
def nothing_performed(drive: CommandedDaemon) -> None:
    drive.cars[VIN_I20].performed.clear()


def error(details: Any) -> Outcome:
    return Outcome(statuses=("PENDING", "ERROR"), details={"errorDetails": details})


@pytest.mark.parametrize(
    ("outcome", "event_type", "reason", "message"),
    [
        (
            FAILED,
            "failed",
            "refused_by_vehicle",
            ": ".join(FAILED.details["errorDetails"][key] for key in ("title", "description")),
        ),
        (error({"title": "No 'way' \"ok\""}), "failed", "refused_by_vehicle", "No 'way' \"ok\""),
        (error({"title": "Half \ud83d"}), "failed", "refused_by_vehicle", "Half ?"),
        (error({}), "failed", "refused_by_vehicle", "the car refused"),
        (error(None), "failed", "refused_by_vehicle", "the car refused"),
        (error("NACK"), "failed", "refused_by_vehicle", "the car refused"),
        (error([1]), "failed", "refused_by_vehicle", "the car refused"),
        (IGNORED, "ignored", None, "the car had nothing to do"),
        (
            NEVER_FINISHED,
            "timed_out",
            "unreachable",
            "the car did not answer in time; it may still carry out the command",
        ),
    ],
)
def test_the_car_says_no(
    drive: CommandedDaemon, outcome: Outcome, event_type: str, reason: str | None, message: str
) -> None:
    drive.bmw.outcomes.plan(outcome, times=1)
    event = unlock(drive)
    assert (event["event_type"], event["reason"]) == (event_type, reason)
    assert event["message"] == message


REFUSED = ("failed", "refused_by_vehicle")
UNREACHABLE = ("failed", "unreachable")
UNKNOWN = ("timed_out", "unreachable")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        *((Fault(path=TRIGGER, status=status), REFUSED) for status in (400, 403, 404, 409, 422)),
        *((Fault(path=TRIGGER, status=status), UNREACHABLE) for status in (500, 503)),
        *((Fault(path=TRIGGER, status=status), UNKNOWN) for status in (408, 502, 504)),
        (Fault(path=TRIGGER, status=401), UNREACHABLE),
        (blocked(TRIGGER), ("failed", "blocked")),
        (quota_exceeded(TRIGGER), ("failed", "quota_exceeded")),
        (too_many_requests(TRIGGER, wait_s=0), ("failed", "quota_exceeded")),
        (Fault(path=TRIGGER, drop=True), UNKNOWN),
        (Fault(path=TRIGGER, status=200, body=NOT_JSON), UNKNOWN),
        (Fault(path=TRIGGER, status=200, body=[]), UNKNOWN),
        (Fault(path=TRIGGER, status=200, body={}), UNKNOWN),
        (Fault(path=TRIGGER, status=200, body=""), UNKNOWN),
        *((Fault(path=STATUS, status=status), UNKNOWN) for status in (400, 401, 404, 500, 503)),
        (blocked(STATUS), UNKNOWN),
        (quota_exceeded(STATUS), UNKNOWN),
        (Fault(path=STATUS, drop=True), UNKNOWN),
        (Fault(path=STATUS, status=200, body=NOT_JSON), UNKNOWN),
        (Fault(path=STATUS, status=200, body="null"), UNKNOWN),
        (Fault(path=STATUS, status=200, body={"eventStatus": "ASTONISHED"}), UNKNOWN),
    ],
    ids=str,
)
def test_bmw_fails(drive: CommandedDaemon, fault: Fault, expected: tuple[str, str]) -> None:
    drive.bmw.faults.add(fault)
    requests = len(drive.bmw.requests)
    event = unlock(drive)
    assert (event["event_type"], event["reason"]) == expected
    assert event["message"]
    tries = {r.status for r in drive.triggers(requests)}
    if fault.status not in {401, 429} or fault.path == STATUS:  # the library logs in and waits
        assert len(drive.triggers(requests)) == 1, tries


@pytest.mark.parametrize("body", [{}, {"eventStatus": None}, [], {"eventStatus": ""}], ids=str)
def test_a_status_that_says_nothing_is_asked_for_again(drive: CommandedDaemon, body: Any) -> None:
    drive.bmw.faults.add(Fault(path=STATUS, status=200, body=body, times=2))
    event = drive.command(VIN_I20, "lock/lock/set", "UNLOCK")
    assert event["event_type"] == "executed"
    drive.wait_for(VIN_I20, "lock/lock", "UNLOCKED")


def test_a_command_that_was_taken_is_not_said_to_have_failed_when_the_login_ends(
    drive: CommandedDaemon,
) -> None:
    drive.bmw.faults.add(Fault(path=STATUS, status=401, times=1))
    drive.bmw.faults.add(Fault(path="/oauth/token|/oauth/config|/gcdm/", status=500))
    event = drive.command(VIN_I20, "lock/lock/set", "UNLOCK")
    assert (event["event_type"], event["reason"]) == UNKNOWN
    drive.wait_for(VIN_I20, "lock/lock", "LOCKED")


def test_the_truth_is_shown_after_a_command_whose_end_is_not_known(drive: CommandedDaemon) -> None:
    drive.bmw.faults.add(Fault(path=STATUS, status=500))
    gate = drive.hold()
    count = len(drive.events(VIN_I20))
    door = drive.cars[VIN_I20].state_data["state"]["doorsState"]
    door["combinedSecurityState"] = "UNLOCKED"  # the car did it all the same

    drive.send(VIN_I20, "lock/lock/set", "UNLOCK")

    event = drive.wait_events(VIN_I20, count + 1)[-1]
    assert (event["event_type"], event["reason"]) == UNKNOWN
    drive.wait_for(VIN_I20, "lock/lock", "UNLOCKED")
    assert not gate.asked.is_set()


def test_bmw_is_not_there(drive: CommandedDaemon) -> None:
    count = len(drive.bmw.requests)
    stop, start = drive.bmw.stop, drive.bmw.start
    drive.call(stop())
    try:
        event = unlock(drive)
    finally:
        drive.call(start())
    assert (event["event_type"], event["reason"]) == UNREACHABLE
    assert len(drive.bmw.requests) == count


def test_a_destination_fails(drive: CommandedDaemon) -> None:
    for fault, expected in (
        (Fault(path="send-to-car", status=400), REFUSED),
        (Fault(path="send-to-car", status=500), UNREACHABLE),
        (Fault(path="send-to-car", drop=True), UNKNOWN),
        (Fault(path="send-to-car", status=200, body=NOT_JSON), UNKNOWN),
    ):
        drive.bmw.faults.clear()
        drive.bmw.faults.add(fault)
        event = drive.command(VIN_I20, "notify/poi/set", "48.1,11.5")
        assert (event["event_type"], event["reason"]) == expected, fault


def test_a_car_that_cannot_be_found(drive: CommandedDaemon) -> None:
    drive.cars[VIN_I20].finder_position = None
    event = drive.command(VIN_I20, "button/find_vehicle/press")
    assert (event["event_type"], event["reason"]) == REFUSED
    drive.bmw.faults.add(Fault(path="/eventPosition", status=200, body=NOT_JSON))
    event = drive.command(VIN_I20, "button/find_vehicle/press")
    assert (event["event_type"], event["reason"]) == UNKNOWN


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 404},
        {"status": 200, "body": NOT_JSON},
        {"status": 200, "body": []},
        {"status": 200, "body": {}},
        {"status": 200, "body": {"chargeAndClimateTimerDetail": {"chargingMode": None}}},
        {"drop": True},
    ],
    ids=str,
)
def test_a_profile_that_cannot_be_read_is_not_written(
    drive: CommandedDaemon, fault: dict[str, Any]
) -> None:
    topic = "select/charging_mode"
    drive.bmw.faults.add(Fault(path="/eadrax-crccs/v2/vehicles", vin=VIN_I01_REX, **fault))
    requests, messages = len(drive.bmw.requests), len(drive.observer.messages)

    event = drive.command(VIN_I01_REX, f"{topic}/set", "immediate_charging")

    assert (event["event_type"], event["reason"]) == UNREACHABLE
    assert drive.triggers(requests) == []
    drive.wait_for(VIN_I01_REX, topic, "delayed_charging")
    shown = drive.shown(VIN_I01_REX, topic, messages)
    assert shown == ["immediate_charging", "delayed_charging"]


def test_what_would_change_nothing_is_ignored_without_a_request(drive: CommandedDaemon) -> None:
    requests = len(drive.bmw.requests)
    drive.cars[VIN_I20].state_data["state"]["electricChargingState"] |= {
        "chargingStatus": "NOT_CHARGING",
        "isChargerConnected": False,
    }
    mark = drive.mark(VIN_I20)
    drive.observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    drive.wait_refreshed(VIN_I20, mark)
    for payload in ("ON", "OFF"):
        event = drive.command(VIN_I20, "switch/charging/set", payload)
        assert (event["event_type"], event["message"]) == ("ignored", "no charger is connected")
    assert drive.triggers(requests) == []
    drive.wait_for(VIN_I20, "switch/charging", "OFF")


def test_a_failed_command_does_not_stay_on_show_while_the_next_one_runs(
    drive: CommandedDaemon,
) -> None:
    first, second = drive.hold(service="door-unlock"), drive.hold(service="horn-blow")
    count = len(drive.events(VIN_I20))
    drive.send(VIN_I20, "lock/lock/set", "UNLOCK")
    assert first.asked.wait(LIMIT_S)
    drive.send(VIN_I20, "button/sound_horn/press")
    drive.wait_for(VIN_I20, "lock/lock", "UNLOCKING")

    first.open("IGNORED")

    assert second.asked.wait(LIMIT_S)
    drive.wait_for(VIN_I20, "lock/lock", "LOCKED")
    assert len(drive.events(VIN_I20)) == count + 1
    second.open()
    drive.wait_events(VIN_I20, count + 2)


def test_log_lines_are_json_and_name_no_secret(drive: CommandedDaemon) -> None:
    lines = [json.dumps(line) for line in drive.process.log()]
    assert not [line for line in lines if "a-password-42" in line or "Bearer" in line]
