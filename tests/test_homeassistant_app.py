"""The Home Assistant app's files keep the rules that Home Assistant publishes for apps.

The rules: https://developers.home-assistant.io/docs/apps/configuration
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from PIL import Image
from pydantic import BaseModel, SecretStr

from bmw2mqtt import __version__
from bmw2mqtt.config import (
    CarDataSettings,
    HistorySettings,
    Mqtt,
    MyBmwSettings,
    Settings,
    VehicleSettings,
    load_settings,
)
from tests.yaml_text import read_yaml

ROOT = Path(__file__).parent.parent
APP = ROOT / "homeassistant-app"
CONFIG: dict[str, Any] = read_yaml((APP / "config.yaml").read_text())
LANGUAGES = sorted(path.stem for path in (APP / "translations").iterdir())

STRING, FLAG, TEXTS, ANYTHING = str, bool, list, dict
ALLOWED: dict[str, Any] = {
    "name": STRING,
    "version": STRING,
    "slug": STRING,
    "description": STRING,
    "url": STRING,
    "image": STRING,
    "arch": TEXTS,
    "stage": {"stable", "experimental", "deprecated"},
    "startup": {"initialize", "system", "services", "application", "once"},
    "boot": {"auto", "manual", "manual_only"},
    "homeassistant": STRING,
    "init": FLAG,
    "services": TEXTS,
    "ingress": FLAG,
    "ingress_port": int,
    "panel_icon": STRING,
    "panel_title": STRING,
    "panel_admin": FLAG,
    "ports": ANYTHING,
    "options": ANYTHING,
    "schema": ANYTHING,
}
"""Of all keys that an app may have, those that this one uses or could, and their kinds."""

ELEMENT = re.compile(
    r"(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password|int)(\((-?\d+)?,(-?\d+)?\))?"
    r"|float(\((-?\d*\.?\d+)?,(-?\d*\.?\d+)?\))?|match\(.*\)|list\(.+\))\??"
)
FILLED_IN: dict[str, Any] = {
    "name": "home",
    "vin": "WBA00000000000001",
    "client_id": "0a0a0a0a-0000-0000-0000-00000000000b",
    "latitude": 48.5,
    "longitude": 11.5,
    "poll_interval": 600,
    "request_budget": 20,
    "battery_capacity_kwh": 80.7,
    "price_per_kwh": 0.32,
    "currency": "CHF",
    "radius_m": 200,
    "relay_prefix": "bmw/",
    "stream_topic": "cars/raw",
    "port": 1884,
    "host": "broker",
}


def test_the_keys() -> None:
    assert set(CONFIG) <= set(ALLOWED)
    for key, value in CONFIG.items():
        allowed = ALLOWED[key]
        assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), key
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", CONFIG["slug"])
    assert set(CONFIG["arch"]) <= {"aarch64", "amd64"}, "the others were given up"
    assert all(re.fullmatch(r"(mqtt|mysql):(provide|want|need)", s) for s in CONFIG["services"])
    assert all(re.fullmatch(r"\d+(/tcp|/udp)?", port) for port in CONFIG["ports"])
    assert CONFIG["panel_icon"].startswith("mdi:")
    assert not (APP / "build.yaml").exists(), "no builder reads it any longer"


def test_everybody_can_see_and_pull_it() -> None:
    assert CONFIG["stage"] == "stable", "the store hides the others from most people"
    workflow = (ROOT / ".github" / "workflows" / "image.yml").read_text()
    assert CONFIG["image"] == "ghcr.io/bmw2mqtt/bmw2mqtt-app"
    assert "$IMAGE-app:$VERSION" in workflow


def test_the_update_dialog_has_a_text() -> None:
    changelog = (APP / "CHANGELOG.md").read_text()
    section = changelog.split(f"\n## {CONFIG['version']}\n")[1].split("\n## ")[0]
    assert section.strip().startswith("- ")


def test_the_version_is_not_newer_than_the_bridge() -> None:
    """The release sets it when the image is there."""
    assert Version(CONFIG["version"]) <= Version(__version__)


def elements(schema: Any, path: str = "") -> list[tuple[str, str]]:
    """Every single element of the schema with its path."""
    if isinstance(schema, str):
        return [(path, schema)]
    if isinstance(schema, list):
        assert len(schema) == 1, path
        assert not isinstance(schema[0], list), "a list in a list"
        return elements(schema[0], path)
    return [found for key, below in schema.items() for found in elements(below, f"{path}.{key}")]


def test_the_schema() -> None:
    for path, element in elements(CONFIG["schema"]):
        assert ELEMENT.fullmatch(element), path
        assert path.count(".") <= 2, "at most two levels"


def test_it_starts_with_what_is_preset() -> None:
    """What is not preset must be optional, and only what is known may be preset."""
    assert set(CONFIG["options"]) <= set(CONFIG["schema"])
    for key, schema in CONFIG["schema"].items():
        if key not in CONFIG["options"]:
            assert isinstance(schema, str), f"{key} counts as missing"
            assert schema.endswith("?"), key
    assert all(kind.endswith("?") for kind in CONFIG["schema"]["mqtt"].values())


def fill(schema: Any, of: str = "") -> Any:
    """Fill in a form with this schema."""
    if isinstance(schema, list):
        return [fill(schema[0], of)]
    if isinstance(schema, dict):
        filled = {key: fill(below, key) for key, below in schema.items()}
        return filled | ({"name": "eu"} if "request_budget" in filled else {})
    if found := re.match(r"list\(([^|]+)", schema):
        return found[1]
    if schema.startswith("bool"):
        return True
    return FILLED_IN.get(of, f"some-{of}-0123456789")


def test_every_option_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill in everything the form has; each has to arrive."""
    monkeypatch.chdir(tmp_path)

    options = fill(CONFIG["schema"])
    options["mqtt"]["client_id"] = "mine"
    (tmp_path / "options.json").write_text(json.dumps(options))
    settings = load_settings(None, (), {"BMW2MQTT_CONFIG": "options.json"}, tmp_path / "none")
    assert set(settings.accounts) == {"home", "eu"}
    for name, given in (
        ("home", options["mybmw_accounts"][0]),
        ("eu", options["cardata_accounts"][0]),
    ):
        account = settings.accounts[name]
        for key in given.keys() - {"name"}:
            of = getattr(account, "location", None) if key.endswith("itude") else account
            assert plain(getattr(of, key)) == given[key]
    assert settings.mqtt.tls.enabled
    for key in options["mqtt"].keys() - {"tls"}:
        assert plain(getattr(settings.mqtt, key)) == options["mqtt"][key]
    home = settings.history.home
    assert home is not None
    for key in options["history"]:
        of = home if key in {"latitude", "longitude", "radius_m"} else settings.history
        assert getattr(of, key) == options["history"][key]
    assert plain(settings.http.token) == options["page_token"]
    assert settings.log.level == options["log_level"]
    assert settings.metrics.vehicles is options["vehicle_metrics"] is True


SECTIONS: dict[str, tuple[type[BaseModel], set[str]]] = {
    "mybmw_accounts": (MyBmwSettings, {"backend", "location", "server", "ca_file"}),
    "cardata_accounts": (
        CarDataSettings,
        {"backend", "auth_url", "api_url", "stream_host", "stream_port", "ca_file"},
    ),
    "vehicles": (VehicleSettings, set()),
    "mqtt": (Mqtt, {"keepalive"}),
    "history": (HistorySettings, {"home"}),
}
"""The settings behind each part of the form, and those that the form leaves out."""
NAMES = {"name", "vin", "latitude", "longitude", "radius_m"}
"""Fields of the form that the model does not have: keys, and parts of a location."""


def form_type(schema: dict[str, Any]) -> str:
    """Return the form's type for a setting with this JSON schema, without the question mark."""
    of = next((part for part in schema.get("anyOf", ()) if part["type"] != "null"), schema)
    if "enum" in of:
        return f"list({'|'.join(of['enum'])})"
    if of["type"] == "integer":
        bounds = of["minimum"], of.get("maximum", "")
        return "port" if bounds == (1, 65535) else f"int({bounds[0]},{bounds[1]})"
    if of["type"] == "number":
        return f"float({of['minimum']},{of.get('maximum', '')})"
    return {"boolean": "bool"}.get(of["type"], "password" if of.get("writeOnly") else "str")


@pytest.mark.parametrize("section", SECTIONS)
def test_the_form_is_that_of_the_settings(section: str) -> None:
    """A new setting has to be in the form or among those that it leaves out."""
    model, left_out = SECTIONS[section]
    form = CONFIG["schema"][section]
    fields = form[0] if isinstance(form, list) else form
    schema = model.model_json_schema()
    assert set(schema["properties"]) - left_out == set(fields) - (NAMES - set(model.model_fields))
    for name, setting in schema["properties"].items():
        if name in left_out or name in {"region", "tls"}:
            continue  # region is required, with the usual one first; tls is a switch
        optional = "" if name in schema.get("required", ()) else "?"
        assert fields[name] == f"{form_type(setting)}{optional}", name


SINGLE = {
    "homeassistant": {"language"},
    "http": {"token"},
    "log": {"level"},
    "metrics": {"vehicles"},
}
"""Settings that are an option of their own."""
NOT_IN_THE_FORM = {
    "data_dir": set(),
    "homeassistant": {"enabled", "discovery_prefix", "status_topic"},
    "http": {"enabled", "host", "port"},
    "log": {"format"},
}


def test_every_section_is_in_the_form_or_left_out() -> None:
    in_lists = {"accounts", "vehicles", "mqtt", "history"}
    assert set(Settings.model_fields) == in_lists | set(SINGLE) | set(NOT_IN_THE_FORM)
    for section, options in SINGLE.items():
        model = Settings.model_fields[section].annotation
        assert model is not None
        assert set(model.model_fields) == options | NOT_IN_THE_FORM.get(section, set()), section
    single = {key for key, kind in CONFIG["schema"].items() if isinstance(kind, str)}
    assert len(single) == sum(map(len, SINGLE.values())), "test_every_option_is_a_setting has each"


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_translations(language: str) -> None:
    text = read_yaml((APP / "translations" / f"{language}.yaml").read_text())
    assert set(text) <= {"configuration", "network"}
    assert set(text["network"]) == set(CONFIG["ports"])
    assert list(text["configuration"]) == list(CONFIG["schema"])
    for key, schema in CONFIG["schema"].items():
        entry = text["configuration"][key]
        assert set(entry) <= {"name", "description", "fields"}
        fields = schema[0] if isinstance(schema, list) else schema
        if isinstance(fields, dict):
            assert list(entry["fields"]) == list(fields)
            assert all(field["name"] for field in entry["fields"].values())


def test_there_is_english() -> None:
    assert "en" in LANGUAGES


@pytest.mark.parametrize(("name", "size"), [("icon", (128, 128)), ("logo", (250, 100))])
def test_the_pictures(name: str, size: tuple[int, int]) -> None:
    path = APP / f"{name}.png"
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == size
    assert path.stat().st_size < 50_000


def test_the_dockerfile() -> None:
    text = (APP / "Dockerfile").read_text()
    assert "BUILD_FROM" not in text, "the Supervisor gives none since 2026.04"
    assert 'io.hass.type="app"' in text
    assert "io.hass.version" in text
    assert "io.hass.arch" in text
    assert set(CONFIG["arch"]) == {"aarch64", "amd64"}


def test_the_repository() -> None:
    repository = read_yaml((ROOT / "repository.yaml").read_text())
    assert set(repository) == {"name", "url", "maintainer"}
    found = [
        path
        for path in ROOT.glob("**/config.yaml")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]
    ours = {APP / "config.yaml", ROOT / "config.yaml", ROOT / "docker" / "config.yaml"}
    assert set(found) <= ours, "the Supervisor takes every other for an app"


def test_the_page_has_the_port_that_ingress_uses() -> None:
    assert CONFIG["ingress_port"] == 8099
    assert {"README.md", "DOCS.md", "CHANGELOG.md"} <= {path.name for path in APP.iterdir()}
