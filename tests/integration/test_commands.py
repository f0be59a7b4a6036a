"""Each command arrives at BMW once and as it was meant, and its end is told and seen."""

import json
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from bimmer_connected.tests import VIN_I01_REX, VIN_I20

from bmw2mqtt.simulator.mybmw import Fault
from tests.commanding import EVENT_FIELDS, LIMIT_S, LOCATION, TOLD_PATHS, CommandedDaemon, rig
from tests.mosquitto import retained, wait_until

pytestmark = pytest.mark.no_cover

REMOTE = "/eadrax-vrccs/v4/presentation/remote-commands"
CHARGING = f"/eadrax-crccs/v1/vehicles/{VIN_I20}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    directory = tmp_path_factory.mktemp("commands")
    with rig(directory, VIN_I20, VIN_I01_REX, account={"location": LOCATION}) as started:
        yield started


@pytest.fixture
def drive(running: CommandedDaemon) -> CommandedDaemon:
    """Cars as they were recorded."""
    running.reset()
    return running


class Case(NamedTuple):
    """A command to the car that has everything."""

    topic: str
    payload: str
    path: str
    on_the_way: str | None = None
    """What the entity shows while it runs; `None`: it has no state."""
    at_last: str | None = None
    query: Mapping[str, str] = MappingProxyType({})
    body: Mapping[str, Any] = MappingProxyType({})
    before: tuple[str, str] | None = None
    """A command that is needed first."""


CASES = [
    Case("lock/lock/set", "UNLOCK", f"{REMOTE}/door-unlock", "UNLOCKING", "UNLOCKED"),
    Case("lock/lock/set", "LOCK", f"{REMOTE}/door-lock", "LOCKING", "LOCKED"),
    Case("switch/climate/set", "ON", f"{REMOTE}/climate-now", "ON", "ON", {"action": "START"}),
    Case(
        "switch/climate/set",
        "OFF",
        f"{REMOTE}/climate-now",
        "OFF",
        "OFF",
        {"action": "STOP"},
        before=("switch/climate/set", "ON"),
    ),
    Case("switch/charging/set", "OFF", f"{CHARGING}/stop-charging", "OFF", "OFF"),
    Case(
        "switch/charging/set",
        "ON",
        f"{CHARGING}/start-charging",
        "ON",
        "ON",
        before=("switch/charging/set", "OFF"),
    ),
    Case(
        "number/target_soc/set",
        "95",
        f"{CHARGING}/charging-settings",
        "95",
        "95",
        body={"chargingTarget": 95, "acLimitValue": None},
    ),
    Case(
        "select/ac_limit/set",
        "32",
        f"{CHARGING}/charging-settings",
        "32",
        "32",
        body={"chargingTarget": None, "acLimitValue": 32},
    ),
    Case("button/light_flash/press", "PRESS", f"{REMOTE}/light-flash"),
    Case("button/light_flash/press", "", f"{REMOTE}/light-flash"),
    Case("button/sound_horn/press", "PRESS", f"{REMOTE}/horn-blow"),
    Case(
        "button/activate_air_conditioning/press",
        "PRESS",
        f"{REMOTE}/climate-now",
        query={"action": "START"},
    ),
    Case(
        "button/deactivate_air_conditioning/press",
        "",
        f"{REMOTE}/climate-now",
        query={"action": "STOP"},
    ),
]
WITHOUT_REFRESH = ("light-flash", "horn-blow")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.topic}={case.payload}")
def test_a_command_is_carried_out_once_and_seen(drive: CommandedDaemon, case: Case) -> None:
    if case.before is not None:
        mark = drive.mark(VIN_I20)
        drive.command(VIN_I20, *case.before)
        drive.wait_refreshed(VIN_I20, mark)
        second = int(time.time())  # a car reports in whole seconds: not twice in the same one
        wait_until(lambda: int(time.time()) > second, LIMIT_S, "another second")
    entity = case.topic.rpartition("/")[0]
    messages, requests = len(drive.observer.messages), len(drive.bmw.requests)
    events = len(drive.events(VIN_I20))
    gate = drive.hold()

    drive.send(VIN_I20, case.topic, case.payload)

    assert gate.asked.wait(LIMIT_S)
    if case.on_the_way is not None:
        drive.wait_for(VIN_I20, entity, case.on_the_way)
        values = json.loads(drive.wait_for(VIN_I20, "state").payload)[entity.split("/")[0]]
        expected = {"ON": True, "OFF": False, "95": 95}.get(case.on_the_way, case.on_the_way)
        assert values[entity.split("/")[1]] == expected
    mark = drive.mark(VIN_I20)
    gate.open()
    event = drive.wait_events(VIN_I20, events + 1)[-1]
    assert (event["event_type"], event["reason"], event["message"]) == ("executed", None, None)
    if not case.path.endswith(WITHOUT_REFRESH):
        drive.wait_refreshed(VIN_I20, mark)
    if case.at_last is not None:
        drive.wait_for(VIN_I20, entity, case.at_last)
        assert drive.shown(VIN_I20, entity, messages) in (
            [case.on_the_way, case.at_last],
            [case.at_last],
        )
    (trigger,) = drive.triggers(requests)
    assert (trigger.method, trigger.path, trigger.query) == ("POST", case.path, case.query)
    assert (trigger.vin, json.loads(trigger.body)) == (VIN_I20, case.body)
    told = drive.requests(*TOLD_PATHS, since=requests)
    assert {request.vin for request in told} <= {VIN_I20}
    assert len(told) <= (0 if case.path.endswith(WITHOUT_REFRESH) else 2)
    logins = [r for r in drive.requests(since=requests) if r.vin is None]
    assert [r for r in logins if "/eventStatus" not in r.path] == []


def test_the_event_has_every_field(drive: CommandedDaemon) -> None:
    gate = drive.hold()
    count = len(drive.events(VIN_I20))
    drive.send(VIN_I20, "button/sound_horn/press", "PRESS")
    assert gate.asked.wait(LIMIT_S)
    gate.open()
    event = drive.wait_events(VIN_I20, count + 1)[-1]

    assert event.keys() == EVENT_FIELDS
    assert event["entity"] == "button/sound_horn"
    assert event["payload"] == "PRESS"
    assert event["id"]
    received, finished = (
        datetime.fromisoformat(event[f"{w}_at"]) for w in ("received", "finished")
    )
    assert received.utcoffset() == timedelta(0)
    assert received <= finished


def test_ids_are_unique_and_events_are_not_retained(drive: CommandedDaemon) -> None:
    ids = {drive.command(VIN_I20, "button/light_flash/press")["id"] for _ in range(3)}
    assert len(ids) == 3
    assert not [t for t in retained(drive.port) if "/event/" in t]


@pytest.mark.parametrize(
    ("payload", "mode", "preference", "other"),
    [
        ("immediate_charging", "CHARGING_IMMEDIATELY", "NO_PRESELECTION", "delayed_charging"),
        ("delayed_charging", "TIME_SLOT", "CHARGING_WINDOW", "immediate_charging"),
    ],
)
def test_a_charging_mode_keeps_everything_else_the_owner_has_set(
    drive: CommandedDaemon, payload: str, mode: str, preference: str, other: str
) -> None:
    entity, topic = "select/charging_mode", "select/charging_mode/set"
    if drive.observer.current()[drive.topic(VIN_I01_REX, entity)] == payload.encode():
        mark = drive.mark(VIN_I01_REX)
        drive.command(VIN_I01_REX, topic, other)
        drive.wait_refreshed(VIN_I01_REX, mark)
    details = deepcopy(drive.cars[VIN_I01_REX].charging_data)
    assert details is not None
    timer = details["chargeAndClimateTimerDetail"]
    assert timer["chargingMode"]["startTimeSlot"] == "0001-01-01T18:01:00"
    assert timer["chargingMode"]["endTimeSlot"] == "0001-01-01T01:30:00"
    messages, requests = len(drive.observer.messages), len(drive.bmw.requests)
    gate = drive.hold(service="charging-profile")
    events = len(drive.events(VIN_I01_REX))

    drive.send(VIN_I01_REX, topic, payload)
    assert gate.asked.wait(LIMIT_S)
    drive.wait_for(VIN_I01_REX, entity, payload)
    mark = drive.mark(VIN_I01_REX)
    gate.open()
    assert drive.wait_events(VIN_I01_REX, events + 1)[-1]["event_type"] == "executed"
    drive.wait_refreshed(VIN_I01_REX, mark)

    assert set(drive.shown(VIN_I01_REX, entity, messages)) == {payload}
    (trigger,) = drive.triggers(requests)
    assert trigger.path == f"/eadrax-crccs/v1/vehicles/{VIN_I01_REX}/charging-profile"
    assert json.loads(trigger.body) == {
        "chargingMode": {
            "type": mode,
            "chargingPreference": preference,
            "startTimeSlot": "0001-01-01T18:01:00",
            "endTimeSlot": "0001-01-01T01:30:00",
            "timerChange": "NO_CHANGE",
        },
        "departureTimer": timer["departureTimer"],
        "isPreconditionForDepartureActive": timer["isPreconditionForDepartureActive"],
        "servicePack": details["servicePack"],
    }
    read, *refreshed = drive.requests(*TOLD_PATHS, since=requests)
    assert read.path == "/eadrax-crccs/v2/vehicles"
    assert len(refreshed) <= 2
    assert {r.vin for r in (read, *refreshed)} == {VIN_I01_REX}


def test_the_finder_shows_where_the_car_is_and_asks_nothing_else(drive: CommandedDaemon) -> None:
    drive.cars[VIN_I20].finder_position = {
        "latitude": 52.52,
        "longitude": 13.405,
        "formattedAddress": "somewhere",
        "heading": 77,
    }
    requests = len(drive.bmw.requests)

    event = drive.command(VIN_I20, "button/find_vehicle/press", "PRESS")

    assert event["event_type"] == "executed"

    def is_shown() -> bool:
        topic = drive.topic(VIN_I20, "device_tracker/location/attributes")
        shown = json.loads(drive.observer.current()[topic])
        return (shown["latitude"], shown["longitude"], shown["direction"]) == (52.52, 13.405, 77)

    wait_until(is_shown, LIMIT_S, "the position")
    (trigger,) = drive.triggers(requests)
    assert trigger.path == f"{REMOTE}/vehicle-finder"
    (position,) = drive.requests("/eventPosition", since=requests)
    assert (position.headers["latitude"], position.headers["longitude"]) == ("48.1", "11.5")
    assert drive.requests(*TOLD_PATHS, since=requests) == []


def test_a_failed_refresh_is_not_a_failed_command(drive: CommandedDaemon) -> None:
    drive.bmw.faults.add(Fault(path="/vehicles/state", status=500))
    messages, requests = len(drive.observer.messages), len(drive.bmw.requests)

    event = drive.command(VIN_I20, "lock/lock/set", "UNLOCK")

    assert event["event_type"] == "executed"
    drive.wait_for(VIN_I20, "lock/lock", "LOCKED")  # the last that is known
    assert drive.shown(VIN_I20, "lock/lock", messages) == ["UNLOCKING", "LOCKED"]
    assert len(drive.requests("/vehicles/state", since=requests)) == 1
    drive.bmw.faults.clear()
    assert drive.command(VIN_I20, "button/light_flash/press")["event_type"] == "executed"
    drive.observer.publish("bmw2mqtt/account/home/button/refresh/press", "PRESS")
    drive.wait_for(VIN_I20, "lock/lock", "UNLOCKED")


def test_one_car_does_not_wait_for_another(drive: CommandedDaemon) -> None:
    gate = drive.hold(vin=VIN_I20)
    count = len(drive.events(VIN_I20))
    drive.send(VIN_I20, "lock/lock/set", "UNLOCK")
    assert gate.asked.wait(LIMIT_S)

    assert drive.command(VIN_I01_REX, "button/light_flash/press")["event_type"] == "executed"
    assert len(drive.events(VIN_I20)) == count

    gate.open()
    assert drive.wait_events(VIN_I20, count + 1)[-1]["event_type"] == "executed"
