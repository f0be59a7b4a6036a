"""Every entity of Home Assistant's former BMW integration, compared with what is on the broker.

`data/ha_entities.tsv` was written by that integration itself (2026.3.4, metric units), with the
fixture cars at 2023-06-22 10:30 UTC and Home Assistant's clock in Los Angeles. Where
the bridge differs on purpose, it is stated here and nowhere else.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.simulator.mybmw import SimulatedUser
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, wait_until
from tests.tables import check_rows

TABLE = Path(__file__).parent.parent / "data" / "ha_entities.tsv"
WRITTEN_AT = datetime(2023, 6, 22, 10, 30, tzinfo=UTC)
ZONE = "America/Los_Angeles"

Row = dict[str, str]
with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS: list[Row] = list(csv.DictReader(file, delimiter="\t"))
VINS = sorted({row["vin"] for row in ROWS})

ADDITIONS = {"image_vehicle", "event_command", "event_charging", "event_trip"} | {
    entity.id for entity in VEHICLE_ENTITIES if entity.appears_with_value
}
"""Components the old integration did not have."""
NOT_COPIED_OPTIONS = {"no_action"}
"""BMW's library fails when it is chosen."""
UNITS = {"number_target_soc": "%", "select_ac_limit": None}
"""Home Assistant wants a unit with the device class battery; it has none for selects over MQTT."""
HOME_ASSISTANTS_OWN = {
    "editable",
    "max",
    "min",
    "mode",
    "source_type",
    "step",
    "supported_features",
}
"""Attributes that Home Assistant adds by itself."""
OUR_OWN = {"updated_at", "messages"}
KEYS = {"climate.activity": "climate_status", "(vin)": "location"}
STATES = {
    "on": "ON",
    "off": "OFF",
    "locked": "LOCKED",
    "unlocked": "UNLOCKED",
    "unknown": "None",
}


def key_of(row: Row) -> str:
    if row["key"] in KEYS:
        return KEYS[row["key"]]
    path = row["key"].split(".")
    return "_".join(path[1:]) if path[0] == "tires" else path[-1]


def component_of(row: Row) -> str:
    return f"{row['platform']}_{key_of(row)}"


def row_id(row: Row) -> str:
    return f"{row['vin']}-{component_of(row)}"


@dataclass
class Bridge:
    """What the broker holds after the first poll."""

    topics: dict[str, bytes]
    started_at: datetime

    def device(self, vin: str) -> dict[str, Any]:
        payload = self.topics[f"homeassistant/device/bmw2mqtt_{vin}/config"]
        device: dict[str, Any] = json.loads(payload)
        return device

    def component(self, row: Row) -> dict[str, Any]:
        components: dict[str, Any] = self.device(row["vin"])["components"]
        assert component_of(row) in components, "the entity is not announced"
        component: dict[str, Any] = components[component_of(row)]
        return component


@dataclass
class Bridges:
    """The same cars twice: as they are, and read-only."""

    normal: Bridge
    read_only: Bridge


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridges]:
    """Run two daemons until everything is on their brokers."""
    folder = tmp_path_factory.mktemp("acceptance")
    cars = [fixture_car(vin) for vin in VINS]
    user = SimulatedUser(username="me@example.com", password="a-password-42", cars=cars)
    servers = BackgroundBmw()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(servers.close)
        patch.setenv("TZ", ZONE)
        bmw = servers.start(user)
        observers: dict[str, Observer] = {}
        started_at = datetime.now(UTC)
        for name in ("normal", "read_only"):
            directory = folder / name
            directory.mkdir()
            broker = stack.enter_context(Mosquitto(directory))
            observers[name] = stack.enter_context(Observer(broker.port))
            account = {"read_only": name == "read_only", "captcha_token": name}
            settings = settings_for(bmw, broker.port, directory / "data", account=account)
            stack.enter_context(Daemon(directory, settings))
        yield Bridges(**{n: Bridge(_complete(o), started_at) for n, o in observers.items()})


def _complete(observer: Observer) -> dict[str, bytes]:
    """Wait for the pictures: they come last."""

    def is_complete() -> bool:
        topics = observer.current()
        return topics.get("bmw2mqtt/account/home/sensor/status") == b"ok" and all(
            f"bmw2mqtt/{vin}/image/vehicle" in topics for vin in VINS
        )

    wait_until(is_complete, 40, "all cars and their pictures")
    observer.quiet()
    return observer.current()


def test_entities(bridges: Bridges) -> None:
    check_rows(ROWS, partial(check_entity, bridges), row_id)


def check_entity(bridges: Bridges, row: Row) -> None:
    component = bridges.normal.component(row)
    assert component["platform"] == row["platform"]
    assert component["unique_id"] == f"bmw2mqtt_{row['vin']}_{component_of(row)}"
    assert component["default_entity_id"] == row["entity_id"]
    if row["platform"] == "notify":
        return  # it was an action, not an entity
    name = None if row["platform"] == "device_tracker" else row["english_name"]
    assert component["name"] == name
    unit = UNITS.get(component_of(row), row["unit"] or None)
    assert component.get("unit_of_measurement") == unit
    for field in ("device_class", "state_class", "entity_category"):
        assert component.get(field) == (row[field] or None), field
    assert component.get("enabled_by_default", True) is (row["enabled_by_default"] == "yes")
    precision = int(row["display_precision"]) if row["display_precision"] else None
    assert component.get("suggested_display_precision") == precision
    options = [o for o in row["options"].split("|") if o and o not in NOT_COPIED_OPTIONS]
    assert component.get("options", []) == options
    for field, value in json.loads(row["attributes_json"]).items():
        if field in {"min", "max", "step", "mode"}:
            assert component[field] == value, field


def test_attributes(bridges: Bridges) -> None:
    rows = [row for row in ROWS if row["platform"] != "notify"]
    check_rows(rows, partial(check_attributes, bridges), row_id)


def check_attributes(bridges: Bridges, row: Row) -> None:
    expected = json.loads(row["attributes_json"])
    expected = {k: v for k, v in expected.items() if k not in HOME_ASSISTANTS_OWN}
    topic = bridges.normal.component(row).get("json_attributes_topic")
    shown = {} if topic is None else json.loads(bridges.normal.topics[topic])
    assert {k: v for k, v in shown.items() if k not in OUR_OWN} == expected
    if topic is not None:
        assert topic == f"bmw2mqtt/{row['vin']}/{row['platform']}/{key_of(row)}/attributes"


def test_states(bridges: Bridges) -> None:
    check_rows(ROWS, partial(check_state, bridges), row_id)


def check_state(bridges: Bridges, row: Row) -> None:
    component = bridges.normal.component(row)
    if row["platform"] in {"button", "notify", "device_tracker"}:
        assert "state_topic" not in component  # a tracker's state is made of its attributes
        return
    assert component["state_topic"] == f"bmw2mqtt/{row['vin']}/{row['platform']}/{key_of(row)}"
    text = bridges.normal.topics[component["state_topic"]].decode()
    if row["device_class"] == "timestamp":
        _check_time(bridges.normal, row, text)
    elif _is_number(row["state"]):
        assert float(text) == float(row["state"])
    else:
        assert text == STATES.get(row["state"], row["state"])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_time(bridge: Bridge, row: Row, text: str) -> None:
    if row["state"] == "unknown":
        assert text == "None"
    elif key_of(row) == "charging_start_time":
        local = datetime.fromisoformat(row["state"]).astimezone(ZoneInfo(ZONE)).time()
        assert datetime.fromisoformat(text) in _next(local, bridge.started_at)
    elif _state_of(row, "fuel_and_battery.charging_status") != "charging":
        assert text == "None"  # the old integration showed an end though nothing had begun
    else:
        remaining = datetime.fromisoformat(row["state"]) - WRITTEN_AT
        late = datetime.fromisoformat(text) - (bridge.started_at + remaining)
        assert timedelta(seconds=-2) <= late <= timedelta(minutes=2)


def _next(local: Any, now: datetime) -> set[datetime]:
    """Return the next such time of day; both, if it has just been while the test ran."""
    days = (now.astimezone(ZoneInfo(ZONE)).date() + timedelta(days=n) for n in (0, 1, 2))
    moments = [datetime.combine(day, local, ZoneInfo(ZONE)) for day in days]
    coming = [m for m in moments if m >= now]
    just_passed = coming[0] - now < timedelta(minutes=2)
    return set(coming[: 2 if just_passed else 1])


def _state_of(row: Row, key: str) -> str:
    same_car = (r for r in ROWS if (r["vin"], r["key"]) == (row["vin"], key))
    return next(r["state"] for r in same_car if r["platform"] == "sensor")


def test_read_only(bridges: Bridges) -> None:
    check_rows(ROWS, partial(check_read_only, bridges), row_id)


def check_read_only(bridges: Bridges, row: Row) -> None:
    components = bridges.read_only.device(row["vin"])["components"]
    # Destinations could be sent in read-only mode, said the old documentation; now they can.
    is_expected = row["present_in_read_only"] == "yes" or row["platform"] == "notify"
    assert (component_of(row) in components) is is_expected
    if row["present_in_read_only"] == "yes":
        component = components[component_of(row)]
        assert component == bridges.normal.component(row)
        assert "command_topic" not in component
        topic = component.get("state_topic")
        if topic and row["device_class"] != "timestamp":
            assert bridges.read_only.topics[topic] == bridges.normal.topics[topic]
    elif row["platform"] != "notify":
        topic = f"bmw2mqtt/{row['vin']}/{row['platform']}/{key_of(row)}"
        assert topic not in bridges.read_only.topics


@pytest.mark.parametrize("vin", VINS)
def test_nothing_else_is_announced(bridges: Bridges, vin: str) -> None:
    expected = {component_of(row) for row in ROWS if row["vin"] == vin}
    for bridge in (bridges.normal, bridges.read_only):
        assert bridge.device(vin)["components"].keys() - expected <= ADDITIONS
        for topic in bridge.topics:
            if topic.startswith(f"bmw2mqtt/{vin}/") and topic.count("/") > 2:
                platform, key = topic.split("/")[2:4]
                assert f"{platform}_{key}" in expected | ADDITIONS, topic


@pytest.mark.parametrize("vin", VINS)
def test_device(bridges: Bridges, vin: str) -> None:
    row = next(row for row in ROWS if row["vin"] == vin)
    device = bridges.normal.device(vin)["device"]
    assert device["identifiers"] == [f"bmw2mqtt_{vin}"]
    assert (device["name"], device["model"]) == (row["model"], row["model"])
    assert device["manufacturer"] == row["manufacturer"]
    assert device["serial_number"] == vin


def test_the_table_is_whole() -> None:
    assert len({row_id(row) for row in ROWS}) == len(ROWS) >= 100
