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
from tests.accounts.cardata.account_parts import SteppedClock


class ReconnectHistory:
    """A reconnect policy on a clock that tests set, and its state on disk."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self._folder = folder
        self.restart()

    def restart(self) -> None:
        self.policy = ReconnectPolicy(StateFile(Store(self._folder), "home"), self.clock)
        self.policy.restore()

    def fail(self, kind: DisconnectKind) -> float:
        """Connect in vain as soon as it is allowed; return the pause that follows, in seconds."""
        self.wait()
        self.policy.connecting()
        self.policy.failed(DisconnectReason(kind, "a sentence"))
        return self.policy.wait_s()

    def lose(self, kind: DisconnectKind, *, after_s: float = 1) -> float:
        """Connect as soon as it is allowed, lose it; return the pause that follows."""
        self.wait()
        self.policy.connecting()
        self.policy.connected()
        self.clock.forward(seconds=after_s)
        self.policy.lost(DisconnectReason(kind, "a sentence"))
        return self.policy.wait_s()

    def wait(self) -> None:
        self.clock.forward(seconds=self.policy.wait_s())

    def said(self) -> str | None:
        problem = self.policy.problem()
        return None if problem is None else str(problem)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReconnectHistory:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    return ReconnectHistory(tmp_path)


def test_the_pauses_double_up_to_five_minutes_and_are_ten_after_ten_failures(
    history: ReconnectHistory,
) -> None:
    pauses = [history.fail(DisconnectKind.LOST) for _ in range(12)]
    assert pauses == [10, 10, 20, 40, 80, 160, 300, 300, 300, 600, 600, 600]


def test_a_connection_that_is_lost_is_made_again_after_five_seconds(
    history: ReconnectHistory,
) -> None:
    assert history.lose(DisconnectKind.LOST, after_s=3600) == 5
    assert [history.lose(DisconnectKind.LOST) for _ in range(3)] == [10, 20, 40], (
        "it was not a good one"
    )


def test_the_pauses_vary(tmp_path: Path) -> None:
    pauses = {
        ReconnectHistory(tmp_path / str(number)).lose(DisconnectKind.LOST) for number in range(5)
    }
    assert len(pauses) > 1
    assert all(4 <= pause <= 6 for pause in pauses)


@pytest.mark.parametrize("after_s", [59, 60])
def test_a_minute_of_a_good_connection_forgives(history: ReconnectHistory, after_s: float) -> None:
    for _ in range(4):
        history.fail(DisconnectKind.LOST)
    assert history.lose(DisconnectKind.LOST, after_s=after_s) == (5 if after_s == 60 else 80)


def test_a_good_connection_forgives_also_when_it_is_left(history: ReconnectHistory) -> None:
    for _ in range(9):
        history.fail(DisconnectKind.LOST)
    history.wait()
    history.policy.connecting()
    history.policy.connected()
    history.clock.forward(hours=1)
    history.policy.closed()
    assert history.fail(DisconnectKind.LOST) == 10


def test_a_token_that_is_refused_again_and_again(history: ReconnectHistory) -> None:
    assert [history.fail(DisconnectKind.REFUSED) for _ in range(4)] == [30, 30, 450, 450]
    assert history.lose(DisconnectKind.REFUSED) == 30, "BMW has let us in between"


def test_a_token_that_is_refused_for_an_hour_is_said(history: ReconnectHistory) -> None:
    began = history.clock.now
    said = set()
    while history.clock.now - began < timedelta(minutes=70):
        history.fail(DisconnectKind.REFUSED)
        said.add((history.clock.now - began >= timedelta(hours=1), history.said()))
    history.clock.forward(minutes=10)
    assert not any("portal" in (sentence or "") for is_late, sentence in said if not is_late)
    problem = history.policy.problem()
    assert problem is not None
    assert problem.status is AccountStatus.ERROR
    assert "CarData Stream off and on again" in str(problem)


def test_too_many_connects_by_bmws_count(history: ReconnectHistory) -> None:
    assert [history.fail(DisconnectKind.BUSY) for _ in range(6)] == [60, 120, 240, 480, 600, 600]


def test_bmw_does_not_say_why(history: ReconnectHistory) -> None:
    assert [history.fail(DisconnectKind.ODD) for _ in range(3)] == [20, 20, 20]


def test_idle_is_not_held_against_anybody(history: ReconnectHistory) -> None:
    history.fail(DisconnectKind.LOST)
    for _ in range(3):
        assert history.lose(DisconnectKind.IDLE, after_s=70) == 0
    assert not history.policy.is_contested
    assert history.said() is None


def test_a_machine_without_network_is_not_a_failure(history: ReconnectHistory) -> None:
    assert [history.fail(DisconnectKind.OFFLINE) for _ in range(20)] == [15] * 20
    assert history.fail(DisconnectKind.LOST) == 15, "the first failure; four connects a minute"
    history.clock.forward(minutes=1)
    problem = history.policy.problem()
    assert problem is not None
    assert problem.status is AccountStatus.UNREACHABLE


def test_never_more_than_four_connects_in_a_minute(history: ReconnectHistory) -> None:
    connects = []
    for _ in range(20):
        history.wait()
        connects.append(history.clock.now)
        history.lose(DisconnectKind.IDLE, after_s=0.1)
    for earlier, later in zip(connects, connects[4:], strict=False):
        assert later - earlier >= timedelta(minutes=1)


def test_a_short_gap_is_not_said(history: ReconnectHistory) -> None:
    history.lose(DisconnectKind.LOST)
    assert history.said() is None
    history.clock.forward(seconds=59)
    assert history.said() is None
    history.clock.forward(seconds=1)
    assert history.said() == "a sentence; trying again"
    history.policy.connected()
    assert history.said() is None


def test_a_missing_configuration_is_said_at_once(history: ReconnectHistory) -> None:
    history.fail(DisconnectKind.SUBSCRIPTION)
    assert history.said() == "a sentence; trying again"


def test_six_drops_in_ten_minutes_are_another_program(history: ReconnectHistory) -> None:
    for _ in range(5):
        history.lose(DisconnectKind.LOST)
        assert not history.policy.is_contested
    pause_s = history.lose(DisconnectKind.LOST)
    assert history.policy.is_contested
    assert pause_s >= 60
    assert "another program uses this BMW account's stream" in str(history.said())
    history.restart()
    assert history.policy.is_contested, "a restart does not make the other program go away"
    history.clock.forward(minutes=11)
    assert not history.policy.is_contested


def test_six_drops_in_two_hours_are_a_bad_line(history: ReconnectHistory) -> None:
    for _ in range(10):
        history.lose(DisconnectKind.LOST, after_s=700)
    assert not history.policy.is_contested


def test_our_client_id_is_used_by_somebody_else(history: ReconnectHistory) -> None:
    assert history.lose(DisconnectKind.TAKEN_OVER, after_s=3600) == 60
    assert "another program" in str(history.said())
    history.restart()
    assert "another program" in str(history.said())
    history.clock.forward(minutes=11)
    assert history.said() is None


def test_a_restart_does_not_connect_earlier(history: ReconnectHistory) -> None:
    for _ in range(8):
        pause_s = history.fail(DisconnectKind.LOST)
    history.restart()
    assert history.policy.wait_s() == pause_s
    assert history.fail(DisconnectKind.LOST) == 300, "the failures are not forgotten"


def test_a_clock_that_was_wrong_holds_nothing_up(history: ReconnectHistory) -> None:
    for _ in range(8):
        history.fail(DisconnectKind.LOST)
    history.clock.forward(days=-400)
    history.restart()
    assert history.policy.wait_s() == 0


def test_while_an_older_connection_works_nothing_is_said(history: ReconnectHistory) -> None:
    history.policy.connecting()
    history.policy.connected()
    history.clock.forward(minutes=50)
    history.policy.failed(DisconnectReason(DisconnectKind.LOST, "a sentence"))
    history.clock.forward(minutes=5)
    assert history.said() is None
    history.policy.lost(DisconnectReason(DisconnectKind.LOST, "a sentence"))
    history.clock.forward(minutes=1)
    assert history.said() == "a sentence; trying again"


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


def test_a_clock_that_is_set_back_holds_nothing_up(history: ReconnectHistory) -> None:
    for _ in range(5):
        history.fail(DisconnectKind.LOST)
    history.clock.forward(hours=-2)
    assert history.policy.wait_s() == 0, "nor does the limit of connects in a minute"
    assert history.said() is None, "it is as if it had just begun"
    history.clock.forward(minutes=1)
    assert history.said()


def test_a_clock_that_is_set_back_makes_no_other_program(history: ReconnectHistory) -> None:
    history.lose(DisconnectKind.TAKEN_OVER)
    for _ in range(6):
        history.lose(DisconnectKind.LOST)
    assert history.policy.is_contested
    history.clock.forward(hours=-2)
    assert not history.policy.is_contested


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
def test_a_hundred_thousand_failures(history: ReconnectHistory, kind: DisconnectKind) -> None:
    history.policy._backoff.failures = 99_990
    assert all(10 <= history.fail(kind) <= 600 for _ in range(10))
    history.restart()
    assert 10 <= history.fail(kind) <= 600
