"""The publisher, on a connection that the test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bmw2mqtt.mqtt import publisher as module
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.poison_messages import RETRY_S
from bmw2mqtt.mqtt.publisher import NOT_AUTHORIZED, Publisher

REFUSED = "refused"


class Lost(Exception):  # noqa: N818 - named for what happened
    """The connection is lost."""


class FakeConnection:
    """Takes messages; acknowledges them at once, or when told."""

    def __init__(self, *, is_slow: bool = False, max_packet_bytes: int | None = None) -> None:
        self.max_packet_bytes = max_packet_bytes
        self.sent: list[Message] = []
        self._is_slow = is_slow
        self._pending: list[asyncio.Future[None]] = []

    async def publish_message(self, message: Message) -> str | None:
        self.sent.append(message)
        if self._is_slow:
            self._pending.append(asyncio.get_running_loop().create_future())
            await self._pending[-1]
        return NOT_AUTHORIZED if REFUSED in message.topic else None

    async def verify(self) -> None:
        """Answer a ping."""

    @property
    def payloads(self) -> list[tuple[str, bytes]]:
        return [(message.topic, message.payload) for message in self.sent]

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.sent]

    def acknowledge(self, count: int = 1) -> None:
        for _ in range(count):
            self._pending.pop(0).set_result(None)

    def lose(self) -> None:
        for pending in self._pending:
            if not pending.done():
                pending.set_exception(Lost())


async def settle() -> None:
    """Let everything happen that can happen now."""
    for _ in range(50):
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(
    publisher: Publisher, connection: FakeConnection, in_flight: int = 5
) -> AsyncIterator[None]:
    task = asyncio.create_task(publisher.run(connection, in_flight))
    await settle()
    yield
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


async def test_only_the_newest_of_each_topic_in_the_order_first_said(publisher: Publisher) -> None:
    for topic, payload in (("b", b"1"), ("a", b"1"), ("b", b"2"), ("c", b"1"), ("b", b"3")):
        publisher.retain(topic, payload)
    connection = FakeConnection()
    async with connected(publisher, connection):
        assert connection.payloads == [("b", b"3"), ("a", b"1"), ("c", b"1")]
        assert all(message.retain for message in connection.sent)


async def test_what_is_there_already_is_not_sent_again(publisher: Publisher) -> None:
    connection = FakeConnection()
    async with connected(publisher, connection):
        publisher.retain("a", b"1")
        await settle()
        publisher.retain("a", b"1")
        await settle()
        assert connection.payloads == [("a", b"1")]
        publisher.repeat()
        await settle()
        assert connection.payloads == [("a", b"1")] * 2


async def test_everything_again_after_each_connect(publisher: Publisher) -> None:
    publisher.retain("a", b"1")
    publisher.retain("b", b"1")
    async with connected(publisher, FakeConnection()):
        pass
    publisher.retain("a", b"2")
    again = FakeConnection()
    async with connected(publisher, again):
        assert again.payloads == [("a", b"2"), ("b", b"1")]


async def test_values_that_wait_for_a_slow_broker_are_replaced(publisher: Publisher) -> None:
    connection = FakeConnection(is_slow=True)
    async with connected(publisher, connection, in_flight=1):
        for number in range(100):
            publisher.retain("a", b"%d" % number)
            publisher.retain("b", b"%d" % number)
            await settle()
        connection.acknowledge()
        await settle()
        connection.acknowledge()
        await settle()
        assert connection.payloads == [("a", b"0"), ("b", b"99"), ("a", b"99")]


async def test_never_more_in_flight_than_allowed(publisher: Publisher) -> None:
    for number in range(20):
        publisher.retain(f"t{number}", b"1")
    connection = FakeConnection(is_slow=True)
    async with connected(publisher, connection, in_flight=3):
        for acknowledged in range(17):
            assert len(connection.sent) == acknowledged + 3
            connection.acknowledge()
            await settle()
    assert publisher.statistics.most_in_flight == 3


async def test_drained(publisher: Publisher) -> None:
    connection = FakeConnection(is_slow=True)
    async with connected(publisher, connection):
        await asyncio.wait_for(publisher.drained(), 1)
        publisher.retain("a", b"1")
        publisher.retain("b", b"1")
        drained = asyncio.create_task(publisher.drained())
        await settle()
        connection.acknowledge()
        await settle()
        assert not drained.done()
        connection.acknowledge()
        await asyncio.wait_for(drained, 1)


async def test_then(publisher: Publisher) -> None:
    connection = FakeConnection(is_slow=True)
    async with connected(publisher, connection):
        publisher.retain("a", b"farewell", then=b"clean")
        await settle()
        assert connection.payloads == [("a", b"farewell")]
        publisher.retain("a", b"cleaner")  # waits for its turn
        await settle()
        assert connection.payloads == [("a", b"farewell")]
        connection.acknowledge()
        await settle()
        assert connection.payloads == [("a", b"farewell"), ("a", b"cleaner")]


async def test_then_survives_an_outage(publisher: Publisher) -> None:
    first = FakeConnection(is_slow=True)
    async with connected(publisher, first):
        publisher.retain("a", b"farewell", then=b"clean")
        await settle()
    second = FakeConnection()
    async with connected(publisher, second):
        assert second.payloads == [("a", b"farewell"), ("a", b"clean")]
    third = FakeConnection()
    async with connected(publisher, third):
        assert third.payloads == [("a", b"clean")]


async def test_what_was_withdrawn_survives_an_outage(publisher: Publisher) -> None:
    publisher.retain("a", b"1")
    publisher.retain("b", b"1")
    async with connected(publisher, FakeConnection()):
        pass
    publisher.clear("a")
    publisher.clear("unknown")
    lost = FakeConnection(is_slow=True)
    async with connected(publisher, lost):
        assert set(lost.topics) == {"a", "unknown", "b"}
    again = FakeConnection()
    async with connected(publisher, again):
        assert again.payloads == [("a", b""), ("unknown", b""), ("b", b"1")]
    last = FakeConnection()
    async with connected(publisher, last):
        assert last.payloads == [("b", b"1")]
    assert publisher.retained_topics() == {"b"}


async def test_what_comes_back_is_not_withdrawn(publisher: Publisher) -> None:
    publisher.retain("a", b"1")
    publisher.clear("a")
    publisher.retain("a", b"1")
    connection = FakeConnection()
    async with connected(publisher, connection):
        assert connection.payloads == [("a", b"1")]


async def test_events_wait_for_the_broker_within_bounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_EVENTS", 3)
    publisher = Publisher()
    for number in range(5):
        publisher.send("event", b"%d" % number, correlation_data=b"c")
    lost = FakeConnection(is_slow=True)
    async with connected(publisher, lost):
        assert [message.payload for message in lost.sent] == [b"2", b"3", b"4"]
    again = FakeConnection()
    async with connected(publisher, again):
        assert [message.payload for message in again.sent] == [b"2", b"3", b"4"]
        assert not any(message.retain for message in again.sent)
        assert {message.correlation_data for message in again.sent} == {b"c"}
    last = FakeConnection()
    async with connected(publisher, last):
        assert last.sent == []
    assert capsys.readouterr().out.count("event_dropped") == 2


async def test_events_after_what_is_retained(publisher: Publisher) -> None:
    publisher.send("event", b"1")
    publisher.retain("a", b"1")
    connection = FakeConnection()
    async with connected(publisher, connection):
        assert connection.topics == ["a", "event"]


async def test_a_lost_connection_ends_it(publisher: Publisher) -> None:
    publisher.retain("a", b"1")
    publisher.retain("b", b"1")
    connection = FakeConnection(is_slow=True)
    task = asyncio.create_task(publisher.run(connection, 5))
    await settle()
    connection.lose()
    with pytest.raises(Lost):
        await task
    assert publisher.statistics.in_flight == 0
    again = FakeConnection()
    async with connected(publisher, again):
        assert again.topics == ["a", "b"]


async def test_too_large_is_left_out(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.retain("large", b"x" * 100)
    publisher.retain("farewell", b"x" * 100, then=b"small")
    publisher.retain("b", b"1")
    connection = FakeConnection(max_packet_bytes=100)
    async with connected(publisher, connection):
        assert connection.payloads == [("b", b"1"), ("farewell", b"small")]
        await asyncio.wait_for(publisher.drained(), 1)
    assert capsys.readouterr().out.count("message_too_large") == 2


async def test_a_topic_that_is_refused_is_not_tried_again(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.retain(REFUSED, b"1")
    publisher.retain("a", b"1")
    connections = [FakeConnection(), FakeConnection()]
    for connection in connections:
        async with connected(publisher, connection):
            publisher.retain(REFUSED, b"2")
            await asyncio.wait_for(publisher.drained(), 1)
    assert [connection.topics for connection in connections] == [[REFUSED, "a"], ["a"]]
    assert capsys.readouterr().out.count("mqtt_publish_refused") == 1


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


async def test_an_event_in_flight_on_five_lost_connections_is_dropped(
    publisher: Publisher,
) -> None:
    publisher.send("event", b"1")
    sent = []
    for _ in range(7):
        lost = FakeConnection(is_slow=True)
        async with connected(publisher, lost):
            sent.append(len(lost.sent))
        publisher.connection_lost(may_be_about_a_message=False)
    assert sent == [1, 1, 1, 1, 1, 0, 0]


async def test_relays_wait_within_bounds_of_bytes(publisher: Publisher) -> None:
    for number in range(100):
        publisher.relay("relay", b"%d" % number + b"x" * 2**20)
    connection = FakeConnection()
    async with connected(publisher, connection):
        size = sum(len(message.payload) for message in connection.sent)
    assert size <= module.MAX_WAITING_RELAY_BYTES
    assert connection.sent[-1].payload.startswith(b"99")


async def test_refusals_are_dropped_before_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_EVENTS", 3)
    publisher = Publisher()
    publisher.send("event", b"executed")
    for number in range(5):
        publisher.send("event", b"refused %d" % number, is_expendable=True)
    connection = FakeConnection()
    async with connected(publisher, connection):
        payloads = [message.payload for message in connection.sent]
    assert payloads == [b"executed", b"refused 3", b"refused 4"]
