"""The publisher, on a connection that the test holds in its hand."""

import asyncio

import pytest

from bmw2mqtt.mqtt import publisher as module
from bmw2mqtt.mqtt.publisher import Publisher
from tests.mqtt.fake_connection import REFUSED, FakeConnection, Lost, connected, settle


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
