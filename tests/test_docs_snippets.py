"""What people copy from the README and the guide works, as far as a test can tell."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator

import pytest

from bmw2mqtt.cli.main import parser
from bmw2mqtt.config import Settings, load_settings
from bmw2mqtt.config.keys import KeyPath, key_at
from reference.channels import channels
from tests.markdown import ROOT, Page, Snippet, pages
from tests.yaml_text import read_yaml

PAGES = pages()
ACCOUNT = "accounts: {home: {backend: mybmw, username: me@example.com, password: s3cret}}\n"
OWN_VALUES = {
    "your-address@example.com": "me@example.com",
    "00000000-0000-0000-0000-000000000000": "0a0a0a0a-0000-0000-0000-00000000000b",
    "change-me": "s3cret",
}
"""What a reader writes instead of the examples, which are refused."""


def _snippets(language: str) -> list[object]:
    return [
        pytest.param(snippet, id=f"{page.name}-{number}")
        for page in PAGES
        for number, snippet in enumerate(page.snippets())
        if snippet.language == language
    ]


@pytest.mark.parametrize("snippet", _snippets("yaml"))
def test_yaml_can_be_read(snippet: Snippet):
    assert read_yaml(snippet.text)


@pytest.mark.parametrize("snippet", _snippets("toml"))
def test_toml_can_be_read(snippet: Snippet):
    assert tomllib.loads(snippet.text)


@pytest.mark.parametrize("snippet", _snippets("json"))
def test_json_can_be_read(snippet: Snippet):
    assert json.loads(snippet.text)


@pytest.mark.parametrize("snippet", _snippets("yaml"))
def test_configuration_loads(snippet: Snippet, tmp_path):
    ours = snippet.title == "config.yaml"
    assert ours or "accounts" not in read_yaml(snippet.text), 'give it title="config.yaml"'
    if ours:
        text = snippet.text if "\naccounts:" in f"\n{snippet.text}" else ACCOUNT + snippet.text
        file = tmp_path / "config.yaml"
        for example, own in OWN_VALUES.items():
            text = text.replace(example, own)
        file.write_text(text, "utf-8")
        load_settings(file, environ={}, secrets_dir=tmp_path / "none")


def _secrets(settings: dict[str, object], above: KeyPath = ()) -> Iterator[object]:
    for key, value in settings.items():
        path = (*above, key)
        if isinstance(value, dict):
            yield from _secrets(value, path)
        elif key_at(path) is True:
            yield value


def test_secrets_are_examples_that_check_refuses():
    ours = [snippet for page in PAGES for snippet in page.snippets()]
    texts = [snippet.text for snippet in ours if snippet.title == "config.yaml"]
    found = [secret for text in texts for secret in _secrets(read_yaml(text))]
    assert set(found) == {"change-me"}


def _commands(page: Page) -> Iterator[str]:
    for line in page.code():
        container = re.match(r"docker\b.* bmw2mqtt (?P<arguments>[a-z].*)", line)
        found = container or re.match(r"(?:\S*/)?bmw2mqtt (?P<arguments>[a-z-].*)", line)
        if found:
            yield re.split(r"[#|>&;]", found["arguments"])[0].removeprefix("bmw2mqtt ").strip()


def _is_understood(command: str) -> bool:
    arguments = shlex.split(re.sub(r"[\[\]]", "", command))
    if len(arguments) == 1:  # a command's name in a sentence
        arguments.append("--help")
    try:
        parser().parse_args(arguments)
    except SystemExit as end:
        return end.code == 0
    return True


def test_command_lines_are_understood():
    commands = {(page.name, command) for page in PAGES for command in _commands(page)}
    assert len(commands) > 20
    assert [command for command in sorted(commands) if not _is_understood(command[1])] == []
    assert not _is_understood("start --now")


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        (page.name, match[1])
        for page in PAGES
        for line in page.code()
        if (match := re.match(r"make ([a-z-]+)", line))
    }
    assert len(named) > 3
    assert {target for _, target in named} <= targets


_VIN = r"[A-HJ-NPR-Z0-9]{17}"
_TOPIC = re.compile(r"(?<![\w./-])(?:bmw2mqtt|homeassistant/device)/(?!bmw2mqtt_\w*__)[\w{}+#/…-]*")
_ADDRESSES = [channel.address.split("/") for channel in channels()]
_ANY = {"{platform}", "{key}", "+", "…"}


def _fits(level: str, ours: str) -> bool:
    if level in _ANY or level == ours:
        return True
    pattern = re.escape(ours).replace(r"\{vin\}", rf"(?:\{{VIN\}}|{_VIN})")
    return (
        re.fullmatch(pattern.replace(r"\{account\}", r"(?:\{name\}|[a-z0-9_]+)"), level) is not None
    )


def is_ours(topic: str) -> bool:
    """Whether the bridge has this topic, or one that this filter matches."""
    levels = topic.split("/")
    is_open = levels[-1] in {"#", ""}
    if is_open:
        levels.pop()
    return any(
        len(ours) >= len(levels) if is_open else len(ours) == len(levels)
        for ours in _ADDRESSES
        if all(_fits(level, own) for level, own in zip(levels, ours, strict=False))
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_topics_are_those_of_the_code(page: Page):
    unknown = [
        topic
        for topic in _TOPIC.findall("\n".join(page.code()))
        if not is_ours(topic) and not (ROOT / topic).exists()
    ]
    assert unknown == []


def test_unknown_topics_are_noticed():
    assert is_ours("bmw2mqtt/WBA00000000000001/lock/lock/set")
    assert not is_ours("bmw2mqtt/WBA00000000000001/lock/door/set")
    assert not is_ours("bmw2mqtt/WBA00000000000001/sensor/odometer")


def test_example_names_every_setting():
    example = read_yaml((ROOT / "config.example.yaml").read_text())
    assert example.keys() == Settings.model_fields.keys()


def test_files_named_in_code_exist():
    named = {
        (page.name, match[0])
        for page in PAGES
        for line in page.code()
        for match in re.finditer(r"\b(?:docker|scripts|docs)/[\w./-]*\w\.\w+", line)
    }
    missing = {(name, path) for name, path in named if not (ROOT / path).exists()}
    # The one file a person makes.
    assert {path for _, path in missing} <= {"docker/config.yaml"}


def test_access_list_is_the_one_of_the_compose_project():
    page = next(page for page in PAGES if page.name == "docs/automations.md")
    printed = next(s.text for s in page.snippets() if s.text.startswith("user bmw2mqtt"))
    assert printed in (ROOT / "docker" / "acl.conf").read_text("utf-8")
