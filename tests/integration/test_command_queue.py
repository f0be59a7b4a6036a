"""Commands of one car wait for each other, but not for ever; a stop ends them all."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bimmer_connected.tests import VIN_I20

from bmw2mqtt.simulator.mybmw import Fault, quota_exceeded
from tests.commanding import BASE, LIMIT_S, CommandedDaemon, Gate, rig
from tests.mosquitto import wait_until

pytestmark = pytest.mark.no_cover

WAITING = [
    ("button/light_flash/press", "PRESS"),
    ("switch/climate/set", "ON"),
    ("number/target_soc/set", "95"),
    ("notify/poi/set", "48.1,11.5"),
]
SERVICES = ["door-unlock", "light-flash", "climate-now", "charging-settings", "send-to-car"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    with rig(tmp_path_factory.mktemp("queue"), VIN_I20) as started:
        yield started


@pytest.fixture
def drive(running: CommandedDaemon) -> CommandedDaemon:
    running.reset()
    return running


def start(drive: CommandedDaemon, topic: str = "lock/lock/set", payload: str = "UNLOCK") -> Gate:
    """Let a command run until its gate is opened."""
    gate = drive.hold()
    drive.send(VIN_I20, topic, payload)
    assert gate.asked.wait(LIMIT_S)
    return gate


def services(drive: CommandedDaemon, since: int) -> list[str]:
    return [trigger.path.rpartition("/")[2] for trigger in drive.triggers(since)]


def verdict(event: dict[str, Any]) -> tuple[str, str | None]:
    return event["event_type"], event["reason"]


def test_four_wait_in_their_order_and_the_fifth_is_refused(drive: CommandedDaemon) -> None:
    count, since = len(drive.events(VIN_I20)), len(drive.bmw.requests)
    gate = start(drive)
    for topic, payload in WAITING:
        drive.send(VIN_I20, topic, payload)
    fifth = drive.command(VIN_I20, "button/sound_horn/press")
    assert verdict(fifth) == ("rejected", "queue_full")
    assert services(drive, since) == ["door-unlock"]

    gate.open()

    events = drive.wait_events(VIN_I20, count + 6)[-5:]
    assert {event["event_type"] for event in events} == {"executed"}
    assert [e["entity"] for e in events] == [
        "lock/lock",
        *(topic.rpartition("/")[0] for topic, _ in WAITING),
    ]
    assert services(drive, since) == SERVICES
    drive.wait_for(VIN_I20, "number/target_soc", "95")


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (("lock/lock/set", "UNLOCK"), ("lock/lock/set", "UNLOCK")),
        (("button/sound_horn/press", "PRESS"), ("button/sound_horn/press", "")),
        (("switch/climate/set", "ON"), ("button/activate_air_conditioning/press", "PRESS")),
        (("button/deactivate_air_conditioning/press", ""), ("switch/climate/set", "OFF")),
        (("number/target_soc/set", "85"), ("number/target_soc/set", " 85.0")),
    ],
    ids=str,
)
def test_the_same_command_is_refused_while_it_runs_and_while_it_waits(
    drive: CommandedDaemon, first: tuple[str, str], again: tuple[str, str]
) -> None:
    count, since = len(drive.events(VIN_I20)), len(drive.bmw.requests)
    gate = start(drive, *first)
    assert verdict(drive.command(VIN_I20, *again)) == ("rejected", "in_progress")
    gate.open()
    assert verdict(drive.wait_events(VIN_I20, count + 2)[-1]) == ("executed", None)

    gate = start(drive, "button/light_flash/press", "PRESS")
    drive.send(VIN_I20, *first)
    assert verdict(drive.command(VIN_I20, *again)) == ("rejected", "in_progress")
    gate.open()
    events = drive.wait_events(VIN_I20, count + 5)[-2:]
    assert [verdict(event) for event in events] == [("executed", None)] * 2
    assert len(drive.triggers(since)) == 3

    assert verdict(drive.command(VIN_I20, *again)) == ("executed", None)


def test_opposite_commands_both_run(drive: CommandedDaemon) -> None:
    count = len(drive.events(VIN_I20))
    gate = start(drive)
    drive.send(VIN_I20, "lock/lock/set", "LOCK")
    mark = drive.mark(VIN_I20)
    gate.open()
    assert {e["event_type"] for e in drive.wait_events(VIN_I20, count + 2)[-2:]} == {"executed"}
    drive.wait_refreshed(VIN_I20, mark)
    drive.wait_for(VIN_I20, "lock/lock", "LOCKED")


def test_a_message_that_expires_while_it_waits_is_not_carried_out(drive: CommandedDaemon) -> None:
    count, since = len(drive.events(VIN_I20)), len(drive.bmw.requests)
    gate = start(drive)
    drive.send(VIN_I20, "button/sound_horn/press", "PRESS", MessageExpiryInterval=1)
    drive.send(VIN_I20, "button/light_flash/press", "PRESS", MessageExpiryInterval=600)
    expired = drive.wait_events(VIN_I20, count + 1)[-1]  # at once, the first one still runs
    assert verdict(expired) == ("rejected", "expired")
    assert expired["entity"] == "button/sound_horn"

    gate.open()

    first, last = drive.wait_events(VIN_I20, count + 3)[-2:]
    assert verdict(first) == ("executed", None)
    assert verdict(last) == ("executed", None)
    assert services(drive, since) == ["door-unlock", "light-flash"]


def test_a_command_that_waited_until_the_account_was_in_trouble_is_refused(
    drive: CommandedDaemon,
) -> None:
    count, since = len(drive.events(VIN_I20)), len(drive.bmw.requests)
    gate = start(drive)
    drive.send(VIN_I20, "button/sound_horn/press")
    drive.bmw.faults.add(quota_exceeded("/vehicle-list"))
    drive.observer.publish(f"{BASE}/account/home/button/refresh/press", "PRESS")
    drive.observer.wait_for(f"{BASE}/account/home/sensor/status", "quota_exceeded", LIMIT_S)

    gate.open()

    events = drive.wait_events(VIN_I20, count + 2)[-2:]
    assert [verdict(e) for e in events] == [("executed", None), ("rejected", "quota_exceeded")]
    assert services(drive, since) == ["door-unlock"]
    drive.bmw.faults.clear()
    drive.observer.publish(f"{BASE}/account/home/button/refresh/press", "PRESS")
    drive.observer.wait_for(f"{BASE}/account/home/sensor/status", "ok", LIMIT_S)


def test_the_response_topic_hears_of_an_executed_command(drive: CommandedDaemon) -> None:
    gate = drive.hold()
    drive.send(
        VIN_I20, "button/sound_horn/press", ResponseTopic="answers/horn", CorrelationData=b"7"
    )
    assert gate.asked.wait(LIMIT_S)
    assert drive.observer.on("answers/horn") == []
    gate.open()
    answer = drive.observer.wait_for("answers/horn", timeout_s=LIMIT_S)
    assert b'"executed"' in answer.payload
    assert (answer.correlation_data, answer.retain) == (b"7", False)


# The end of the daemon


def restart_and_count(drive: CommandedDaemon) -> list[str]:
    """Start the daemon again; return the services it sends, which should be none."""
    seen = len(drive.bmw.requests)
    messages = len(drive.observer.messages)
    status = f"{BASE}/account/home/sensor/status"
    drive.process.start()
    wait_until(
        lambda: [
            m
            for m in tuple(drive.observer.messages)[messages:]
            if (m.topic, m.payload) == (status, b"ok")
        ],
        LIMIT_S,
        "ok",
    )
    assert verdict(drive.command(VIN_I20, "none/fence/set")) == ("rejected", "unknown_entity")
    return services(drive, seen)


def test_a_stop_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        start(drive)
        for topic, payload in WAITING:
            drive.send(VIN_I20, topic, payload)
        drive.wait_for(VIN_I20, "lock/lock", "UNLOCKING")
        drive.command(VIN_I20, "none/fence/set")

        assert drive.process.stop() == 0

        running, *waiting = drive.wait_events(VIN_I20, 6)[1:]
        assert verdict(running) == ("timed_out", "bridge_stopped")
        assert running["entity"] == "lock/lock"
        assert [verdict(event) for event in waiting] == [("failed", "bridge_stopped")] * 4
        drive.wait_for(VIN_I20, "lock/lock", "LOCKED")
        assert services(drive, 0) == ["door-unlock"]
        assert drive.process.complaints() == [
            line for line in drive.process.complaints() if line["event"].startswith("command_")
        ]
        assert restart_and_count(drive) == []
        assert len(drive.events(VIN_I20)) == 7


def test_a_stop_while_bmw_is_slow_to_take_the_command(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        drive.bmw.faults.add(Fault(path="/door-unlock", delay_s=4, times=1))
        drive.send(VIN_I20, "lock/lock/set", "UNLOCK")
        wait_until(lambda: not drive.bmw.faults._pending, LIMIT_S, "the request")
        assert drive.process.stop() == 0
        assert verdict(drive.wait_events(VIN_I20, 1)[0]) == ("timed_out", "bridge_stopped")
        wait_until(drive.triggers, LIMIT_S, "the late answer")


def test_a_kill_repeats_nothing(tmp_path: Path) -> None:
    with rig(tmp_path, VIN_I20) as drive:
        start(drive)
        drive.send(VIN_I20, "button/sound_horn/press")
        drive.command(VIN_I20, "none/fence/set")
        drive.process.signal(signal.SIGKILL)
        drive.process.wait()
        drive.wait_for("bridge", "availability", "offline")
        assert restart_and_count(drive) == []
        drive.wait_for(VIN_I20, "lock/lock", "LOCKED")
        assert services(drive, 0) == ["door-unlock"]
        assert len(drive.events(VIN_I20)) == 2
