"""How often BMW's stream is connected to, and what is said while there is none."""

import errno
import random
import socket
from datetime import timedelta
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from bmw2mqtt.accounts.cardata.stream.disconnect_reasons import (
    DisconnectKind,
    DisconnectReason,
    read_refusal,
)
from bmw2mqtt.accounts.cardata.stream.reconnect_policy import ReconnectPolicy
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.account import AccountStatus
from tests.accounts.cardata_bench import SteppedClock


class Course:
    """A pace on a clock that is put forward, and what is kept of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self._folder = folder
        self.restart()

    def restart(self) -> None:
        self.pace = ReconnectPolicy(StateFile(Store(self._folder), "home"), self.clock)
        self.pace.restore()

    def fail(self, kind: DisconnectKind) -> float:
        """Connect in vain as soon as it is allowed; return the pause that follows, in seconds."""
        self.wait()
        self.pace.connecting()
        self.pace.failed(DisconnectReason(kind, "a sentence"))
        return self.pace.wait_s()

    def lose(self, kind: DisconnectKind, *, after_s: float = 1) -> float:
        """Connect as soon as it is allowed, lose it; return the pause that follows."""
        self.wait()
        self.pace.connecting()
        self.pace.connected()
        self.clock.forward(seconds=after_s)
        self.pace.lost(DisconnectReason(kind, "a sentence"))
        return self.pace.wait_s()

    def wait(self) -> None:
        self.clock.forward(seconds=self.pace.wait_s())

    def said(self) -> str | None:
        problem = self.pace.problem()
        return None if problem is None else str(problem)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    return Course(tmp_path)


def test_the_pauses_double_up_to_five_minutes_and_are_ten_after_ten_failures(
    course: Course,
) -> None:
    pauses = [course.fail(DisconnectKind.LOST) for _ in range(12)]
    assert pauses == [10, 10, 20, 40, 80, 160, 300, 300, 300, 600, 600, 600]


def test_a_connection_that_is_lost_is_made_again_after_five_seconds(course: Course) -> None:
    assert course.lose(DisconnectKind.LOST, after_s=3600) == 5
    assert [course.lose(DisconnectKind.LOST) for _ in range(3)] == [10, 20, 40], (
        "it was not a good one"
    )


def test_the_pauses_vary(tmp_path: Path) -> None:
    pauses = {Course(tmp_path / str(number)).lose(DisconnectKind.LOST) for number in range(5)}
    assert len(pauses) > 1
    assert all(4 <= pause <= 6 for pause in pauses)


@pytest.mark.parametrize("after_s", [59, 60])
def test_a_minute_of_a_good_connection_forgives(course: Course, after_s: float) -> None:
    for _ in range(4):
        course.fail(DisconnectKind.LOST)
    assert course.lose(DisconnectKind.LOST, after_s=after_s) == (5 if after_s == 60 else 80)


def test_a_good_connection_forgives_also_when_it_is_left(course: Course) -> None:
    for _ in range(9):
        course.fail(DisconnectKind.LOST)
    course.wait()
    course.pace.connecting()
    course.pace.connected()
    course.clock.forward(hours=1)
    course.pace.closed()
    assert course.fail(DisconnectKind.LOST) == 10


def test_a_token_that_is_refused_again_and_again(course: Course) -> None:
    assert [course.fail(DisconnectKind.REFUSED) for _ in range(4)] == [30, 30, 450, 450]
    assert course.lose(DisconnectKind.REFUSED) == 30, "BMW has let us in between"


def test_a_token_that_is_refused_for_an_hour_is_said(course: Course) -> None:
    began = course.clock.now
    said = set()
    while course.clock.now - began < timedelta(minutes=70):
        course.fail(DisconnectKind.REFUSED)
        said.add((course.clock.now - began >= timedelta(hours=1), course.said()))
    course.clock.forward(minutes=10)
    assert not any("portal" in (sentence or "") for is_late, sentence in said if not is_late)
    problem = course.pace.problem()
    assert problem is not None
    assert problem.status is AccountStatus.ERROR
    assert "CarData Stream off and on again" in str(problem)


def test_too_many_connects_by_bmws_count(course: Course) -> None:
    assert [course.fail(DisconnectKind.BUSY) for _ in range(6)] == [60, 120, 240, 480, 600, 600]


def test_bmw_does_not_say_why(course: Course) -> None:
    assert [course.fail(DisconnectKind.ODD) for _ in range(3)] == [20, 20, 20]


def test_idle_is_not_held_against_anybody(course: Course) -> None:
    course.fail(DisconnectKind.LOST)
    for _ in range(3):
        assert course.lose(DisconnectKind.IDLE, after_s=70) == 0
    assert not course.pace.is_contested
    assert course.said() is None


def test_a_machine_without_network_is_not_a_failure(course: Course) -> None:
    assert [course.fail(DisconnectKind.OFFLINE) for _ in range(20)] == [15] * 20
    assert course.fail(DisconnectKind.LOST) == 15, "the first failure; four connects a minute"
    course.clock.forward(minutes=1)
    problem = course.pace.problem()
    assert problem is not None
    assert problem.status is AccountStatus.UNREACHABLE


def test_never_more_than_four_connects_in_a_minute(course: Course) -> None:
    connects = []
    for _ in range(20):
        course.wait()
        connects.append(course.clock.now)
        course.lose(DisconnectKind.IDLE, after_s=0.1)
    for earlier, later in zip(connects, connects[4:], strict=False):
        assert later - earlier >= timedelta(minutes=1)


def test_a_short_gap_is_not_said(course: Course) -> None:
    course.lose(DisconnectKind.LOST)
    assert course.said() is None
    course.clock.forward(seconds=59)
    assert course.said() is None
    course.clock.forward(seconds=1)
    assert course.said() == "a sentence; trying again"
    course.pace.connected()
    assert course.said() is None


def test_a_missing_configuration_is_said_at_once(course: Course) -> None:
    course.fail(DisconnectKind.SUBSCRIPTION)
    assert course.said() == "a sentence; trying again"


def test_six_drops_in_ten_minutes_are_another_program(course: Course) -> None:
    for _ in range(5):
        course.lose(DisconnectKind.LOST)
        assert not course.pace.is_contested
    pause_s = course.lose(DisconnectKind.LOST)
    assert course.pace.is_contested
    assert pause_s >= 60
    assert "another program uses this BMW account's stream" in str(course.said())
    course.restart()
    assert course.pace.is_contested, "a restart does not make the other program go away"
    course.clock.forward(minutes=11)
    assert not course.pace.is_contested


def test_six_drops_in_two_hours_are_a_bad_line(course: Course) -> None:
    for _ in range(10):
        course.lose(DisconnectKind.LOST, after_s=700)
    assert not course.pace.is_contested


def test_our_client_id_is_used_by_somebody_else(course: Course) -> None:
    assert course.lose(DisconnectKind.TAKEN_OVER, after_s=3600) == 60
    assert "another program" in str(course.said())
    course.restart()
    assert "another program" in str(course.said())
    course.clock.forward(minutes=11)
    assert course.said() is None


def test_a_restart_does_not_connect_earlier(course: Course) -> None:
    for _ in range(8):
        pause_s = course.fail(DisconnectKind.LOST)
    course.restart()
    assert course.pace.wait_s() == pause_s
    assert course.fail(DisconnectKind.LOST) == 300, "the failures are not forgotten"


def test_a_clock_that_was_wrong_holds_nothing_up(course: Course) -> None:
    for _ in range(8):
        course.fail(DisconnectKind.LOST)
    course.clock.forward(days=-400)
    course.restart()
    assert course.pace.wait_s() == 0


def test_while_an_older_connection_works_nothing_is_said(course: Course) -> None:
    course.pace.connecting()
    course.pace.connected()
    course.clock.forward(minutes=50)
    course.pace.failed(DisconnectReason(DisconnectKind.LOST, "a sentence"))
    course.clock.forward(minutes=5)
    assert course.said() is None
    course.pace.lost(DisconnectReason(DisconnectKind.LOST, "a sentence"))
    course.clock.forward(minutes=1)
    assert course.said() == "a sentence; trying again"


# What the MQTT library says


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (134, DisconnectKind.REFUSED),
        (135, DisconnectKind.REFUSED),
        (128, DisconnectKind.ODD),
        (133, DisconnectKind.ODD),
        (136, DisconnectKind.BUSY),
        (137, DisconnectKind.BUSY),
        (151, DisconnectKind.BUSY),
        (159, DisconnectKind.BUSY),
    ],
)
def test_refused_connects(code: int, kind: DisconnectKind) -> None:
    reason = ReasonCode(PacketTypes.CONNACK, identifier=code)
    refusal = read_refusal(aiomqtt.exceptions.MqttConnectError(reason), is_connect=True)
    assert refusal.kind is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4, DisconnectKind.REFUSED), (5, DisconnectKind.REFUSED), (3, DisconnectKind.BUSY)],
)
def test_refused_connects_of_the_older_protocol(code: int, kind: DisconnectKind) -> None:
    refusal = read_refusal(aiomqtt.exceptions.MqttConnectError(code), is_connect=True)
    assert refusal.kind is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (128, DisconnectKind.LOST),
        (135, DisconnectKind.REFUSED),
        (141, DisconnectKind.IDLE),
        (142, DisconnectKind.TAKEN_OVER),
        (151, DisconnectKind.BUSY),
    ],
)
def test_lost_connections(code: int, kind: DisconnectKind) -> None:
    reason = ReasonCode(PacketTypes.DISCONNECT, identifier=code)
    error = aiomqtt.MqttCodeError(reason, "Unexpected disconnection")
    assert read_refusal(error, is_connect=False).kind is kind


def test_a_text_says_it_too() -> None:
    assert (
        read_refusal(Exception("client inactivity"), is_connect=False).kind is DisconnectKind.IDLE
    )
    assert read_refusal(None, is_connect=False).kind is DisconnectKind.LOST


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (socket.gaierror(-5, "No address associated with hostname"), DisconnectKind.OFFLINE),
        (socket.gaierror(-2, "Name does not resolve"), DisconnectKind.OFFLINE),
        (OSError(errno.ENETUNREACH, "Netz ist nicht erreichbar"), DisconnectKind.OFFLINE),
        (OSError(errno.ECONNREFUSED, "Connection refused"), DisconnectKind.LOST),
    ],
)
def test_what_the_system_says(cause: OSError, kind: DisconnectKind) -> None:
    def connect() -> None:
        try:
            raise cause
        except OSError as error:
            raise aiomqtt.MqttError(str(error)) from None  # as the library does

    with pytest.raises(aiomqtt.MqttError) as raised:
        connect()
    assert read_refusal(raised.value, is_connect=True).kind is kind


def test_a_clock_that_is_set_back_holds_nothing_up(course: Course) -> None:
    for _ in range(5):
        course.fail(DisconnectKind.LOST)
    course.clock.forward(hours=-2)
    assert course.pace.wait_s() == 0, "nor does the limit of connects in a minute"
    assert course.said() is None, "it is as if it had just begun"
    course.clock.forward(minutes=1)
    assert course.said()


def test_a_clock_that_is_set_back_makes_no_other_program(course: Course) -> None:
    course.lose(DisconnectKind.TAKEN_OVER)
    for _ in range(6):
        course.lose(DisconnectKind.LOST)
    assert course.pace.is_contested
    course.clock.forward(hours=-2)
    assert not course.pace.is_contested


@pytest.mark.parametrize(
    "kind",
    [
        DisconnectKind.LOST,
        DisconnectKind.BUSY,
        DisconnectKind.OFFLINE,
        DisconnectKind.REFUSED,
        DisconnectKind.ODD,
    ],
)
def test_a_hundred_thousand_failures(course: Course, kind: DisconnectKind) -> None:
    course.pace._backoff.failures = 99_990
    assert all(10 <= course.fail(kind) <= 600 for _ in range(10))
    course.restart()
    assert 10 <= course.fail(kind) <= 600
