"""Thousands of payloads on every command topic: one answer each, and nothing that was not said."""

import asyncio
import json
import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmw2mqtt.mqtt.commands import COMMANDS
from bmw2mqtt.vehicle.commands import (
    Action,
    Command,
    SendPoi,
    SetAcLimit,
    SetChargingMode,
    SetTargetSoc,
)
from bmw2mqtt.vehicle.snapshot import ChargingMode
from tests.mqtt.recorded_commands import RecordedCommands

pytestmark = pytest.mark.no_cover

WORDS: dict[str, dict[str, Command]] = {
    "lock/lock/set": {"LOCK": Action.LOCK, "UNLOCK": Action.UNLOCK},
    "switch/climate/set": {"ON": Action.START_CLIMATE, "OFF": Action.STOP_CLIMATE},
    "switch/charging/set": {"ON": Action.START_CHARGING, "OFF": Action.STOP_CHARGING},
    "button/light_flash/press": dict.fromkeys(("", "PRESS"), Action.FLASH_LIGHTS),
    "button/sound_horn/press": dict.fromkeys(("", "PRESS"), Action.SOUND_HORN),
    "button/activate_air_conditioning/press": dict.fromkeys(("", "PRESS"), Action.START_CLIMATE),
    "button/deactivate_air_conditioning/press": dict.fromkeys(("", "PRESS"), Action.STOP_CLIMATE),
    "button/find_vehicle/press": dict.fromkeys(("", "PRESS"), Action.FIND_VEHICLE),
    "select/ac_limit/set": {
        str(limit): SetAcLimit(limit) for limit in (6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 32)
    },
    "select/charging_mode/set": {
        mode: SetChargingMode(ChargingMode(mode))
        for mode in ("immediate_charging", "delayed_charging")
    },
}
SOC, POI = "number/target_soc/set", "notify/poi/set"
TOPICS = (*WORDS, SOC, POI)
TEXTS = ("name", "street", "city", "postal_code", "country")
NUMBER = re.compile(r"[ \t\n\r\f\v]*[+-]?[0-9]+(\.[0-9]*)?[ \t\n\r\f\v]*")
MANY = settings(
    deadline=None,
    max_examples=100,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


# What a payload says, read without the product's help


def meaning(topic: str, payload: bytes) -> Command | None:
    """Return what is asked for; `None` for what is no command."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    if len(payload) > 4096:
        return None
    if topic == SOC:
        value = number(text, 20, 100)
        return SetTargetSoc(int(value)) if value is not None and value % 5 == 0 else None
    if topic == POI:
        return destination(text.strip())
    return WORDS[topic].get(text)


def number(value: Any, low: float, high: float) -> float | None:
    if isinstance(value, str):
        value = float(value) if NUMBER.fullmatch(value) else None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def destination(text: str) -> SendPoi | None:
    if text.startswith("{"):
        return destination_of_json(text)
    if text[:4].lower() == "geo:":
        return destination_of_uri(text[4:])
    parts = text.split(",")
    if len(parts) < 2:
        return None
    return place(parts[0], parts[1], name=",".join(parts[2:]).strip())


def destination_of_json(text: str) -> SendPoi | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not {"latitude", "longitude"} <= fields.keys() <= {"latitude", "longitude", *TEXTS}:
        return None
    texts = {key: fields.get(key) for key in TEXTS}
    if any(not isinstance(value, str | None) for value in texts.values()):
        return None
    return place(fields["latitude"], fields["longitude"], **texts)


def destination_of_uri(text: str) -> SendPoi | None:
    path, _, query = text.partition("?")
    parts = path.split(";")[0].split(",")
    name = ""
    search = parse_qs(query, keep_blank_values=True).get("q")
    if search:
        before, bracket, name = search[-1].partition("(")
        name = name[:-1] if bracket and name.endswith(")") else name
        if "," in before:
            parts = before.split(",")
        elif len(parts) > 1 and number(parts[0], 0, 0) == 0 == number(parts[1], 0, 0):
            return None
    return place(parts[0], parts[1], name=name) if len(parts) > 1 else None


def place(latitude: Any, longitude: Any, **texts: str | None) -> SendPoi | None:
    north, east = number(latitude, -90, 90), number(longitude, -180, 180)
    if north is None or east is None:
        return None
    return SendPoi(latitude=north, longitude=east, **{k: v or None for k, v in texts.items()})


# What comes in


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


any_text = st.text(st.characters(exclude_categories=()))
numbers = st.integers() | st.floats() | st.integers(-200, 200) | st.floats(-200, 200)
leaves = st.none() | st.booleans() | numbers | any_text
documents = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=8
).map(json.dumps)
coordinates = (
    st.floats(-95, 95) | st.integers(-95, 95) | st.floats(-95, 95).map(str) | numbers | leaves
)
destinations = st.fixed_dictionaries(
    {},
    optional={
        "latitude": coordinates,
        "longitude": coordinates,
        **dict.fromkeys(TEXTS, st.none() | any_text | leaves),
        "planet": leaves,
    },
).map(json.dumps)
plain = st.tuples(coordinates, coordinates, st.text()).map(lambda parts: ",".join(map(str, parts)))
pairs = st.tuples(coordinates, coordinates).map(lambda pair: f"{pair[0]},{pair[1]}")
uris = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["geo:", "GEO:", " geo:", "geo"]),
    pairs | st.sampled_from(["0,0", "0.0,-0", "0"]),
    st.sampled_from(["", ";u=35", ",520"]),
    st.sampled_from(["", "?z=1"])
    | st.builds("?q={}".format, pairs)
    | st.builds(
        "?z=2&q={}({})".format, pairs, st.text(max_size=9).map(lambda t: t.replace("&", ""))
    )
    | st.sampled_from(["?q=", "?q=Berlin", "?q=Berlin,Mitte", "?q=%28x%29"]),
)
words = st.sampled_from(sorted({word for known in WORDS.values() for word in known} | {"80", "20"}))
near_words = st.builds(
    lambda word, extra, before: extra + word if before else word + extra,
    words,
    st.text(" \t\n\0.0\ufeff+-_", max_size=3),
    st.booleans(),
)
payloads = st.one_of(
    any_text,
    st.binary(),
    documents,
    numbers,
    words,
    near_words,
    words.map(str.lower),
    destinations,
    plain,
    uris,
    st.integers(0, 120).map(lambda n: f"{n}.0"),
    st.builds(lambda text, times: text * times, any_text, st.integers(1, 2000)),
).map(as_bytes)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def commands_run(runner: asyncio.Runner) -> RecordedCommands:
    made = RecordedCommands()
    runner.run(made.start())
    return made


def deliver(
    runner: asyncio.Runner,
    commands_run: RecordedCommands,
    path: str,
    payload: bytes,
    **options: Any,
) -> tuple[dict[str, Any], list[Command]]:
    """Let one message come in: its only event, and what was carried out."""
    commands_run.publisher.sent.clear()
    commands_run.account.executed.clear()

    async def message() -> None:
        assert commands_run.receive(path, payload, **options)
        await commands_run.settle()

    runner.run(message())
    (event,) = commands_run.events()
    platform, key, _ = path.split("/")
    assert event["entity"] == f"{platform}/{key}"
    assert event["payload"] == payload.decode(errors="replace")[:255]
    return event, list(commands_run.account.executed)


def test_every_command_is_known_here() -> None:
    assert {"/".join(path) for path in COMMANDS} == set(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
@MANY
@given(payload=payloads)
def test_what_is_carried_out_is_what_the_payload_says(
    runner: asyncio.Runner, commands_run: RecordedCommands, topic: str, payload: bytes
) -> None:
    expected = meaning(topic, payload)
    event, executed = deliver(runner, commands_run, topic, payload)
    if executed:
        assert executed == [expected]
        assert (event["event_type"], event["reason"]) == ("executed", None)
    else:
        assert (event["event_type"], event["reason"]) == ("rejected", "invalid_payload")
        is_very_long_number = re.search(rb"\d{10}|\.\d{21}", payload)
        assert expected is None or is_very_long_number


@pytest.mark.parametrize("topic", [POI])
@settings(MANY, max_examples=500)
@given(payload=st.one_of(destinations, plain, uris).map(as_bytes))
def test_destinations_in_every_notation(
    runner: asyncio.Runner, commands_run: RecordedCommands, topic: str, payload: bytes
) -> None:
    expected = meaning(topic, payload)
    event, executed = deliver(runner, commands_run, topic, payload)
    if executed:
        (command,) = executed
        assert command == expected
        assert isinstance(command, SendPoi)
        assert math.isfinite(command.latitude)
        assert math.isfinite(command.longitude)
    else:
        assert event["reason"] == "invalid_payload"


@MANY
@given(
    latitude=st.decimals(-90, 90, places=6),
    longitude=st.decimals(-180, 180, places=6),
    texts=st.fixed_dictionaries({}, optional=dict.fromkeys(TEXTS, st.text(min_size=1))),
    is_text=st.booleans(),
)
def test_a_good_destination_is_sent(
    runner: asyncio.Runner,
    commands_run: RecordedCommands,
    latitude: Any,
    longitude: Any,
    texts: dict[str, str],
    is_text: bool,  # noqa: FBT001
) -> None:
    kind: Any = str if is_text else float
    fields = {"latitude": kind(latitude), "longitude": kind(longitude), **texts}
    _, executed = deliver(runner, commands_run, POI, json.dumps(fields).encode())
    expected = SendPoi(latitude=float(latitude), longitude=float(longitude), **texts)
    if len(json.dumps(fields).encode()) <= 4096:
        assert executed == [expected]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_word_of_the_guide_is_understood(
    runner: asyncio.Runner, commands_run: RecordedCommands, topic: str
) -> None:
    known = (
        WORDS.get(topic)
        or {
            SOC: {str(n): SetTargetSoc(n) for n in range(20, 101, 5)},
            POI: {"48.1,11.5": SendPoi(latitude=48.1, longitude=11.5)},
        }[topic]
    )
    for word, command in known.items():
        assert deliver(runner, commands_run, topic, word.encode())[1] == [command]


@MANY
@given(
    path=st.from_regex(r"[a-z_]{1,20}/[a-z0-9_]{1,20}/(set|press)", fullmatch=True)
    | st.sampled_from(TOPICS).map(lambda topic: topic.replace("/set", "/press"))
    | st.sampled_from(TOPICS).map(lambda topic: topic.replace("/press", "/set")),
    payload=payloads | words.map(str.encode),
    retain=st.booleans(),
)
def test_other_topics_and_retained_messages_are_refused(
    runner: asyncio.Runner,
    commands_run: RecordedCommands,
    path: str,
    payload: bytes,
    retain: bool,  # noqa: FBT001
) -> None:
    retain = retain or path in TOPICS
    event, executed = deliver(runner, commands_run, path, payload, retain=retain)
    assert executed == []
    assert event["reason"] == ("retained" if retain else "unknown_entity")


@MANY
@given(
    response=st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["a/b", "bmw2mqtt/x", "homeassistant/status", "$SYS/x", "a/#", "+", "a\0b"]),
    correlation=st.none() | st.binary(max_size=50),
    payload=st.sampled_from([b"PRESS", b"nonsense"]),
)
def test_answers_go_only_where_they_may(
    runner: asyncio.Runner,
    commands_run: RecordedCommands,
    response: str,
    correlation: bytes | None,
    payload: bytes,
) -> None:
    options: dict[str, Any] = {"ResponseTopic": response}
    if correlation is not None:
        options["CorrelationData"] = correlation
    deliver(runner, commands_run, "button/light_flash/press", payload, **options)
    own = ("bmw2mqtt/", "homeassistant/", "$")
    is_allowed = response and not response.startswith(own) and not re.search("[+#\0]", response)
    answers = [(where, data) for where, _, data in commands_run.publisher.sent[1:]]
    assert answers == ([(response, correlation)] if is_allowed else [])
