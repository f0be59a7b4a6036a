"""BMW's catalogue, as people see it in Home Assistant."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.entities import VEHICLE_ENTITIES, vehicle_entities
from bmw2mqtt.entities.base import BinarySensor, Entity, Sensor, encode
from bmw2mqtt.entities.catalogue import Descriptor, Kind, catalogue
from bmw2mqtt.entities.raw_readings import key, readings
from bmw2mqtt.homeassistant.discovery import slug, vehicle_payload
from bmw2mqtt.mqtt.device import Device
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.accounts.cardata.reporting_car import HYBRID, VIN, Car
from tests.tables import check_rows

ROWS = tuple(catalogue().values())
VEHICLE_IDS = {entity.id for entity in VEHICLE_ENTITIES}


def descriptor_of(row: Descriptor) -> str:
    return row.descriptor


def id_of(entity: Entity[Any]) -> str:
    return entity.id


def test_the_catalogue_is_whole() -> None:
    assert len(ROWS) == 295
    assert sum(row.is_streamable for row in ROWS) == 246
    rest_only = [row for row in ROWS if not row.is_streamable and row.rest_via == "container"]
    assert len(rest_only) == 41


def test_names_are_unique() -> None:
    assert [name for name, n in Counter(row.name for row in ROWS).items() if n > 1] == []


def test_every_descriptor_is_well_formed() -> None:
    check_rows(ROWS, check_form, descriptor_of)


def check_form(row: Descriptor) -> None:
    assert re.fullmatch(r"vehicle(\.[A-Za-z0-9]+)+", row.descriptor)
    assert re.fullmatch(r"[A-Z0-9]\S*( \S+)*", row.name)
    assert row.entity in {"", *VEHICLE_IDS}
    assert row.is_streamable or row.rest_via
    if row.kind is not Kind.NUMBER:
        assert (row.unit, row.state_class, row.minimum, row.maximum) == (None, None, None, None)
    if row.options:
        assert row.kind in {Kind.WORD, Kind.BOOLEAN}


def test_bmws_mistakes_are_put_right() -> None:
    rows = catalogue()
    power = rows["vehicle.powertrain.electric.battery.charging.power"]
    assert (power.unit, power.device_class, power.maximum) == ("W", "power", None)
    status = rows["vehicle.drivetrain.electricEngine.charging.status"]
    assert "CHARGINGACTIVE" in status.options
    assert "MANUAL_SELECTION" not in status.options
    mileage = rows["vehicle.vehicle.travelledDistance"]
    assert (mileage.unit, mileage.follows_display) == ("km", True)
    assert rows["vehicle.trip.segment.end.time"].kind is Kind.TIME
    assert rows["vehicle.status.serviceTime.inspectionDateLegal"].kind is Kind.TIME
    assert rows["vehicle.sevice.preferredSevicePartner"].kind is Kind.TEXT


# Entities of CarData cars

CARDATA = vehicle_entities(has_commands=False, has_readings=True)
ENTITIES_BY_ID = {entity.id: entity for entity in CARDATA}
READINGS = readings()
SENT = [row for row in ROWS if row.is_streamable or row.rest_via == "container"]
LEGAL_SENSORS: dict[str | None, tuple[set[str | None], set[str | None]]] = {
    # device class: units, state classes (Home Assistant 2024.11 and later)
    "battery": ({"%"}, {"measurement"}),
    "current": ({"A"}, {"measurement"}),
    "distance": ({"km"}, {"measurement", "total_increasing"}),
    "duration": ({"s", "min"}, {"measurement"}),
    "energy": ({"kWh"}, {None, "total_increasing"}),
    "energy_storage": ({"kWh"}, {"measurement"}),
    "power": ({"W", "kW"}, {"measurement"}),
    "speed": ({"km/h"}, {"measurement"}),
    "temperature": ({"°C"}, {"measurement"}),
    "timestamp": ({None}, {None}),
    "voltage": ({"V"}, {"measurement"}),
    "volume": ({"L"}, {"total_increasing"}),
    None: ({None, "%", "m", "kWh/100km", "weeks", "months"}, {None, "measurement"}),
}
LEGAL_BINARY = {None, "door", "light", "lock", "moving", "opening", "plug", "window"}


class RetainedTopics:
    """Stands in for the publisher: what is retained on which topic."""

    def __init__(self) -> None:
        self.topics: dict[str, bytes] = {}

    def retain(self, topic: str, payload: bytes, then: bytes | None = None) -> None:
        self.topics[topic] = payload if then is None else then

    def clear(self, topic: str) -> None:
        self.topics.pop(topic, None)


class PublishedCar:
    """A CarData car with its topics."""

    def __init__(self) -> None:
        topics = Topics("bmw2mqtt", "homeassistant")
        self._published = RetainedTopics()
        self.car = Car({**HYBRID, "modelName": "330e"})
        self._device = Device[Vehicle](
            self._published,  # type: ignore[arg-type]
            topics.vehicle(VIN),
            CARDATA,
            discovery=partial(
                vehicle_payload,
                topics=topics.vehicle(VIN),
                account=topics.account("home"),
                name=None,
            ),
        )

    def report(self, values: Mapping[str, Any], seconds: float = 0) -> dict[str, bytes]:
        """Return what is retained after the car has sent a message."""
        named = {name.removeprefix("vehicle."): value for name, value in values.items()}
        self._device.publish(self.car.report(named, seconds))
        return dict(self._published.topics)


def entity_id(row: Descriptor) -> str:
    """Return the id of the entity that shows a descriptor."""
    if row.entity:
        return row.entity
    return f"{'binary_sensor' if row.kind is Kind.BOOLEAN else 'sensor'}_{key(row.descriptor)}"


def topic(row: Descriptor, entity: Entity[Vehicle]) -> str:
    """Return the topic that a descriptor's value changes."""
    is_attribute = not entity.announces_state or row.descriptor.endswith(".action")
    suffix = "/attributes" if is_attribute and entity.attributes else ""
    return f"bmw2mqtt/{VIN}/{entity.platform}/{entity.key}{suffix}"


ENGINE, CHARGED = "vehicle.drivetrain.electricEngine.charging.", "CHARGINGACTIVE"
TIMERS = "vehicle.cabin.climate.timers."
ROOF = "vehicle.cabin.sunroof."
SAMPLES: dict[str, tuple[Any, Any]] = {
    f"{ENGINE}phaseNumber": ("1-PHASES", "3-PHASES"),
    f"{ENGINE}reasonChargingEnd": ("HV_BATTERY_FULLY_CHARGED", "FLEXCHARGER_PE_FAULT"),
    "vehicle.powertrain.electric.battery.charging.power": (7400, "11000"),
    "vehicle.electricalSystem.battery.serviceDemand.replace": (200, "140"),
    "vehicle.cabin.infotainment.navigation.destinationSet.arrivalTime": ("10:15", "11:20"),
    "vehicle.cabin.convertible.roofStatus": ("CLOSEDSECURED", "OPENSECURED"),
    **{
        f"{TIMERS}{timer}.hour": (7, "8")
        for timer in ("overwriteTimer", "weekdaysTimer1", "weekdaysTimer2")
    },
}
"""Where the first words or numbers of a list mean nothing, or the same."""
CONTEXTS: dict[str, dict[str, Any]] = {
    "sensor_charging_power": {f"{ENGINE}status": CHARGED},
    "sensor_charging_time_remaining": {f"{ENGINE}status": CHARGED},
    "sensor_charging_current": {f"{ENGINE}status": CHARGED},
    "sensor_charging_voltage": {f"{ENGINE}status": CHARGED},
    "sensor_charging_phases": {f"{ENGINE}status": CHARGED},
    "sensor_preconditioning_time_remaining": {
        "vehicle.vehicle.preConditioning.activity": "heating"
    },
    f"{ROOF}tiltStatus": {f"{ROOF}status": "CLOSED"},
    **{
        f"sensor_departure_timer_{number}": {
            f"{TIMERS}{timer}.hour": 7,
            f"{TIMERS}{timer}.minute": 30,
            f"{TIMERS}{timer}.action": "ACTIVATE",
        }
        for number, timer in enumerate(
            ("weekdaysTimer1", "weekdaysTimer2", "overwriteTimer"), start=1
        )
    },
}
"""By entity or descriptor: what else a car sends, without which a value means nothing."""


def samples(row: Descriptor) -> tuple[Any, Any]:
    """Return two values that a car may send."""
    if row.descriptor in SAMPLES:
        return SAMPLES[row.descriptor]
    if row.kind is Kind.WORD:
        return (*row.options, "ONE", "TWO")[0], (*row.options, "ONE", "TWO")[1]
    if row.descriptor.endswith("conditionBasedServices"):
        return '[{"id": 1, "status": "OK"}]', '[{"id": 1, "status": "OVERDUE"}]'
    if row.descriptor.endswith("checkControlMessages"):
        return "[]", '[{"id": 143}]'
    return {
        Kind.NUMBER: (41, "43"),
        Kind.BOOLEAN: (False, "true"),
        Kind.TEXT: ("one", "two"),
        Kind.TIME: ("01.11.2026 10:00:00 UTC", "02.11.2026 10:00:00 UTC"),
        Kind.JSON: ("<xml>1</xml>", "<xml>2</xml>"),
    }[row.kind]


def message(row: Descriptor, value: Any) -> dict[str, Any]:
    """Return a message with a value, and with what it needs beside it."""
    halves = {"latitude", "longitude"}
    if row.entity == "device_tracker_location" and row.name.lower() in halves:
        prefix = row.descriptor.rpartition(".")[0]
        return {f"{prefix}.{half}": 11.5 for half in halves} | {row.descriptor: value}
    context = CONTEXTS.get(row.descriptor) or CONTEXTS.get(row.entity, {})
    return context | {row.descriptor: value}


def test_each_descriptor_has_one_entity_of_its_own() -> None:
    ids = Counter(entity.id for entity in CARDATA)
    assert [entity for entity, n in ids.items() if n > 1] == []
    assert {entity_id(row) for row in SENT} <= ids.keys()
    assert {entity.id for entity in READINGS} == {entity_id(r) for r in SENT if not r.entity}
    assert not [entity for entity in CARDATA if entity.is_commandable]


def test_no_two_entities_get_the_same_entity_id() -> None:
    names = Counter((entity.platform, slug(entity.name or "")) for entity in CARDATA)
    assert [name for name, n in names.items() if n > 1] == []


def test_home_assistant_accepts_every_reading() -> None:
    check_rows(READINGS, check_reading, id_of)


def check_reading(entity: Entity[Vehicle]) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", entity.key)
    assert (entity.category, entity.enabled) == ("diagnostic", False)
    if isinstance(entity, Sensor):
        units, state_classes = LEGAL_SENSORS[entity.device_class]
        assert entity.unit in units
        assert entity.state_class in state_classes
    else:
        assert isinstance(entity, BinarySensor)
        assert entity.device_class in LEGAL_BINARY


def test_every_descriptor_reaches_its_topic() -> None:
    check_rows(SENT, check_topic, descriptor_of)


def check_topic(row: Descriptor) -> None:
    """A car's value is on the broker, and a new one replaces it."""
    entity = ENTITIES_BY_ID[entity_id(row)]
    place = topic(row, entity)
    shown = PublishedCar()
    one, other = samples(row)
    assert row.entity or place not in shown.report({})
    with capture_logs() as lines:
        first = shown.report(message(row, one), 3600)
        second = shown.report(message(row, other), 7200)
    assert lines == []
    assert first[place] != second[place]
    assert b"None" not in {first[place], second[place]}
    discovery = json.loads(second[f"homeassistant/device/bmw2mqtt_{VIN}/config"])
    component = discovery["components"][entity.id]
    assert place in {component.get("state_topic"), component.get("json_attributes_topic")}
    assert row.entity or (component["name"], component["enabled_by_default"]) == (row.name, False)
    third = shown.report(message(row, "-NA-"), 10800)
    if not row.entity:
        assert third[place] == b"None", "it is still there, and unknown"


def test_every_word_of_bmws_is_understood() -> None:
    check_rows([row for row in SENT if row.options], check_words, descriptor_of)


def check_words(row: Descriptor) -> None:
    car = Car(HYBRID)
    with capture_logs() as lines:
        for number, word in enumerate(row.options):
            car.report({row.descriptor.removeprefix("vehicle."): word}, number)
            reading = car.readings.get(row.descriptor)
            if row.kind is Kind.WORD:
                assert reading is not None
                assert re.fullmatch(r"[a-z0-9_]{1,255}", str(reading.value))
            elif word not in {"NO_ACTION", "ERROR"}:
                assert reading is not None
                assert isinstance(reading.value, bool)
    assert lines == []
    assert car.unknown_words == []


def test_a_lock_that_is_on_is_open() -> None:
    rows = catalogue()
    for name, locked in (("body.trunk.isLocked", True), ("body.flap.isLocked", "FLAP_LOCKED")):
        vehicle = Car().report({name: locked})
        entity = next(e for e in READINGS if e.id == entity_id(rows[f"vehicle.{name}"]))
        assert encode(entity.value(vehicle)) == b"OFF"


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("learningNavigation", "[1, 2, 3]", "3"),
        ("learningNavigation", "[" * 50_000, "[" * 254 + "…"),
        ("learningNavigation", "x" * 400, "x" * 254 + "…"),
        (
            "electronicControlUnit.diagnosticTroubleCodes.raw",
            "<dtcData/>" + "<dtc a='1'/>" * 90,
            "90",
        ),
        ("drivetrain.electricEngine.charging.profile.mode", "<a/>", "<a/>"),
    ],
)
def test_long_texts_are_in_the_attributes(name: str, text: str, state: str) -> None:
    shown = PublishedCar().report({name: text})
    topic = f"bmw2mqtt/{VIN}/sensor/{key(f'vehicle.{name}')}"
    assert shown[topic].decode() == state
    assert json.loads(shown[f"{topic}/attributes"]) == {"text": text}


def test_keys_stay_the_same_for_ever() -> None:
    assert key("vehicle.vehicle.avgAuxPower") == "vehicle_avg_aux_power"
    assert key("vehicle.cabin.door.row1.driver.isOpen") == "cabin_door_row1_driver_is_open"
    assert key("vehicle.electricalSystem.battery48V.stateOfHealth.displayed") == (
        "electrical_system_battery48_v_state_of_health_displayed"
    )


def test_only_those_who_have_such_a_car_load_the_catalogue() -> None:
    code = """
import sys
import bmw2mqtt.devices, bmw2mqtt.mqtt.commands
from bmw2mqtt.entities import vehicle_entities
vehicle_entities(has_commands=True, has_readings=False)
assert "bmw2mqtt.entities.catalogue" not in sys.modules
import bmw2mqtt.accounts.cardata.snapshot.builder, bmw2mqtt.accounts.cardata.telemetry.store
vehicle_entities(has_commands=False, has_readings=True)
assert not {"bimmer_connected", "httpx"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
