"""docs/config.schema.json: what editors need to complete and check config.yaml.

Derived from the models in `bmw2mqtt.config`. As for `bmw2mqtt check`, any value may be empty, and a
text may look like a number. Keys are not required, because other sources may set them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from bmw2mqtt.config import Settings
from reference.configuration import descriptions

URL: Final = "https://raw.githubusercontent.com/bmw2mqtt/bmw2mqtt/main/docs/config.schema.json"
_NULL: Final = {"type": "null"}
_TEXT: Final = ["string", "number", "boolean"]


def schema() -> str:
    """Return the schema as JSON."""
    models = Settings.model_json_schema()
    definitions = {name: _section(name, model, models) for name, model in models["$defs"].items()}
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": URL,
        "title": "Configuration of bmw2mqtt",
        **_section("Settings", models, models),
        "description": "All settings of bmw2mqtt.",
        "$defs": definitions,
    }
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _section(name: str, model: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its keys."""
    texts = descriptions()
    properties = {
        key: _with_text(_value(value, models), texts.get((name, key)))
        for key, value in model["properties"].items()
    }
    return {
        "type": ["object", "null"],
        "description": model.get("description", "").split("\n")[0],
        "properties": properties,
        "additionalProperties": False,
    }


def _with_text(value: dict[str, Any], text: str | None) -> dict[str, Any]:
    return {"description": text, **value} if text else value


def _value(value: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of one value, or of a section, which may also be empty."""
    default = {"default": value["default"]} if value.get("default") is not None else {}
    if isinstance(value.get("default"), dict):
        default = {}
    if "anyOf" in value:  # a value or null
        (kind,) = [kind for kind in value["anyOf"] if kind != _NULL]
        return _value(kind, models)
    if "$ref" in value:
        return _reference(value["$ref"], models)
    if value.get("type") == "object":  # names that a person chooses
        return _named(value, models)
    if "enum" in value:
        numbers = [int(word) for word in value["enum"] if word.isdecimal()]  # protocol: 5
        return {"enum": [*value["enum"], *numbers, None], **default}
    if "const" in value:
        return {"const": value["const"]}
    bounds = {key: value[key] for key in ("minimum", "maximum") if key in value}
    kinds = _TEXT if value["type"] == "string" else [value["type"]]
    return {"type": [*kinds, "null"], **bounds, **default}


def _reference(reference: str, models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reference to a section; `tls: true` is short for `tls: {enabled: true}`."""
    section = models["$defs"][reference.rpartition("/")[2]]
    if "enabled" in section["properties"]:
        return {"anyOf": [{"$ref": reference}, {"type": "boolean"}]}
    return {"$ref": reference}


def _named(value: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    below = value["additionalProperties"]
    if "discriminator" in below:
        backends = below["discriminator"]["mapping"]
        backend = {
            "enum": sorted(backends),
            "description": "cardata: BMW's customer API (EU, UK). mybmw: the BMW app's interface.",
        }
        each: dict[str, Any] = {
            "type": ["object", "null"],
            "properties": {"backend": backend},
            "allOf": [
                {
                    "if": {"properties": {"backend": {"const": name}}, "required": ["backend"]},
                    "then": {"$ref": reference},
                }
                for name, reference in sorted(backends.items())
            ],
        }
    else:
        each = _value(below, models)
    return {"type": ["object", "null"], "additionalProperties": each}
