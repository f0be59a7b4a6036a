"""What another program publishes waits for the account, and reaches it."""

from bmw2mqtt.accounts.relay_input import MAX_MESSAGE_BYTES, MAX_WAITING, RelayInput

VIN = "WBA00000000000001"


class Handler:
    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.states: list[bool] = []

    def relay_message(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        self.messages.append((topic, payload, is_retained))

    def relay_changed(self, *, is_available: bool) -> None:
        self.states.append(is_available)


def test_last_message_of_each_topic_waits_for_the_account() -> None:
    relay, handler = RelayInput("bmw/"), Handler()
    relay.set_available(is_available=True)
    for payload in (b"old", b"new"):
        assert relay.receive(f"bmw/{VIN}", payload, is_retained=True)
    assert relay.receive("bmw/raw/x", b"1", is_retained=False)
    close = relay.open(handler)
    assert handler.messages == [(f"bmw/{VIN}", b"new", True), ("bmw/raw/x", b"1", False)]
    assert relay.receive("bmw/raw/x", b"2", is_retained=False)
    relay.set_available(is_available=False)
    assert handler.messages[2:] == [("bmw/raw/x", b"2", False)]
    assert handler.states == [True, False]
    close()
    relay.receive("bmw/raw/x", b"3", is_retained=False)
    assert len(handler.messages) == 3


def test_other_topics_are_not_taken() -> None:
    relay = RelayInput("bmw/")
    assert not relay.receive("bmw2mqtt/x/y/set", b"1", is_retained=False)
    assert not relay.receive("bmw", b"1", is_retained=False)
    assert relay.filter == "bmw/#"


def test_what_waits_is_bounded() -> None:
    relay, handler = RelayInput("bmw/"), Handler()
    relay.receive("bmw/large", b"x" * (MAX_MESSAGE_BYTES + 1), is_retained=True)
    for number in range(2 * MAX_WAITING):
        relay.receive(f"bmw/{number}", b"x", is_retained=True)
    relay.receive("bmw/0", b"newer", is_retained=True)
    relay.open(handler)
    assert len(handler.messages) == MAX_WAITING
    assert ("bmw/0", b"newer", True) in handler.messages
    assert all(topic != "bmw/large" for topic, *_ in handler.messages)
