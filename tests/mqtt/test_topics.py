"""Topics, made and taken apart."""

import pytest
from paho.mqtt.client import topic_matches_sub

from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.mqtt.topics import CommandTopic, Topics

VIN = "WBA00000000DEMO02"
TOPICS = Topics("cars/bmw.2+", "ha")


def ours() -> list[str]:
    """Every retained topic of a car and an account."""
    topics = [TOPICS.bridge_availability, TOPICS.bridge_info]
    devices = ((TOPICS.vehicle(VIN), VEHICLE_ENTITIES), (TOPICS.account("a_1"), ACCOUNT_ENTITIES))
    for device, table in devices:
        topics.append(device.discovery)
        for entity in table:
            topics.append(device.state(entity.platform, entity.key))
            topics.append(device.attributes(entity.platform, entity.key))
    car = TOPICS.vehicle(VIN)
    return [*topics, car.availability, car.snapshot]


def commands() -> list[str]:
    devices = ((TOPICS.vehicle(VIN), VEHICLE_ENTITIES), (TOPICS.account("a_1"), ACCOUNT_ENTITIES))
    return [
        device.command(entity.platform, entity.key, entity.command_suffix)
        for device, table in devices
        for entity in table
        if entity.command_suffix
    ]


FOREIGN = [
    "cars/bmw.2+",
    "cars/bmw.2+/",
    "cars/bmw.2+/note",
    "cars/bmw.2+/bridge/other",
    "cars/bmwX2+/bridge/info",
    f"cars/bmw.2+/{VIN}",
    f"cars/bmw.2+/{VIN}/notes",
    f"cars/bmw.2+/{VIN}/my/note",
    f"cars/bmw.2+/{VIN}/sensor/mileage/history",
    f"cars/bmw.2+/{VIN.lower()}/sensor/mileage",
    f"cars/bmw.2+/{VIN}0/sensor/mileage",
    f"cars/bmw.2+/{VIN}/sensor/Mileage",
    "cars/bmw.2+/account/My Home/sensor/status",
    "cars/bmw.2+/account/a_1/my/note",
    "ha/device/bmw2mqtt/config",
    f"ha/device/bmw2mqtt_{VIN.lower()}/config",
    f"ha/device/other_{VIN}/config",
    f"ha/sensor/bmw2mqtt_{VIN}/config",
    f"x/cars/bmw.2+/{VIN}/sensor/mileage",
]


def test_what_is_ours() -> None:
    for topic in ours():
        expected = TOPICS.vehicle(VIN).root if VIN in topic else TOPICS.account("a_1").root
        assert TOPICS.owner(topic) == ("" if "/bridge/" in topic else expected), topic


@pytest.mark.parametrize("topic", FOREIGN)
def test_what_is_not_ours(topic: str) -> None:
    assert TOPICS.owner(topic) is None
    assert TOPICS.parse_command(topic) is None


def test_commands_are_never_ours_to_remove() -> None:
    for topic in [*commands(), f"{TOPICS.account('a_1').root}/login/set"]:
        assert TOPICS.owner(topic) is None, topic


def test_commands_are_taken_apart() -> None:
    assert TOPICS.parse_command(f"cars/bmw.2+/{VIN}/lock/lock/set") == CommandTopic(
        vin=VIN, account=None, platform="lock", key="lock", suffix="set"
    )
    assert TOPICS.parse_command("cars/bmw.2+/account/a_1/button/refresh/press") == CommandTopic(
        vin=None, account="a_1", platform="button", key="refresh", suffix="press"
    )
    for topic in (
        f"cars/bmw.2+/{VIN}/lock/lock",
        f"cars/bmw.2+/{VIN}/lock/lock/get",
        f"cars/bmw.2+/{VIN}/lock/lock/set/more",
        f"cars/bmw.2+/{VIN}/lock/lock/set\n",
        "cars/bmw.2+/short/lock/lock/set",
    ):
        assert TOPICS.parse_command(topic) is None, topic


def matches(filters: tuple[str, ...], topic: str) -> bool:
    return any(topic_matches_sub(one, topic) for one in filters)


def test_filters_cover_what_they_should_and_no_more() -> None:
    topics = Topics("bmw2mqtt", "ha")  # a filter has no `+` within a level
    for topic in (one.replace("cars/bmw.2+", "bmw2mqtt") for one in ours()):
        is_state_of_an_account_button = "/account/" in topic and "/button/" in topic
        is_attribute = topic.endswith("/attributes")
        assert matches(topics.retained(), topic) or (
            is_state_of_an_account_button and not is_attribute
        ), topic
        assert matches(topics.everything(), topic), topic
        assert not matches(topics.commands(), topic), topic
    for topic in (one.replace("cars/bmw.2+", "bmw2mqtt") for one in commands()):
        assert matches(topics.commands(), topic), topic
        assert not matches(topics.retained(), topic), topic


def test_whose_discovery_it_is() -> None:
    topic = TOPICS.vehicle(VIN).discovery
    assert topic == f"ha/device/bmw2mqtt_{VIN}/config"
    assert TOPICS.is_discovery(topic)
    assert not TOPICS.is_discovery(TOPICS.bridge_info)
    assert TOPICS.is_our_discovery(
        b'{"availability":[{"topic":"cars/bmw.2+/bridge/availability"}]}'
    )
    assert not TOPICS.is_our_discovery(
        b'{"availability":[{"topic":"my/cars/bmw.2+/bridge/availability"}]}'
    )
