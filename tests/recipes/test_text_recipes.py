"""The recipes for programs that could not be run: their topics, commands and references."""

import re
from collections.abc import Iterator

import pytest

from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.entities.base import Entity, Event
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.markdown import DOCS, Page

CARDATA, MYBMW = "WBA00000000000001", "WBA00000000000002"
ENTITIES = {
    CARDATA: vehicle_entities(has_commands=False, has_readings=False),
    MYBMW: vehicle_entities(has_commands=True, has_readings=False),
}
PAGES = ("openhab", "fhem", "loxone")
TOPIC = re.compile(rf"bmw2mqtt/({CARDATA}|{MYBMW})/([\w/]+)")
CHANNEL = re.compile(r"^ +Type (\w+) +: (\w+) +\[ (.*) \]$", re.MULTILINE)
ITEM = re.compile(r'^(\w+(?::\w+)?) +(\w+) +"[^"]*" +\{ channel="([\w:]+)" \}$', re.MULTILINE)
ITEM_OF = {
    "number": {"Number", "Number:Dimensionless", "Number:Length", "Number:Power", "Number:Energy"},
    "string": {"String"},
    "datetime": {"DateTime"},
    "switch": {"Switch"},
    "contact": {"Contact"},
    "location": {"Location"},
    "image": {"Image"},
}
PARAMETERS = {
    *("stateTopic", "commandTopic", "unit", "on", "off", "min", "max", "step", "trigger"),
}


def _code(name: str) -> str:
    path = DOCS / "recipes" / f"{name}.md"
    return "\n".join(Page(path, path.read_text("utf-8")).code())


def _entity(vin: str, platform: str, key: str) -> Entity[Vehicle] | None:
    return next((e for e in ENTITIES[vin] if (e.platform, e.key) == (platform, key)), None)


@pytest.mark.parametrize("name", PAGES)
def test_cars_of_both_backends_have_these_topics(name: str) -> None:
    topics = TOPIC.findall(_code(name))
    assert {vin for vin, _ in topics} == {CARDATA, MYBMW}
    for vin, rest in topics:
        if rest in {"availability", "state"}:
            continue
        platform, key, *suffix = rest.split("/")
        entity = _entity(vin, platform, key)
        assert entity is not None, (vin, rest)
        if suffix:
            assert entity.is_commandable, (vin, rest)
            assert suffix == [entity.command_suffix], (vin, rest)
        else:
            assert entity.has_state or isinstance(entity, Event), (vin, rest)


def _channels(text: str) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Return thing, kind, name and parameters of each channel."""
    for thing in re.split(r"^    Thing ", text, flags=re.MULTILINE)[1:]:
        name = thing.split()[1]
        for kind, channel, inner in CHANNEL.findall(thing):
            parameters = dict(re.findall(r'(\w+)=("[^"]*"|\w+)', inner))
            yield name, kind, channel, parameters


def test_channels_of_openhab_have_documented_types_and_parameters() -> None:
    channels = list(_channels(_code("openhab")))
    assert len(channels) > 30
    for _, kind, channel, parameters in channels:
        assert kind in ITEM_OF, channel
        assert parameters.keys() <= PARAMETERS, channel
        topics = {parameters.get("stateTopic"), parameters.get("commandTopic")} - {None}
        assert topics, channel
        if parameters.get("trigger") == "true":
            assert "/event/" in parameters["stateTopic"]


def test_items_of_openhab_belong_to_channels_of_their_type() -> None:
    text = _code("openhab")
    kinds = {
        f"mqtt:topic:home:{thing}:{channel}": (kind, parameters)
        for thing, kind, channel, parameters in _channels(text)
    }
    items = ITEM.findall(text)
    assert {channel for *_, channel in items} == {
        channel for channel, (_, parameters) in kinds.items() if "trigger" not in parameters
    }
    for kind, name, channel in items:
        assert kind in ITEM_OF[kinds[channel][0]], name
    triggered = re.findall(r'Channel "([\w:]+)" triggered', text)
    assert triggered
    assert all(kinds[channel][1].get("trigger") == "true" for channel in triggered)
    used = set(re.findall(r"\b(\w+)\.(?:state|sendCommand)\b", text))
    assert used <= {name for _, name, _ in items}


def test_every_second_line_of_fhem_goes_on() -> None:
    """Lines of an attribute go on after a backslash; each has a topic and what to do with it."""
    text = _code("fhem")
    lists = re.findall(r"^attr \w+ (readingList|setList) ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert {name for name, _ in lists} == {"readingList", "setList"}
    for name, value in lists:
        for line in value.replace("\\\n", "\n").splitlines():
            first, *rest = line.split()
            assert rest, line
            topic = first if name == "readingList" else rest[0]
            assert topic.startswith("bmw2mqtt/"), line
            assert not topic.endswith(":r"), "retained"
