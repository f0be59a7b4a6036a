"""What may be old: the rules about stalls, without a network."""

import pytest
from aiomqtt import Message

from bmw2mqtt.mqtt.command_gate import MAX_HELD, CommandGate
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.stall import STALL_S, StallDetector

COMMAND = "bmw2mqtt/WBA00000000DEMO01/lock/lock/set"


class Link:
    """A gate, a clock and a broker that answers pings when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pings = 0
        self.delivered: list[tuple[bytes, bool]] = []
        self.stall = StallDetector(lambda: self.now)
        self.gate = CommandGate(
            self.stall, self._ping, lambda r: self.delivered.append((r.payload, r.is_stale))
        )

    def _ping(self) -> None:
        self.pings += 1
        self.stall.ping_sent()

    def receive(
        self, payload: bytes, topic: str = COMMAND, *, retain: bool = False, dup: bool = False
    ) -> None:
        message = Message(topic, payload, 1, retain, 1, None)
        self.gate.message_received(Received(message), is_repeated=dup)

    def live(self, seconds: float) -> None:
        """Let time pass in which the loop turns and the broker answers."""
        for _ in range(int(seconds)):
            self.now += 1
            self.gate.beat()
            self._ping()
            self.gate.ping_answered()


@pytest.fixture
def link() -> Link:
    return Link()


def test_a_command_waits_for_one_answer(link: Link) -> None:
    link.live(60)
    link.receive(b"1")
    link.receive(b"2")
    assert link.delivered == []
    link.gate.ping_answered()
    assert link.delivered == [(b"1", False), (b"2", False)]


def test_an_answer_to_an_earlier_ping_proves_nothing(link: Link) -> None:
    link._ping()
    link.receive(b"1")
    link.gate.ping_answered()
    assert link.delivered == []
    link.gate.ping_answered()
    assert link.delivered == [(b"1", False)]


def test_other_messages_do_not_wait(link: Link) -> None:
    link.receive(b"online", "homeassistant/status")
    link.receive(b"LOCK", retain=True)
    assert link.delivered == [(b"online", False), (b"LOCK", False)]


def test_what_is_held_when_the_connection_is_lost_is_stale(link: Link) -> None:
    link.receive(b"1")
    link.gate.close()
    assert link.delivered == [(b"1", True)]


def test_a_repeated_message_is_stale(link: Link) -> None:
    link.receive(b"1", dup=True)
    assert link.delivered == [(b"1", True)]


@pytest.mark.parametrize("frozen_s", [STALL_S + 1.5, 90, 900])
@pytest.mark.parametrize("first", ["message", "beat", "answer"])
def test_a_process_that_stood_still(frozen_s: float, first: str, link: Link) -> None:
    link.live(60)
    link._ping()  # its answer lies in the socket, before the command
    link.now += frozen_s
    if first == "beat":
        link.gate.beat()
    elif first == "answer":
        link.gate.ping_answered()
    link.receive(b"old")
    assert link.delivered == [(b"old", True)]
    if first != "answer":
        link.gate.ping_answered()
    link.receive(b"old too")
    assert link.delivered[-1] == (b"old too", True)
    for _ in range(5):
        link.gate.ping_answered()
    assert not link.stall.is_stalled
    link.receive(b"new")
    link.gate.ping_answered()
    assert link.delivered[-1] == (b"new", False)


def test_a_short_pause_is_no_stall(link: Link) -> None:
    link.live(60)
    link.now += 5
    link.receive(b"1")
    link.gate.ping_answered()
    assert link.delivered == [(b"1", False)]


def test_a_command_that_was_held_when_the_process_was_frozen(link: Link) -> None:
    link.live(60)
    link.receive(b"1")
    link.now += 900
    link.gate.ping_answered()
    assert link.delivered == [(b"1", True)]


@pytest.mark.parametrize("window", [1, 3, 20])
def test_what_the_broker_queues_behind_its_window_is_stale_too(window: int, link: Link) -> None:
    """It goes on only once it has acknowledgements: its answer to our ping may come before."""
    link.live(60)
    link.now += 900
    queued = [b"%d" % number for number in range(50)]
    while queued:
        for _ in range(window):
            if queued:
                link.receive(queued.pop(0))
        link.gate.ping_answered()  # the next batch left the broker after this answer
    assert all(is_stale for _, is_stale in link.delivered)
    assert len(link.delivered) == 50


def test_a_broker_that_stood_still(link: Link) -> None:
    link.live(60)
    link._ping()
    for _ in range(int(STALL_S) + 1):
        link.now += 1
        link.gate.beat()
    link.receive(b"old")
    assert link.delivered == [(b"old", True)]
    link.gate.ping_answered()
    link.receive(b"old, of the same turn of the broker")
    assert link.delivered[-1][1]
    for _ in range(5):
        link.gate.ping_answered()
    link.receive(b"new")
    link.gate.ping_answered()
    assert link.delivered[-1] == (b"new", False)


def test_after_a_freeze_the_broker_gets_its_time_to_answer(link: Link) -> None:
    link._ping()
    link.now += 900
    link.gate.beat()
    assert link.stall.unanswered_s == 1
    link.gate.beat()
    assert link.stall.unanswered_s == 2


def test_answers_that_nobody_asked_for(link: Link) -> None:
    for _ in range(5):
        link.gate.ping_answered()
    link.receive(b"1")
    assert link.delivered == []
    assert link.stall.pings_answered == 0


def test_a_flood_of_commands_is_bounded(link: Link) -> None:
    for number in range(MAX_HELD * 2):
        link.receive(b"%d" % number)
    assert link.pings == 1
    assert len(link.delivered) == MAX_HELD
    assert all(is_stale for _, is_stale in link.delivered)
