"""The vehicle template for evcc, read the way evcc's own source reads it.

Facts about evcc are of its source of August to November 2026: the fields of a template
(`util/templates`), of a custom vehicle (`vehicle/vehicle.go`), and how a payload becomes a value
(`plugin/pipeline`, `plugin/getter.go`).
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import jq
import pytest
import yaml

from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.entities.base import encode
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.vehicle.snapshot import (
    Charging,
    ChargingStatus,
    Climate,
    ClimateActivity,
    DriveTrain,
    Position,
    Vehicle,
)
from tests.markdown import DOCS, Page

VIN = "WBA00000000000001"
TEMPLATE = yaml.safe_load((DOCS / "recipes" / "evcc-template.yaml").read_text("utf-8"))
PAGE = Page(DOCS / "recipes" / "evcc.md", (DOCS / "recipes" / "evcc.md").read_text("utf-8"))

FULL = Vehicle(
    vin=VIN,
    model="i4",
    brand="BMW",
    drive_train=DriveTrain.ELECTRIC,
    mileage_km=12345.0,
    charging=Charging(
        soc_percent=61.5,
        target_soc_percent=80,
        range_km=241.0,
        status=ChargingStatus.CHARGING,
        is_plugged_in=True,
        end_time=datetime(2026, 11, 29, 4, 30, tzinfo=UTC),
    ),
    climate=Climate(activity=ClimateActivity.HEATING),
    position=Position(latitude=48.177024, longitude=0.0),
)
PARKED = Vehicle(
    vin=VIN,
    model="i4",
    brand="BMW",
    charging=Charging(status=ChargingStatus.NOT_CHARGING, is_plugged_in=False),
    climate=Climate(activity=ClimateActivity.STANDBY),
)
UNKNOWN = Vehicle(vin=VIN, model="i4", brand="BMW", had_position=True)


def render(**values: str) -> dict[str, Any]:
    """Return the vehicle that evcc makes of the template, without what its own includes add."""
    text = re.sub(r"\{\{- include \"(?:common|features)\" \. \}\}\n", "", TEMPLATE["render"])
    vehicle = yaml.safe_load(re.sub(r"\{\{ \.(\w+) \}\}", lambda match: values[match[1]], text))
    assert isinstance(vehicle, dict)
    return vehicle


VEHICLE = render(vin=VIN, topic="bmw2mqtt", timeout="720h")


def _sources(part: Any) -> Iterator[dict[str, Any]]:
    """Return everything that reads a topic."""
    if isinstance(part, dict):
        if part.get("source") == "mqtt":
            yield part
        for inner in part.values():
            yield from _sources(inner)


def _payload(source: dict[str, Any], vehicle: Vehicle) -> str:
    """Return what the bridge publishes at the topic of a source."""
    _, vin, platform, key, *rest = source["topic"].split("/")
    assert vin == VIN
    (entity,) = (
        entity
        for entity in vehicle_entities(has_commands=False, has_readings=False)
        if (entity.platform, entity.key) == (platform, key)
    )
    if rest == ["attributes"]:
        assert entity.attributes is not None
        return dump_json(entity.attributes(vehicle)).decode()
    assert rest == []
    assert entity.value is not None
    return encode(entity.value(vehicle)).decode()


def _text(source: dict[str, Any], payload: str) -> str:
    """Pass a payload through evcc's pipeline: quote, jq, and Go's text of the result."""
    if "jq" not in source:
        return payload
    document = json.dumps(payload) if source.get("quote") else payload
    (result,) = jq.compile(source["jq"]).input_text(document).all()
    return json.dumps(result) if isinstance(result, bool) else str(result)


def _boolean(text: str) -> bool:
    """Convert as `strconv.ParseBool` does."""
    return {"true": True, "false": False}[text]


def _rfc3339(text: str) -> datetime:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text), text
    return datetime.fromisoformat(text)


READ: dict[str, Callable[[str], Any]] = {
    "soc": float,
    "range": float,
    "odometer": float,
    "limitsoc": float,
    "climater": _boolean,
    "plugged": _boolean,
    "charging": _boolean,
    "finishtime": _rfc3339,
    "latitude": float,
    "longitude": float,
}


def _source(name: str) -> dict[str, Any]:
    for group in (VEHICLE, VEHICLE["status"], VEHICLE["position"]):
        if name in group:
            source = group[name]
            assert isinstance(source, dict)
            return source
    raise KeyError(name)


def _value(name: str, vehicle: Vehicle) -> Any:
    source = _source(name)
    return READ[name](_text(source, _payload(source, vehicle)))


def test_template_has_only_fields_that_evcc_knows() -> None:
    assert TEMPLATE.keys() <= {
        *("template", "products", "group", "requirements", "params", "render", "deprecated"),
        *("auth", "covers", "link", "capabilities", "countries", "caveats", "discovery"),
    }
    assert TEMPLATE["group"] == "generic"
    assert TEMPLATE["requirements"]["evcc"] == ["mqtt"]
    assert TEMPLATE["requirements"]["description"].keys() == {"en", "de"}
    presets = [param["preset"] for param in TEMPLATE["params"] if "preset" in param]
    assert set(presets) <= {"vehicle-common", "vehicle-online", "vehicle-features"}
    named = [param for param in TEMPLATE["params"] if "name" in param]
    for param in named:
        assert param.keys() <= {
            *("name", "description", "help", "required", "default", "example", "advanced"),
        }
        assert not param.get("advanced") or "default" in param
        text = param.get("description", {})
        assert all(len(words) <= 50 for words in text.values())
    used = set(re.findall(r"\{\{ \.(\w+) \}\}", TEMPLATE["render"]))
    assert used == {param["name"] for param in named}


def test_vehicle_has_only_parts_that_evcc_knows() -> None:
    assert VEHICLE["type"] == "custom"
    assert VEHICLE.keys() - {"type"} == {
        *("soc", "range", "odometer", "status", "limitsoc", "climater", "finishtime", "position"),
    }
    assert VEHICLE["status"]["source"] == "combined"
    for source in _sources(VEHICLE):
        assert source.keys() <= {"source", "topic", "timeout", "quote", "jq"}


@pytest.mark.parametrize("name", READ)
def test_value_of_a_car_is_read(name: str) -> None:
    assert (
        _value(name, FULL)
        == {
            "soc": 61.5,
            "range": 241,
            "odometer": 12345,
            "limitsoc": 80,
            "climater": True,
            "plugged": True,
            "charging": True,
            "finishtime": datetime(2026, 11, 29, 4, 30, tzinfo=UTC),
            "latitude": 48.177024,
            "longitude": 0,
        }[name]
    )


@pytest.mark.parametrize("name", ["climater", "plugged", "charging"])
def test_no_is_not_unknown(name: str) -> None:
    assert _value(name, PARKED) is False


@pytest.mark.parametrize("name", READ)
def test_unknown_value_is_an_error_and_never_zero_or_no(name: str) -> None:
    with pytest.raises((ValueError, AssertionError)):
        _value(name, UNKNOWN)


@pytest.mark.parametrize("activity", ClimateActivity)
def test_every_activity_of_the_climate_control_is_understood(activity: ClimateActivity) -> None:
    climate = Climate(activity=activity)
    car = Vehicle(vin=VIN, model="i4", brand="BMW", climate=climate)
    assert _value("climater", car) is climate.is_on


def test_page_has_the_vehicle_of_the_template() -> None:
    (text,) = (snippet.text for snippet in PAGE.snippets() if snippet.title == "evcc.yaml")
    (own,) = yaml.safe_load(text)["vehicles"]
    assert {key: value for key, value in own.items() if key in VEHICLE} == VEHICLE
