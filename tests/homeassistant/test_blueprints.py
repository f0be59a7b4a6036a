"""Blueprints are well-formed, alike in both languages, and name only what the bridge publishes."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.history import ChargeSummary, ChargingEvent
from tests.entities.test_further_entities import FULL
from tests.homeassistant.blueprints import FOLDER, LANGUAGES, PATHS, Input, leaves, load
from tests.markdown import DOCS

ROWS: tuple[Entity[Any], ...] = (*VEHICLE_ENTITIES, *ACCOUNT_ENTITIES)
SELECTORS = {"action", "device", "entity", "number", "select", "time"}
HOME_ASSISTANTS_ATTRIBUTES = {"friendly_name", "event_type"}
"""Attributes that it sets itself."""
NAMES = {
    "left_open": ("Lids", "Windows", "Door lock state"),
    "charging": ("Charging", "Charging target", "Target SoC"),
    "battery_12v": ("12 V battery problem", "12 V battery daily minimum"),
    "service_due": (
        "Next service in", "Next service", "Legal inspection", "Engine oil", "Brake fluid",
        "Vehicle check",
    ),
    "alarm": ("Alarm sounding",),
    "login_required": ("Login required", "Status"),
    "quota_used_up": ("Status",),
    "silent_car": ("Last report",),
}  # fmt: skip
"""The entities that each blueprint tells people to choose."""


def id_of(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def test_each_blueprint_is_there_in_each_language() -> None:
    files = {path.relative_to(FOLDER) for path in PATHS}
    assert files == {Path(language, f"{name}.yaml") for language in LANGUAGES for name in NAMES}


@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_inputs_have_selectors_and_are_used(path: Path) -> None:
    document = load(path)
    header = document["blueprint"]
    assert header["domain"] == "automation"
    assert header["source_url"].endswith(f"/blob/main/{path.relative_to(FOLDER.parents[2])}")
    for name, chosen in header["input"].items():
        assert chosen["name"], name
        assert chosen["description"], name
        [selector] = chosen["selector"]
        assert selector in SELECTORS
    used = {value.name for _, value in leaves(document) if isinstance(value, Input)}
    assert used == header["input"].keys()


@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_the_entities_to_choose_exist(path: Path) -> None:
    for chosen in load(path)["blueprint"]["input"].values():
        rule = chosen["selector"].get("entity", {}).get("filter")
        if rule is None or rule["domain"] == "zone":
            continue
        assert rule["integration"] == "mqtt"
        domains = rule["domain"] if isinstance(rule["domain"], list) else [rule["domain"]]
        for domain in domains:
            classes = {getattr(row, "device_class", None) for row in ROWS if row.platform == domain}
            assert classes, domain
            assert set(rule.get("device_class", ())) <= classes
    text = path.read_text("utf-8")
    for name in NAMES[path.stem]:
        assert name in text
        assert [row for row in ROWS if row.name == name and row.enabled], name


def attributes() -> set[str]:
    """Return the names of all attributes."""
    account = AccountState(name="home", backend=BACKENDS["cardata"].traits)
    found = {field.name for field in fields(ChargeSummary)} | HOME_ASSISTANTS_ATTRIBUTES
    for row in VEHICLE_ENTITIES:
        found |= set(row.attributes(FULL)) if row.attributes else set()
    for own in ACCOUNT_ENTITIES:
        found |= set(own.attributes(account)) if own.attributes else set()
    return found


@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_states_events_and_attributes_exist(path: Path) -> None:
    document = load(path)
    text = path.read_text("utf-8")
    named = re.findall(r"state_attr'?[(,] *(?:\w+, )?'(\w+)'", text)
    named += re.findall(r"attributes\.(\w+)", text)
    named += [trigger["attribute"] for trigger in document["triggers"] if "attribute" in trigger]
    assert set(named) <= attributes()
    events = set(re.findall(r"event_type [!=]= '(\w+)'", text))
    assert events <= set(ChargingEvent)
    words = {trigger["to"] for trigger in document["triggers"] if "to" in trigger} - {"on", "off"}
    assert words <= set(AccountStatus)


def test_the_rules_above_find_names() -> None:
    """Their expressions match what the blueprints say."""
    text = "".join(path.read_text("utf-8") for path in PATHS)
    for word in ("user_code", "soc_end", "charging_ended", "quota_exceeded", "login_url"):
        assert word in text
    assert re.findall(r"state_attr'?[(,] *(?:\w+, )?'(\w+)'", "state_attr(status, 'x')") == ["x"]
    assert re.findall(r"state_attr'?[(,] *(?:\w+, )?'(\w+)'", "map('state_attr', 'x')") == ["x"]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_do_the_same(name: str) -> None:
    """Only what people read may differ."""
    texts = {"name", "description", "label", "source_url", "message"}
    found = []
    for language in LANGUAGES:
        document = load(FOLDER / language / f"{name}.yaml")
        found.append([(place, v) for place, v in leaves(document) if place[-1] not in texts])
    assert found[0] == found[1]


@pytest.mark.parametrize("path", PATHS, ids=id_of)
def test_the_guide_has_a_link_that_imports_it(path: Path) -> None:
    url = load(path)["blueprint"]["source_url"]
    encoded = url.replace(":", "%3A").replace("/", "%2F")
    guide = (DOCS / "automations.md").read_text("utf-8")
    link = f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={encoded}"
    assert f"]({link})" in guide
