"""Every text has its translation, and a language changes names alone."""

import ast
import json
import re
from collections import Counter
from typing import Any

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.cardata.telemetry.decode import _snake_case
from bmw2mqtt.config import text
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Event, Sensor
from bmw2mqtt.entities.catalogue import Kind, catalogue
from bmw2mqtt.entities.raw_readings import readings
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_payload
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.translations import (
    LANGUAGES,
    MESSAGES,
    NAMES,
    PAGE,
    STATES,
    message,
    status_message,
    translations,
)
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.snapshot import ChargingMode, Vehicle
from tests.package_source import PACKAGE, modules
from tests.shown_sentences import (
    pages_in_python,
    shown,
    speaking_modules,
    untranslated,
    words_in_html,
    words_in_script,
)

pytestmark = pytest.mark.no_cover

ENTITIES = (*VEHICLE_ENTITIES, *ACCOUNT_ENTITIES, *readings())
ENTITY_NAMES = {entity.name for entity in ENTITIES if entity.name}
DESCRIPTOR_NAMES = {
    row.name for row in catalogue().values() if row.is_streamable or row.rest_via == "container"
}
"""What the page lists of the values that a car may send."""
TOPICS = Topics("bmw2mqtt", "homeassistant")
VIN = "WBA00000000000001"


def state_words() -> set[str]:
    """Return the words of every enumeration, as people read them."""
    words: set[str] = {str(mode) for mode in ChargingMode}
    words |= {"LOCKED", "UNLOCKED", "LOCKING", "UNLOCKING"}
    for row in catalogue().values():
        if row.kind is Kind.WORD and not row.entity and row.name in DESCRIPTOR_NAMES:
            words |= {_snake_case(word) for word in row.options}
    for entity in ENTITIES:
        if isinstance(entity, Sensor):
            words |= {str(word) for word in entity.options or ()}
        if isinstance(entity, Event):
            words |= set(entity.event_types)
    return {word.replace("_", " ").capitalize() for word in words}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_name_and_state_is_translated(language: str) -> None:
    assert set(translations(language, NAMES)) == ENTITY_NAMES | DESCRIPTOR_NAMES
    assert state_words() <= set(translations(language, STATES))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_two_names_become_one(language: str) -> None:
    known = translations(language, NAMES)
    for names in (ENTITY_NAMES, DESCRIPTOR_NAMES):
        counted = Counter(known[name] for name in names)
        assert [name for name, n in counted.items() if n > 1] == []


def discovery(language: str) -> list[dict[str, Any]]:
    """Return the discovery messages of a car and of an account, with all they may have."""
    traits = BACKENDS["cardata"].traits
    car, home = Vehicle(vin=VIN, brand="BMW", model="i4"), AccountState(name="h", backend=traits)
    account = TOPICS.account("h")
    payloads = (
        vehicle_payload(
            car,
            (*VEHICLE_ENTITIES, *readings()),
            (),
            topics=TOPICS.vehicle(VIN),
            account=account,
            name=None,
            language=language,
        ),
        account_payload(home, ACCOUNT_ENTITIES, (), topics=account, language=language),
    )
    return [json.loads(payload) for payload in payloads]


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_language_changes_names_alone(language: str) -> None:
    """Ids, topics and states are what automations are made of."""
    known = translations(language, NAMES)
    for english, other in zip(discovery("en"), discovery(language), strict=True):
        for component in english["components"].values():
            component["name"] = known.get(component["name"])
        assert other == english
    names = [c["name"] for message in discovery("de") for c in message["components"].values()]
    assert {"Kilometerstand", "Ladestand", "Anmelden"} <= set(names)


# The page

TEXT_IN_SCRIPT = re.compile(r'(?<![\w.])t\(\s*("(?:[^"\\]|\\.)*")')
TEXT_IN_INDEX = re.compile(r"\{\{(.+?)\}\}")


def page_texts() -> set[str]:
    """Return the texts of the page: in its scripts, its first page, and the pages of the cars."""
    web = PACKAGE / "web"
    texts: set[str] = set(TEXT_IN_INDEX.findall((web / "static/index.html").read_text("utf-8")))
    for script in (web / "static").glob("page*.js"):
        found = TEXT_IN_SCRIPT.findall(script.read_text("utf-8"))
        texts |= {ast.literal_eval(text) for text in found}
    for name, module in modules().items():
        for node in module.nodes if name.startswith("bmw2mqtt.web.vehicle_page") else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                if node.func.id in {"t", "mark"} and isinstance(first, ast.Constant):
                    texts.add(first.value)
    return texts - {"language"}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_text_of_the_page_is_translated(language: str) -> None:
    known = translations(language, PAGE)
    assert set(known) == page_texts()
    fields = re.compile(r"\{\w+\}")
    wrong = {
        text
        for text, other in known.items()
        if set(fields.findall(text)) != set(fields.findall(other))
    }
    assert wrong == set()


NO_WORDS = {"bmw2mqtt", "English", "Deutsch"}
"""Names, which are the same in every language; each language is named in its own."""
STYLES = {"row acts", "button main"}
UNITS = {"km, °C, bar, L", "mi, °C, psi, L", "mi, °F, psi, gal"}


def test_nothing_is_written_or_read_aloud_without_a_translation() -> None:
    """Words between tags, labels for screen readers, tooltips, and those that scripts put there."""
    html = {
        f"{name}: {words}"
        for name, text in pages_in_python()
        for words in words_in_html(text) - NO_WORDS
    }
    assert html == set()
    static = PACKAGE / "web/static"
    index = TEXT_IN_INDEX.sub("", (static / "index.html").read_text("utf-8"))
    assert words_in_html(index) == NO_WORDS | UNITS
    scripts = {
        f"{script.name}: {words}"
        for script in static.glob("*.js")
        if script.name != "portal.js"  # runs at BMW, each text with its translation beside it
        for words in words_in_script(script.read_text("utf-8")) - NO_WORDS - STYLES
    }
    assert scripts == set()


def test_words_without_a_translation_are_found() -> None:
    assert words_in_html('<p class="a b">■ <b>Hello</b></p>') == {"Hello"}
    assert words_in_html('aria-label="Close it" class="plain"') == {"Close it"}
    assert words_in_html('<button>{t("Save")}</button>') == {'{t("Save")}'}
    script = 'h("p", { class: "soft now", title: "Close it" }, t("Done already"), `of ${x} cars`);'
    assert words_in_script(script) == {"Close it", "of  cars"}


# Sentences of the daemon: errors, status messages, results of commands

NOT_SHOWN = {
    "in (\\d{1,5}) second",  # what BMW says, as patterns
    "replenished in (\\d{1,3}):(\\d{2}):(\\d{2})",
    "Did not receive",
    "please report it",  # remedies in the log
    "log in as its primary user",
    "In another network of this machine, open ■ instead",
    "accounts.■.poll_interval: BMW may block an account that is polled every ■ s; use ■ or more",
    "http.token: short enough to be guessed; use ■ characters or more",
    "mqtt.port: ■ is usually for TLS; set mqtt.tls.enabled: true, or use another port, usually 1883",  # noqa: E501
    "mqtt.tls.enabled: false, so the files of mqtt.tls are not used; set enabled: true",
    "mqtt.tls.verify: false, so anyone can impersonate the broker; set ca_file and verify: true",
    "Could not publish message",  # of aiomqtt, which we catch
    "bmw2mqtt session until ■",  # for programs
    "not connected to the MQTT broker",
    "Accept-Encoding, Accept-Language, Cookie",
    "mosquitto_sub -h ■ -p ■■ -v -t '■/■/#'",
    " -u USER -P PASSWORD",
    "■ L ■ ■ L ■ ■ Z",
}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_sentence_that_can_reach_the_page_is_translated(language: str) -> None:
    found = {name: shown(name, module) for name, module in speaking_modules()}
    missing = {
        f"{name}: {sentence}": english
        for name, sentences in found.items()
        for sentence in sentences - NOT_SHOWN
        if (english := untranslated(language, sentence))
    }
    assert missing == {}
    assert set().union(*found.values()) >= NOT_SHOWN
    speaking = {name.partition("/")[0] for name, sentences in found.items() if sentences}
    assert speaking >= {"accounts", "config", "entities", "history", "mqtt", "web"}


def test_a_new_sentence_is_found_wherever_it_is_raised() -> None:
    source = """
def read(path):
    \"\"\"Read the file of that name.\"\"\"
    log.info("file_read", remedy="not for the page at all")
    raise StoreError(f"{path} is on fire: call somebody")
    raise web.HTTPConflict(text=TEXT)
    raise ValueError("of no interest here")
TEXT: Final = "nobody translated this one"
"""
    module = ast.parse(source)
    sentences = {"■ is on fire: call somebody", "nobody translated this one"}
    assert shown("history/new.py", module) == sentences
    assert untranslated("de", "■ is on fire: call somebody") == {"■ is on fire"}
    assert untranslated("de", "nobody translated this one") == {"nobody translated this one"}
    everything = shown("config/new.py", ast.parse('def check():\n    raise wrong("a b c", REMEDY)'))
    assert everything == {"a b c; ■"}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_kind_of_odd_character_is_translated(language: str) -> None:
    assert set(text._CATEGORIES.values()) <= set(translations(language, MESSAGES))


def test_a_message_is_translated_with_what_is_in_it() -> None:
    text = (
        "nas:8883 cannot be used: TLS handshake: [SSL: CERTIFICATE_VERIFY_FAILED] certificate"
        " verify failed: certificate has expired (_ssl.c:1010): check mqtt.tls.ca_file and that"
        " mqtt.host is the certificate's name"
    )
    assert message("de", text) == (
        "nas:8883 ist nicht nutzbar: TLS-Handshake: das Zertifikat des Brokers wird nicht"
        " anerkannt, es ist abgelaufen: prüfe mqtt.tls.ca_file, und ob mqtt.host der Name im"
        " Zertifikat ist"
    )
    assert message("en", text) == text
    assert message("de", "what nobody has translated") == "what nobody has translated"
    shown = status_message("de", "internal error (KeyError); please report it")
    assert shown == "Interner Fehler; bitte melde das."
