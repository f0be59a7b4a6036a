"""Every text has its translation, and a language changes names alone."""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.config import CarDataSettings, Mqtt, MyBmwSettings, Tls, text, values
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Event, Sensor
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
from bmw2mqtt.web.setup import broker_form

PACKAGE = Path(__file__).parents[1] / "bmw2mqtt"
ENTITIES = (*VEHICLE_ENTITIES, *ACCOUNT_ENTITIES, *readings())
TOPICS = Topics("bmw2mqtt", "homeassistant")
VIN = "WBA00000000000001"


def state_words() -> set[str]:
    """Return the words of every enumeration, as people read them."""
    words: set[str] = {str(mode) for mode in ChargingMode}
    for entity in ENTITIES:
        if isinstance(entity, Sensor):
            words |= {str(word) for word in entity.options or ()}
        if isinstance(entity, Event):
            words |= set(entity.event_types)
    return {word.replace("_", " ").capitalize() for word in words}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_name_and_state_is_translated(language: str) -> None:
    names = {entity.name for entity in ENTITIES if entity.name}
    assert set(translations(language, NAMES)) == names
    assert state_words() <= set(translations(language, STATES))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_two_names_become_one(language: str) -> None:
    known = translations(language, NAMES)
    assert [name for name, n in Counter(known.values()).items() if n > 1] == []


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
    for module in (web / "vehicle_page").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
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


# Status messages

SPEAKING = (
    "accounts/cardata/auth/device_login.py",
    "accounts/cardata/auth/manager.py",
    "accounts/cardata/auth/tokens.py",
    "accounts/cardata/http.py",
    "accounts/cardata/rest/client.py",
    "accounts/cardata/rest/quota.py",
    "accounts/cardata/rest/vehicle_list.py",
    "accounts/cardata/status.py",
    "accounts/cardata/stream/disconnect_reasons.py",
    "accounts/cardata/stream/reconnect_policy.py",
    "accounts/cardata/stream/relayed.py",
    "accounts/mybmw/auth/attempts.py",
    "accounts/mybmw/auth/authentication.py",
    "accounts/mybmw/auth/login_client.py",
    "accounts/mybmw/library/errors.py",
    "accounts/scheduler.py",
    "config/mistakes.py",
    "mqtt/client.py",
    "mqtt/errors.py",
    "mqtt/packets.py",
    "mqtt/tools/broker_check.py",
    "mqtt/transport.py",
    "network_errors.py",
    "web/access.py",
    "web/setup/service.py",
)
"""Modules whose sentences the page shows: status messages of accounts, results of the setup."""
SHORTEST = 3
"""Words of the shortest sentence."""
NOT_SHOWN = {
    "there is no account {}; did you mean {}?",  # what the setup does not write
    "bmw2mqtt session until {}",
    "Could not publish message",  # exceptions that we catch ourselves
    "not a valid topic",
    "image/png, image/*, */*",
    "{} of {}",
    "please report it",  # remedies in the log
    "log in as its primary user",
    "BMW's list of cars no longer names it",
    "find out why bmw2mqtt restarts so often; press Refresh to update now",
    r"replenished in (\d{1,3}):(\d{2}):(\d{2})",
    r"in (\d{1,5}) second",
}
PLACE = "{}: "
"""Before an error, the setting that it is about."""
NEXT_TRY = re.compile(r"[;,] (trying again( later| in some hours)?|waiting until then)$")


def sentences(source: str) -> Iterator[str]:
    """Yield the sentences of a module, with `{}` for each value."""
    tree = ast.parse(source)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(id(node.value))  # a docstring
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
            yield "".join(
                str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values
            )
        if isinstance(node, ast.Constant) and id(node) not in left_out:
            yield str(node.value)


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_status_message_is_translated(language: str) -> None:
    known = {re.sub(r"\{\w+\}", "{}", text) for text in translations(language, MESSAGES)}
    missing = {
        f"{module}: {text}"
        for module in SPEAKING
        for sentence in sentences((PACKAGE / module).read_text("utf-8"))
        if not {text := NEXT_TRY.sub("", sentence), text.removeprefix(PLACE)} & (known | NOT_SHOWN)
        and len(text.split()) >= SHORTEST
    }
    assert missing == set()


# What is wrong with a value that was entered in the setup


def value_types() -> set[str]:
    """Return the names in `config.values` of the types of all fields of the setup."""
    fields = [(Tls if "tls" in path else Mqtt, path[-1]) for path in broker_form.PATHS.values()]
    fields += [(CarDataSettings, "client_id")]
    fields += [(MyBmwSettings, name) for name in ("username", "password", "region")]
    kinds = [get_type_hints(model, include_extras=True)[name] for model, name in fields]
    return {
        name
        for name, value in vars(values).items()
        if name[0].isupper() and any(value == kind or value in get_args(kind) for kind in kinds)
    }


def errors_of(names: set[str]) -> set[str]:
    """Return what `config.values` says of bad values of these types, with `{}` for each value."""
    parts: dict[str, Any] = {}
    for node in ast.parse((PACKAGE / "config/values.py").read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            parts[node.name] = node
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            parts[ast.unparse(target)] = node

    def text_of(node: ast.expr) -> str:
        node = parts[node.id].value if isinstance(node, ast.Name) else node
        (words,) = sentences(f"_ = {ast.unparse(node)}")
        return words

    found: set[str] = set()
    seen, todo = {"_error", "wrong"}, names & parts.keys()
    while todo:
        seen.add(name := todo.pop())
        for node in ast.walk(parts[name]):
            if isinstance(node, ast.Name) and node.id in parts.keys() - seen:
                todo.add(node.id)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"_error", "wrong"}:
                subject = "{} " if ast.unparse(node.func) == "_error" else ""
                found.add(subject + "; ".join(map(text_of, node.args)))
    return found


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_error_of_a_field_of_the_setup_is_translated(language: str) -> None:
    odd = "contains {} ({}) at position {}"  # of `oddity`
    known = {re.sub(r"\{\w+\}", "{}", text) for text in translations(language, MESSAGES)}
    known |= {text.replace(odd, "{}") for text in known if odd in text}
    errors = errors_of(value_types())
    assert len(errors) >= len(("host", "port", "text", "secret", "flag", "client", "region"))
    assert errors - known == set()
    kinds = set(text._CATEGORIES.values())
    assert kinds <= set(translations(language, MESSAGES))


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
