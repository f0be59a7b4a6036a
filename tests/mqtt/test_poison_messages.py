"""Messages at which a broker hangs up: they are found and left out, and the others arrive."""

import asyncio
from collections.abc import Callable
from itertools import product

import pytest

from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.poison_messages import RETRY_S, SUSPECTED_AFTER, Suspicion
from bmw2mqtt.mqtt.publisher import Publisher
from tests.mqtt.fake_connection import FakeConnection, Lost, connected


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


class StrictConnection(FakeConnection):
    """Acknowledges everything but poison, at which it hangs up."""

    def __init__(self, poison: Callable[[Message], bool]) -> None:
        super().__init__()
        self._poison = poison

    async def publish_message(self, message: Message) -> str | None:
        self.sent.append(message)
        await asyncio.sleep(0)
        if self._poison(message):
            raise Lost
        return None


async def until_drained(
    publisher: Publisher, poison: Callable[[Message], bool], connections: int
) -> list[StrictConnection]:
    """Reconnect until everything is acknowledged or left out."""
    made = []
    for _ in range(connections):
        made.append(StrictConnection(poison))
        running = asyncio.create_task(publisher.run(made[-1], 5))
        drained = asyncio.create_task(publisher.drained())
        await asyncio.wait((running, drained), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            await asyncio.wait([running])
            return made
        drained.cancel()
        with pytest.raises(Lost):
            running.result()
        publisher.connection_lost(may_be_about_a_message=True)
    raise AssertionError(f"not drained after {connections} connections")


@pytest.mark.parametrize("kind", ["retained", "event", "relay", "cleared"])
async def test_poison_is_sent_alone_and_left_out(
    kind: str, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        publisher.retain(f"t/{number}", b"1")
    match kind:
        case "retained":
            publisher.retain("poison", b"xx")
        case "event":
            publisher.send("poison", b"xx")
        case "relay":
            publisher.relay("poison", b"xx")
        case "cleared":
            publisher.clear("poison")
    for number in range(10, 20):
        publisher.retain(f"t/{number}", b"1")
    connections = await until_drained(publisher, lambda m: m.topic == "poison", 5)
    assert len(connections) == 5
    for alone in connections[2:4]:
        assert alone.topics[-1] == "poison", "after everything that is not suspected, alone"
    acknowledged = {topic for c in connections for topic in c.topics} - {"poison"}
    assert acknowledged == {f"t/{number}" for number in range(20)}
    assert "poison" not in connections[4].topics
    output = capsys.readouterr().out
    assert output.count("message_left_out") == 1
    assert f"payload_bytes={0 if kind == 'cleared' else 2}" in output


async def test_a_network_that_breaks_three_times_costs_no_message(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks = 3

    def is_broken(message: Message) -> bool:
        nonlocal breaks
        breaks -= message.topic == "state"
        return message.topic == "state" and breaks >= 0

    publisher.retain("state", b"1")
    connections = await until_drained(publisher, is_broken, 4)
    assert [connection.topics for connection in connections] == [["state"]] * 4
    assert "message_left_out" not in capsys.readouterr().out


async def test_many_poisons(publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(60):
        publisher.retain(f"t/{number}", b"x" * number)
    connections = await until_drained(publisher, lambda m: len(m.payload) >= 50, 40)
    sent = {message.topic for c in connections for message in c.sent}
    assert sent == {f"t/{number}" for number in range(60)}
    assert capsys.readouterr().out.count("message_left_out") == 10


async def test_a_smaller_message_on_the_same_topic_is_tried(publisher: Publisher) -> None:
    publisher.retain("t", b"x" * 100)
    await until_drained(publisher, lambda m: len(m.payload) > 50, 5)
    publisher.retain("t", b"x" * 10)
    publisher.retain("other", b"1")
    (connection,) = await until_drained(publisher, lambda m: len(m.payload) > 50, 1)
    assert connection.topics == ["other", "t"]
    publisher.retain("t", b"x" * 101)
    publisher.retain("other", b"2")
    (connection,) = await until_drained(publisher, lambda m: len(m.payload) > 50, 1)
    assert connection.topics == ["other"]


async def test_a_topic_that_is_never_accepted_costs_few_connections(publisher: Publisher) -> None:
    lost = 0
    for number in range(30, 0, -1):
        publisher.retain("t", b"x" * number)
        lost += len(await until_drained(publisher, lambda _: True, 9)) - 1
    assert lost == 5


async def test_what_was_left_out_is_tried_again_some_hours_later() -> None:
    now = 0.0
    publisher = Publisher(clock=lambda: now)
    publisher.retain("t", b"1")
    await until_drained(publisher, lambda _: True, 9)
    now += RETRY_S
    (connection,) = await until_drained(publisher, lambda _: False, 1)
    assert connection.topics == ["t"]


async def test_losses_that_are_about_no_message_leave_nothing_out(publisher: Publisher) -> None:
    publisher.retain("a", b"1")
    publisher.send("event", b"1")
    for _ in range(20):
        lost = FakeConnection(is_slow=True)
        async with connected(publisher, lost):
            assert lost.sent[0].topic == "a"
        publisher.connection_lost(may_be_about_a_message=False)
    connection = FakeConnection()
    async with connected(publisher, connection):
        assert connection.topics == ["a", "event"]


@pytest.mark.parametrize("reasons", list(product((False, True), repeat=4)))
async def test_a_loss_about_no_message_is_no_first_suspicion(
    reasons: tuple[bool, ...], publisher: Publisher
) -> None:
    """Only two losses that may be its fault, while it is alone, tell of a message."""
    publisher.retain("a", b"1")
    told = []
    for number, may_be_about_a_message in enumerate(reasons):
        async with connected(publisher, FakeConnection(is_slow=True)):
            is_alone = number >= SUSPECTED_AFTER
        suspicion = publisher.connection_lost(may_be_about_a_message=may_be_about_a_message)
        if may_be_about_a_message and is_alone:
            told.append(suspicion)
        else:
            assert suspicion is Suspicion.NONE
    assert told == [Suspicion.OPEN, Suspicion.PROVED][: len(told)]
    connection = FakeConnection()
    async with connected(publisher, connection):
        assert connection.topics == ([] if Suspicion.PROVED in told else ["a"])
