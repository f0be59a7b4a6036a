"""What is not exactly right is refused: BMW is not asked, and the answer says why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bimmer_connected.tests import VIN_F31, VIN_G26, VIN_I20

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.simulator.mybmw import Fault, blocked, quota_exceeded
from tests.commanding import BASE, EVENT_FIELDS, LIMIT_S, CommandedDaemon, rig
from tests.mosquitto import Observer, wait_until

pytestmark = pytest.mark.no_cover

STRANGER = "WBA0000000STRANGE"
FENCE = "none/fence/set"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    directory = tmp_path_factory.mktemp("refusals")
    with rig(directory, VIN_I20, VIN_G26, VIN_F31) as started:
        asked = len(started.bmw.requests)
        yield started
        assert len(started.bmw.requests) == asked
        assert all(car.performed == [] for car in started.cars.values())


def refused(
    drive: CommandedDaemon, vin: str, topic: str, payload: str | bytes = "", **options: Any
) -> str:
    """Send a command that is refused with one event, and no request: the reason."""
    count, asked = len(drive.events(vin)), len(drive.bmw.requests)
    drive.send(vin, topic, payload, **options)
    drive.send(vin, FENCE, "fence")
    event, fence = drive.wait_events(vin, count + 2)[-2:]
    assert fence["payload"] == "fence"
    assert event.keys() == EVENT_FIELDS
    assert event["event_type"] == "rejected"
    assert event["entity"] == topic.rpartition("/")[0]
    assert event["message"]
    assert len(drive.bmw.requests) == asked
    return str(event["reason"])


@pytest.mark.parametrize(
    ("vin", "topic", "payload", "reason"),
    [
        (STRANGER, "lock/lock/set", "LOCK", "unknown_vehicle"),
        (STRANGER, "nonsense/nonsense/set", "", "unknown_vehicle"),
        (VIN_I20, "lock/boot/set", "LOCK", "unknown_entity"),
        (VIN_I20, "sensor/mileage/set", "1", "unknown_entity"),
        (VIN_I20, "button/lock/press", "PRESS", "unknown_entity"),
        (VIN_I20, "event/command/set", "{}", "unknown_entity"),
        (VIN_I20, "lock/lock/press", "LOCK", "unknown_entity"),
        (VIN_I20, "button/light_flash/set", "PRESS", "unknown_entity"),
        (VIN_I20, "notify/poi/press", "48.1,11.5", "unknown_entity"),
        *(
            (VIN_I20, "lock/lock/set", payload, "invalid_payload")
            for payload in ("", "lock", "LOCK ", "OPEN", "PRESS", "LOCKED", "null", b"LO\0CK")
        ),
        *(
            (VIN_I20, f"switch/{key}/set", payload, "invalid_payload")
            for key in ("climate", "charging")
            for payload in ("", "on", "TRUE", "1", '"ON"')
        ),
        *(
            (VIN_I20, "number/target_soc/set", payload, "invalid_payload")
            for payload in (
                "",
                "15",
                "105",
                "82",
                "80.5",
                "8e1",
                "0x50",
                "nan",
                "inf",
                "80%",
                "-80",
            )
        ),
        *(
            (VIN_I20, "select/ac_limit/set", payload, "invalid_payload")
            for payload in ("", "5", "17", "16.0", "16 A", "-16")
        ),
        *(
            (VIN_I20, "select/charging_mode/set", payload, "invalid_payload")
            for payload in ("", "unknown", "no_action", "IMMEDIATE_CHARGING")
        ),
        *(
            (VIN_I20, "button/light_flash/press", payload, "invalid_payload")
            for payload in ("press", "ON", "PRESS\n", " ")
        ),
        *(
            (VIN_I20, "notify/poi/set", payload, "invalid_payload")
            for payload in (
                "",
                "Berlin",
                "48.1",
                "91,11",
                "48.1,181",
                "nan,nan",
                "48,1;11,5",
                "[48.1, 11.5]",
                "{",
                "{}",
                '{"latitude": 48.1}',
                '{"latitude": NaN, "longitude": 1}',
                '{"latitude": true, "longitude": 1}',
                '{"latitude": 48.1, "longitude": 11.5, "planet": "Mars"}',
                '{"latitude": 48.1, "longitude": 11.5, "name": 7}',
                "geo:",
                "geo:48.1",
                "geo:0,0?q=Berlin",
                "geo:0,0?q=Main+Street,Springfield",
                "geo:91,11",
            )
        ),
        *(
            (VIN_I20, topic, payload, "invalid_payload")
            for topic in ("lock/lock/set", "notify/poi/set", "button/light_flash/press")
            for payload in (b"\xff\xfe", b"48.1,11.5,\xe4", b"PRESS" * 1000, b"48.1,11.5," * 1000)
        ),
        (VIN_F31, "button/deactivate_air_conditioning/press", "PRESS", "unsupported"),
        (VIN_F31, "switch/climate/set", "OFF", "unsupported"),
        (VIN_F31, "number/target_soc/set", "80", "unsupported"),
        (VIN_F31, "select/charging_mode/set", "delayed_charging", "unsupported"),
        (VIN_G26, "switch/charging/set", "ON", "unsupported"),
        (VIN_I20, "button/find_vehicle/press", "PRESS", "unsupported"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused(
    running: CommandedDaemon, vin: str, topic: str, payload: str | bytes, reason: str
) -> None:
    assert refused(running, vin, topic, payload) == reason


@pytest.mark.parametrize(
    "topic", ["lock/lock/set", "button/sound_horn/press", "notify/poi/set", "no/thing/set"]
)
def test_a_command_sent_to_be_retained_is_refused_while_the_bridge_listens(
    running: CommandedDaemon, topic: str
) -> None:
    assert refused(running, VIN_I20, topic, "UNLOCK", retain=True) == "retained"
    # Removing it from the broker comes as an empty payload: that is no press of a button.
    assert refused(running, VIN_I20, topic, "", retain=True) == "retained"


def test_the_payload_in_the_event_is_short_and_readable(running: CommandedDaemon) -> None:
    assert refused(running, VIN_I20, "lock/lock/set", b"\xff" * 5000) == "invalid_payload"
    assert running.events(VIN_I20)[-2]["payload"] == "�" * 255


@pytest.mark.parametrize(
    "path",
    [
        "NOT-A-VIN/lock/lock/set",
        "wba00000000demo01/lock/lock/set",
        f"{VIN_I20}/Lock/lock/set",
        f"{VIN_I20}/lock/lock-2/set",
        f"{VIN_I20}//lock/set",
        "account/home/logout/set",
    ],
)
def test_a_topic_of_another_form_is_only_logged(running: CommandedDaemon, path: str) -> None:
    seen = len(running.observer.messages)
    running.observer.publish(f"{BASE}/{path}", "a-payload")
    running.command(VIN_I20, FENCE)
    wait_until(
        lambda: [e for e in running.process.log("warning") if e.get("topic") == f"{BASE}/{path}"],
        LIMIT_S,
        "the log",
    )
    topics = [m.topic for m in tuple(running.observer.messages)[seen:]]
    assert set(topics) <= {
        f"{BASE}/{path}",
        running.topic(VIN_I20, FENCE),
        running.topic(VIN_I20, "event/command"),
    }
    assert "a-payload" not in running.process.log_file.read_text()


def test_the_response_topic_gets_the_event_too(running: CommandedDaemon) -> None:
    event_count = len(running.events(VIN_I20))
    running.send(
        VIN_I20, "lock/lock/set", "?", ResponseTopic="my/answers/1", CorrelationData=b"\0\xff42"
    )
    event = running.wait_events(VIN_I20, event_count + 1)[-1]
    answer = running.observer.wait_for("my/answers/1", timeout_s=LIMIT_S)
    assert json.loads(answer.payload) == event
    assert answer.correlation_data == b"\0\xff42"
    on_topic = running.observer.on(running.topic(VIN_I20, "event/command"))[-1]
    assert on_topic.correlation_data is None


@pytest.mark.parametrize(
    "topic",
    [
        f"{BASE}/{VIN_I20}/lock/lock/set",
        f"{BASE}/bridge/availability",
        f"homeassistant/device/bmw2mqtt_{VIN_I20}/config",
        "homeassistant/status",
        "$SYS/broker/uptime",
    ],
)
def test_an_answer_never_goes_to_a_topic_of_ours(running: CommandedDaemon, topic: str) -> None:
    seen = len(running.observer.messages)
    refused(running, VIN_I20, "lock/lock/set", "?", ResponseTopic=topic)
    asked = {running.topic(VIN_I20, "lock/lock/set"), running.topic(VIN_I20, FENCE)}
    topics = {m.topic for m in tuple(running.observer.messages)[seen:]}
    assert topics == asked | {running.topic(VIN_I20, "event/command")}
    logged = running.process.log("warning")
    assert [e for e in logged if e["event"] == "response_topic_refused" and e["topic"] == topic]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_commands_that_the_broker_retains_are_refused_at_the_start(
    tmp_path: Path, protocol: str
) -> None:
    topics = ["lock/lock/set", "button/sound_horn/press", "notify/poi/set"]

    def retain(observer: Observer) -> None:
        for topic in topics:
            observer.publish(f"{BASE}/{VIN_I20}/{topic}", "UNLOCK", retain=True)

    with rig(tmp_path, VIN_I20, before=retain, mqtt={"protocol": protocol}) as drive:
        drive.send(VIN_I20, FENCE, "fence")
        events = drive.wait_events(VIN_I20, len(topics) + 1)[:-1]
        assert {e["entity"] for e in events} == {t.rpartition("/")[0] for t in topics}
        assert {(e["event_type"], e["reason"]) for e in events} == {("rejected", "retained")}
        assert drive.triggers() == []
        assert drive.command(VIN_I20, "button/light_flash/press")["event_type"] == "executed"


def test_read_only_lets_nothing_through_but_destinations(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20, account={"read_only": True}) as drive:
        payloads = {"lock": "UNLOCK", "switch": "ON", "number": "80", "button": "PRESS"}
        tried = 0
        for entity in VEHICLE_ENTITIES:
            if entity.command_suffix is None or entity.works_read_only:
                continue
            topic = f"{entity.platform}/{entity.key}/{entity.command_suffix}"
            for payload in (payloads.get(entity.platform, "16"), "delayed_charging", "?"):
                assert refused(drive, VIN_I20, topic, payload) == "read_only"
                tried += 1
        assert tried >= 30
        event = drive.command(VIN_I20, "notify/poi/set", "48.1,11.5")
        assert event["event_type"] == "executed"
        assert [r.path.rpartition("/")[2] for r in drive.triggers()] == ["send-to-car"]


@pytest.mark.parametrize("status", ["login_required", "quota_exceeded", "blocked"])
def test_an_account_in_trouble_sends_nothing(tmp_path: Path, status: str) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        if status == "login_required":
            drive.bmw.accounts.expire_access_tokens()
            drive.bmw.accounts.revoke_refresh_tokens()
            drive.bmw.faults.add(
                Fault(path="/gcdm/.*/authenticate|/oauth/authenticate", status=401)
            )
        else:
            drive.bmw.faults.add({"quota_exceeded": quota_exceeded, "blocked": blocked}[status]())
        drive.observer.publish(f"{BASE}/account/home/button/refresh/press", "PRESS")
        drive.observer.wait_for(f"{BASE}/account/home/sensor/status", status, LIMIT_S)

        assert refused(drive, VIN_I20, "lock/lock/set", "UNLOCK") == status
        assert refused(drive, VIN_I20, "notify/poi/set", "48.1,11.5") == status
        assert drive.shown(VIN_I20, "lock/lock") == ["LOCKED"]
