"""The AsyncAPI document holds together, and what the bridge publishes is in it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.config import Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.entities.catalogue import Kind, catalogue
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.snapshot import Reading, Vehicle
from tests.accounts.mybmw.snapshot.conversion import convert_car
from tests.fixture_cars import fixture_cars
from tests.markdown import DOCS
from tests.yaml_text import read_yaml

VIN = "WBA00000000000001"
SAMPLES = {
    Kind.BOOLEAN: True,
    Kind.NUMBER: 12.5,
    Kind.WORD: "driving",
    Kind.TEXT: "EU-01",
    Kind.TIME: "2026-11-24T23:36:39+00:00",
    Kind.JSON: "[]",
}
ACCOUNTS = {
    "home": {"backend": "mybmw", "username": "me@example.com", "password": "pw"},
    "eu": {"backend": "cardata", "client_id": "0a0a0a0a-0000-0000-0000-00000000000b"},
}


@cache
def document() -> dict[str, Any]:
    """Return the document; only the worker that runs these tests reads it."""
    found: dict[str, Any] = read_yaml((DOCS / "asyncapi.yaml").read_text("utf-8"))
    return found


def channels() -> dict[str, Any]:
    found: dict[str, Any] = document()["channels"]
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for below in node.values():
            yield from _references(below)
    elif isinstance(node, list):
        for below in node:
            yield from _references(below)


def _resolve(reference: str) -> Any:
    node: Any = document()
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node


def test_references_lead_somewhere():
    references = set(_references(document()))
    assert len(references) > 50
    for reference in references:
        assert _resolve(reference), reference


def test_every_channel_has_one_operation_and_its_parameters():
    used = [operation["channel"]["$ref"] for operation in document()["operations"].values()]
    assert sorted(used) == sorted(f"#/channels/{name}" for name in channels())
    for channel in channels().values():
        names = set(re.findall(r"{(\w+)}", channel["address"]))
        assert names == channel.get("parameters", {}).keys(), channel["address"]
    addresses = [channel["address"] for channel in channels().values()]
    assert len(addresses) == len(set(addresses))


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    """Return what the bridge retains of nine MyBMW cars, one of CarData, and the accounts."""
    topics = Topics("bmw2mqtt", "homeassistant")
    publisher = Publisher()
    settings = Settings(accounts=ACCOUNTS)
    fleet = DeviceRegistry(settings, topics, publisher, RetainedScan(topics))
    for name, account in ACCOUNTS.items():
        fleet.account_changed(
            AccountState(
                name=name, backend=BACKENDS[account["backend"]].traits, status=AccountStatus.OK
            )
        )
    cars = [convert_car(car) for car in fixture_cars()]
    fleet.vehicles_listed("home", frozenset(car.vin for car in cars), is_complete=True)
    for car in cars:
        fleet.vehicle_changed("home", car)
    readings = {row.descriptor: Reading(value=SAMPLES[row.kind]) for row in catalogue().values()}
    fleet.vehicles_listed("eu", frozenset({VIN}), is_complete=True)
    fleet.vehicle_changed("eu", Vehicle(vin=VIN, model="iX1", brand="BMW", readings=readings))
    return publisher._retained


def _channel_of(topic: str) -> str:
    patterns = {"{vin}": "[A-Z0-9]{17}", "{account}": "[a-z0-9_]+"}
    found = []
    for name, channel in channels().items():
        pattern = re.escape(channel["address"]).replace(r"\{", "{").replace(r"\}", "}")
        for parameter, values in patterns.items():
            pattern = pattern.replace(parameter, values)
        if "{" not in channel["address"].partition("/")[0] and re.fullmatch(pattern, topic):
            found.append(name)
    assert len(found) == 1, f"{topic}: {found}"
    return found[0]


def _readings_of(payload: bytes, content_type: str) -> list[Any]:
    """How a payload may be read: plain text may also be a number."""
    if content_type == "application/json":
        return [json.loads(payload)]
    text = payload.decode()
    try:
        return [text, float(text)]
    except ValueError:
        return [text]


@pytest.mark.no_cover
def test_everything_that_is_published_is_described(published: dict[str, bytes]):
    assert len(published) > 400
    for topic, payload in published.items():
        name = _channel_of(topic)
        operation = document()["operations"][name]
        assert (operation["action"], operation["bindings"]["mqtt"]["retain"]) == ("send", True)
        message = channels()[name]["messages"]["message"]
        if message["contentType"] == "image/png":
            continue
        schema = {**message["payload"], "components": document()["components"]}
        readings = _readings_of(payload, message["contentType"])
        assert any(map(Draft202012Validator(schema).is_valid, readings)), (topic, payload)


def test_a_wrong_payload_is_noticed():
    schema = {"$ref": "#/components/schemas/flag", "components": document()["components"]}
    assert not Draft202012Validator(schema).is_valid("on")
