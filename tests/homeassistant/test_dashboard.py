"""The dashboard for a car names only what the car has, in both languages."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.homeassistant.announced import AnnouncedDevice, announced_devices
from bmw2mqtt.homeassistant.dashboard import (
    ACCOUNT_SECTION,
    CAR_SECTIONS,
    dashboard,
    dashboard_yaml,
)
from bmw2mqtt.homeassistant.dashboard_cards import LOGIN_REQUIRED, Shown
from bmw2mqtt.homeassistant.dashboard_texts import ENGLISH, GERMAN, LANGUAGES
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_payload
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.snapshot import Capabilities, DriveTrain, Vehicle
from tests.entities.test_further_entities import FULL
from tests.yaml_text import read_yaml

TOPICS = Topics("bmw2mqtt", "homeassistant")
BUILT_IN = {
    "conditional", "gauge", "heading", "history-graph", "map", "markdown", "picture-entity",
    "statistics-graph", "tile",
}  # fmt: skip
"""Types of cards that each Home Assistant since 2024.11 has."""
EVERYTHING = Capabilities(**dict.fromkeys(Capabilities.__dataclass_fields__, True))
PLUGIN_HYBRID = replace(FULL, capabilities=EVERYTHING, image=b"PNG")
PETROL = replace(
    Vehicle(vin="WBA00000000000002", model="118i", brand="BMW"),
    drive_train=DriveTrain.COMBUSTION,
    mileage_km=1000,
    capabilities=Capabilities(state_reports=True),
)


def payloads(*vehicles: Vehicle) -> list[bytes]:
    """Return the discovery of an account and its cars, as the bridge publishes it."""
    account = AccountState(name="home", backend=BACKENDS["cardata"].traits)
    rows = [row for row in ACCOUNT_ENTITIES if row.exists(account)]
    found = [account_payload(account, rows, (), topics=TOPICS.account("home"))]
    for vehicle in vehicles:
        entities = [
            row
            for row in VEHICLE_ENTITIES
            if row.exists(vehicle) and (not row.appears_with_value or row.has_value(vehicle))
        ]
        payload = vehicle_payload(
            vehicle,
            entities,
            gone=("sensor_gone",),
            topics=TOPICS.vehicle(vehicle.vin),
            account=TOPICS.account("home"),
            name=None,
        )
        found.append(payload)
    return found


def announced(*vehicles: Vehicle) -> list[AnnouncedDevice]:
    return announced_devices(payloads(*vehicles))


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a document."""
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from nodes(value)


def entities_of(document: Any) -> set[str]:
    return {node["entity"] for node in nodes(document) if isinstance(node.get("entity"), str)}


def titles_of(view: dict[str, Any]) -> list[str]:
    return [section["cards"][0]["heading"] for section in view["sections"]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("vehicle", [PLUGIN_HYBRID, PETROL], ids=lambda vehicle: vehicle.model)
def test_every_entity_exists_in_home_assistant(vehicle: Vehicle, language: str) -> None:
    enabled = {
        fields["default_entity_id"]
        for payload in payloads(vehicle)
        for fields in json.loads(payload)["components"].values()
        if fields.get("enabled_by_default", True) and "unique_id" in fields
    }
    document = dashboard(announced(vehicle), language)
    shown = entities_of(document)
    assert shown <= enabled
    assert len(shown) > 10
    cards = [card for view in document["views"] for s in view["sections"] for card in s["cards"]]
    assert {card["type"] for card in cards} <= BUILT_IN
    assert all(len(section["cards"]) > 1 for section in document["views"][0]["sections"])


def test_a_car_with_everything_has_every_section() -> None:
    [view] = dashboard(announced(PLUGIN_HYBRID), "de")["views"]
    assert view["title"] == "X"
    assert titles_of(view) == [
        "Überblick", "Laden", "Reichweite", "Sicherheit", "Klima", "Reifen", "Service", "Fahrten",
        "Verbindung zu BMW",
    ]  # fmt: skip
    types = {node["type"] for node in nodes(view) if isinstance(node.get("type"), str)}
    assert types > BUILT_IN


def test_a_petrol_car_has_nothing_of_charging() -> None:
    [view] = dashboard(announced(PETROL), "en")["views"]
    assert "Charging" not in titles_of(view)
    assert "Tires" not in titles_of(view)
    assert "Range" in titles_of(view)
    assert not [entity for entity in entities_of(view) if "charg" in entity]


def test_the_link_and_the_code_show_while_a_login_is_needed() -> None:
    [view] = dashboard(announced(PETROL), "en")["views"]
    [card] = [node for node in nodes(view) if "login_url" in str(node.get("card", ""))]
    assert card["conditions"] == [
        {
            "condition": "state",
            "entity": "binary_sensor.bmw2mqtt_home_login_required",
            "state": "on",
        }
    ]
    assert "state_attr('sensor.bmw2mqtt_home_status', 'user_code')" in card["card"]["content"]


def test_views_of_cars_of_one_model_have_different_paths() -> None:
    cars = announced(PETROL, replace(PETROL, vin="WBA00000000000003"))
    assert [view["path"] for view in dashboard(cars, "en")["views"]] == ["118i", "118i-2"]


def test_the_text_is_the_document() -> None:
    devices = announced(PLUGIN_HYBRID, PETROL)
    text = dashboard_yaml(devices, "de")
    assert read_yaml(text) == dashboard(devices, "de")
    assert text.startswith("# In Home Assistant: Einstellungen > Dashboards")
    assert "Überblick" in text


def test_what_is_no_discovery_of_ours_is_left_out() -> None:
    broken = [b"", b"no JSON", b"[]", b'{"device": {}}', b'{"components": 3}', b"[" * 100_000]
    assert announced_devices(broken) == []


class Asked(dict[str, str]):
    """The entities of a device that has none; records which ones the cards ask for."""

    def __contains__(self, key: object) -> bool:
        self[str(key)] = ""
        return False


def shown_components() -> dict[str, set[str]]:
    """Return the components that the cards of a car and of an account can name."""
    found: dict[str, set[str]] = {}
    for owner, sections in {"car": CAR_SECTIONS, "account": (ACCOUNT_SECTION,)}.items():
        asked = Asked()
        device = AnnouncedDevice(identifier="", name="", account=None, entities=asked, names={})
        for section in sections:
            assert not [card for make in section.cards for card in make(Shown(device, ENGLISH))]
        found[owner] = set(asked)
    return found | {"account": found["account"] | {LOGIN_REQUIRED}}


def test_cards_name_entities_of_the_tables() -> None:
    cars: dict[str, Entity[Any]] = {row.id: row for row in VEHICLE_ENTITIES}
    accounts: dict[str, Entity[Any]] = {row.id: row for row in ACCOUNT_ENTITIES}
    for owner, rows in (("car", cars), ("account", accounts)):
        components = shown_components()[owner]
        assert components <= rows.keys()
        assert all(rows[component].enabled for component in components)


def test_each_language_has_every_title_and_every_name() -> None:
    assert GERMAN.titles.keys() == ENGLISH.titles.keys()
    components = {name for names in shown_components().values() for name in names}
    without_name = {"device_tracker_location", "image_vehicle"}
    assert GERMAN.names.keys() == components - without_name
    assert ENGLISH.names.keys() <= GERMAN.names.keys()
