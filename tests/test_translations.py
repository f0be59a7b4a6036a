"""Every text has its translation, and a language changes names alone."""

import json
from collections import Counter
from typing import Any

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Event, Sensor
from bmw2mqtt.entities.raw_readings import readings
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_payload
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.translations import LANGUAGES, NAMES, STATES, translations
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.snapshot import ChargingMode, Vehicle

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
