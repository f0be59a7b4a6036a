"""Payloads of command topics: what is taken, and what is refused with a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.payload import poi, press, whole_number, words
from bmw2mqtt.vehicle.commands import (
    Action,
    SendPoi,
    SetAcLimit,
    SetChargingMode,
    SetTargetSoc,
)
from bmw2mqtt.vehicle.snapshot import Capabilities, Charging, ChargingMode, Vehicle

CAR = Vehicle(
    vin="WBA00000000DEMO01",
    model="X",
    brand="BMW",
    capabilities=Capabilities(ac_limit=True),
    charging=Charging(ac_limits_a=(6, 16, 32)),
)
COMMANDS = {entity.id: entity.command for entity in VEHICLE_ENTITIES if entity.command}


def parse(entity: str, payload: str) -> Any:
    command = COMMANDS[entity]
    assert command is not None
    return command(CAR, payload)


@pytest.mark.parametrize(
    ("entity", "payload", "command"),
    [
        ("lock_lock", "LOCK", Action.LOCK),
        ("lock_lock", "UNLOCK", Action.UNLOCK),
        ("switch_climate", "ON", Action.START_CLIMATE),
        ("switch_climate", "OFF", Action.STOP_CLIMATE),
        ("switch_charging", "ON", Action.START_CHARGING),
        ("switch_charging", "OFF", Action.STOP_CHARGING),
        ("number_target_soc", "80", SetTargetSoc(80)),
        ("number_target_soc", "80.0", SetTargetSoc(80)),
        ("number_target_soc", "20", SetTargetSoc(20)),
        ("number_target_soc", "100", SetTargetSoc(100)),
        ("select_ac_limit", "16", SetAcLimit(16)),
        (
            "select_charging_mode",
            "immediate_charging",
            SetChargingMode(ChargingMode("immediate_charging")),
        ),
        (
            "select_charging_mode",
            "delayed_charging",
            SetChargingMode(ChargingMode("delayed_charging")),
        ),
        ("button_light_flash", "PRESS", Action.FLASH_LIGHTS),
        ("button_light_flash", "", Action.FLASH_LIGHTS),
        ("button_sound_horn", "PRESS", Action.SOUND_HORN),
        ("button_activate_air_conditioning", "PRESS", Action.START_CLIMATE),
        ("button_deactivate_air_conditioning", "PRESS", Action.STOP_CLIMATE),
        ("button_find_vehicle", "", Action.FIND_VEHICLE),
    ],
)
def test_every_command(entity: str, payload: str, command: Any) -> None:
    assert parse(entity, payload) == command


@pytest.mark.parametrize("entity", sorted(COMMANDS))
@pytest.mark.parametrize("payload", ["x", "lock", "on", "press", "TRUE", "NaN", "{}", "[]", "\x00"])
def test_every_command_refuses_nonsense_with_a_sentence(entity: str, payload: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse(entity, payload)


@pytest.mark.parametrize("entity", sorted(e for e in COMMANDS if not e.startswith("button")))
def test_an_empty_payload_is_only_for_buttons(entity: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse(entity, "")


@given(st.sampled_from(sorted(COMMANDS)), st.text())
def test_no_payload_raises_anything_else(entity: str, payload: str) -> None:
    try:
        parse(entity, payload)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a payload may also fit


@pytest.mark.parametrize(
    "payload",
    ["77", "15", "19.9", "105", "-80", "1e2e3", "80 %", "", "nan", "inf", "-inf", "1e400", "80,0"],
)
def test_target_soc_out_of_bounds_or_step(payload: str) -> None:
    with pytest.raises(ValueError, match="from 20 to 100 in steps of 5"):
        parse("number_target_soc", payload)


def test_whole_numbers_are_whole() -> None:
    number = whole_number(" 85 ", minimum=20, maximum=100, step=5)
    assert (number, type(number)) == (85, int)


@pytest.mark.parametrize("payload", ["7", "16.0", "016", " 16", "A16", "17"])
def test_ac_limit_takes_only_the_cars_options(payload: str) -> None:
    with pytest.raises(ValueError, match="one of 6, 16, 32"):
        parse("select_ac_limit", payload)


def test_charging_mode_has_no_third_word() -> None:
    with pytest.raises(ValueError, match="expected immediate_charging or delayed_charging"):
        parse("select_charging_mode", "no_action")


def test_words_name_what_is_expected() -> None:
    with pytest.raises(ValueError, match=r"^expected ON or OFF$"):
        words({"ON": Action.LOCK, "OFF": Action.UNLOCK})(CAR, "on")
    assert press(Action.LOCK)(CAR, "") is Action.LOCK


PLACE = {"latitude": 48.177334, "longitude": 11.556274}


@pytest.mark.parametrize(
    ("payload", "destination"),
    [
        (json.dumps(PLACE), SendPoi(**PLACE)),
        (f"  {json.dumps(PLACE)}\n", SendPoi(**PLACE)),
        (
            json.dumps(
                PLACE
                | {
                    "name": "BMW Welt",
                    "street": "Am Olympiapark 1",
                    "city": "München",
                    "postal_code": "80809",
                    "country": "Germany",
                }
            ),
            SendPoi(
                **PLACE,
                name="BMW Welt",
                street="Am Olympiapark 1",
                city="München",
                postal_code="80809",
                country="Germany",
            ),
        ),
        (json.dumps(PLACE | {"name": None, "city": ""}), SendPoi(**PLACE)),
        ('{"latitude": "48.5", "longitude": "-11"}', SendPoi(latitude=48.5, longitude=-11.0)),
        ('{"latitude": 90, "longitude": -180}', SendPoi(latitude=90.0, longitude=-180.0)),
        ("geo:48.5,11.25", SendPoi(latitude=48.5, longitude=11.25)),
        ("GEO:48.5,11.25", SendPoi(latitude=48.5, longitude=11.25)),
        ("geo:48.5,11.25,519", SendPoi(latitude=48.5, longitude=11.25)),
        ("geo:48.5,11.25;crs=wgs84;u=35", SendPoi(latitude=48.5, longitude=11.25)),
        ("geo:48.5,11.25?z=17", SendPoi(latitude=48.5, longitude=11.25)),
        (
            "geo:48.5,11.25?z=17&q=48.5,11.25(BMW+Welt%20M%C3%BCnchen)",
            SendPoi(latitude=48.5, longitude=11.25, name="BMW Welt München"),
        ),
        ("48.5,11.25", SendPoi(latitude=48.5, longitude=11.25)),
        (" 48.5 , 11.25 ", SendPoi(latitude=48.5, longitude=11.25)),
        ("-48.5,-11.25,Home", SendPoi(latitude=-48.5, longitude=-11.25, name="Home")),
        (
            "48.5,11.25, Shop, 2nd floor",
            SendPoi(latitude=48.5, longitude=11.25, name="Shop, 2nd floor"),
        ),
        ("48.5,11.25, ", SendPoi(latitude=48.5, longitude=11.25)),
    ],
)
def test_destinations(payload: str, destination: SendPoi) -> None:
    assert poi(CAR, payload) == destination


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ("{", "not valid JSON"),
        ('{"latitude": 48}', "longitude must be a number"),
        ('{"longitude": 11}', "latitude must be a number"),
        ('{"latitude": null, "longitude": 11}', "latitude must be a number"),
        ('{"latitude": true, "longitude": 11}', "must be a number"),
        ('{"latitude": 48, "longitude": []}', "longitude must be a number"),
        ('{"latitude": 91, "longitude": 11}', "latitude must be a number from -90 to 90"),
        ('{"latitude": 48, "longitude": 180.1}', "longitude must be a number from -180 to 180"),
        ('{"latitude": NaN, "longitude": 11}', "latitude must be a number"),
        ('{"latitude": 1e999, "longitude": 11}', "latitude must be a number"),
        ('{"latitude": 48, "longitude": 11, "name": 7}', "name must be text"),
        ('{"latitude": 48, "longitude": 11, "city": ["x"]}', "city must be text"),
        ('{"latitude": 48, "longitude": 11, "lat": 1}', "unknown field 'lat'"),
        ('{"latitude": %s, "longitude": 11}' % ("9" * 400), "latitude must be a number"),
        ('{"latitude": ' + '{"x":' * 5000, "not valid JSON"),
        ("[48, 11]", "latitude must be a number"),
        ("geo:", "latitude must be a number"),
        ("geo:48.5", "longitude must be a number"),
        ("geo:0,0,0,0", None),
        ("geo:91,0", "latitude must be a number"),
        ("48.5", "longitude must be a number"),
        ("48.5;11.25", "latitude must be a number"),
        ("Home", "latitude must be a number"),
        ("nan,nan", "latitude must be a number"),
        ("inf,0", "latitude must be a number"),
    ],
)
def test_destinations_that_are_refused(payload: str, sentence: str | None) -> None:
    if sentence is None:  # further coordinates are not for cars
        assert poi(CAR, payload) == SendPoi(latitude=0.0, longitude=0.0)
        return
    with pytest.raises(ValueError, match=sentence):
        poi(CAR, payload)
