"""The JSON schema for editors agrees with what `bmw2mqtt check` accepts and refuses."""

import json
from pathlib import Path

import jsonschema
import pytest

from bmw2mqtt.config.keys import value_paths
from reference.schema import URL, schema
from tests.config.loading import EU, EXAMPLE, HOME, load
from tests.config.test_broken_sources import whole_example
from tests.markdown import pages
from tests.yaml_text import read_yaml

SCHEMA = json.loads(schema())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def mistakes(text):
    return [error.message for error in VALIDATOR.iter_errors(read_yaml(text))]


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_example_names_it_and_is_valid():
    first = EXAMPLE.read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={URL}"
    assert (EXAMPLE.parent / URL.partition("/main/")[2]).is_file()
    assert mistakes(EXAMPLE.read_text("utf-8")) == []
    assert mistakes(whole_example()) == []


CONFIGS = [s for page in pages() for s in page.snippets() if s.title == "config.yaml"]


@pytest.mark.parametrize("snippet", CONFIGS)
def test_the_guides_configurations_are_valid(snippet):
    assert mistakes(snippet.text) == []


def test_it_has_every_setting_with_its_description():
    for path in value_paths():
        nodes = [SCHEMA]
        for name in path:
            nodes = [below for node in nodes for below in step(node, name)]
        assert nodes, path
        assert all("description" in node for node in nodes), path


def step(node, name):
    """Yield the schemas of a key."""
    for part in (*node.get("anyOf", ()), *(rule["then"] for rule in node.get("allOf", ()))):
        yield from step(part, name)
    if "$ref" in node:
        yield from step(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]], name)
    if isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]
    elif name in node.get("properties", ()):
        yield node["properties"][name]


GOOD = [
    HOME,
    EU % "",
    HOME + "mqtt: {tls: true, password: 0123, protocol: 5}\n",
    HOME + "homeassistant: false\nvehicles:\n",
    HOME + "mqtt: {port: }\nlog:\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_both_accept(text):
    assert load(text)
    assert mistakes(text) == []


BAD = [
    HOME + "mqtt: {hots: broker}\n",
    HOME + "mqtt: {port: 70000}\n",
    HOME + "log: {level: loud}\n",
    HOME + "homeasistant: {}\n",
    HOME.replace("s3cret", "s3cret, request_budget: 40"),
    EU % ", read_only: true",
    HOME.replace("mybmw", "bmw"),
    HOME + "vehicles: {WBA00000000000001: {nmae: x}}\n",
]


@pytest.mark.parametrize("text", BAD)
def test_what_both_refuse(text):
    with pytest.raises(Exception, match=";"):
        load(text)
    assert mistakes(text)


def test_it_is_part_of_the_site():
    assert Path(EXAMPLE.parent / "docs" / "config.schema.json").read_text("utf-8") == schema()
