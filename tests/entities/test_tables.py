"""Rules that every row of the tables keeps, whatever the car."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import (
    MAX_STATE_LENGTH,
    BinarySensor,
    Entity,
    Image,
    Number,
    Select,
    Sensor,
    encode,
)
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_payload
from bmw2mqtt.mqtt.device import dump_json
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.commands import Action
from bmw2mqtt.vehicle.snapshot import (
    Capabilities,
    Charging,
    CheckControlMessage,
    DriveTrain,
    Opening,
    OpeningState,
    Service,
    Vehicle,
)
from tests.accounts.mybmw.snapshot.conversion import convert_car
from tests.fixture_cars import fixture_cars
from tests.tables import check_rows

VIN = "WBA00000000DEMO01"
NOW = datetime(2023, 6, 22, 10, 30, tzinfo=UTC)
TOPICS = Topics("bmw2mqtt", "homeassistant")
ALL_ROWS: list[Entity[Any]] = [*VEHICLE_ENTITIES, *ACCOUNT_ENTITIES]
EVERYTHING = Capabilities(**dict.fromkeys(Capabilities.__dataclass_fields__, True))

DISTANCE, NO_CLASS = {"km", "mi"}, None
LEGAL_SENSORS: dict[str | None, tuple[set[str | None], set[str | None]]] = {
    # device class: units, state classes (Home Assistant 2026.11)
    "distance": (DISTANCE, {"measurement", "total", "total_increasing"}),
    "duration": ({"s", "min", "h", "d"}, {None, "measurement"}),
    "energy": ({"Wh", "kWh"}, {"total", "total_increasing"}),
    "energy_storage": ({"Wh", "kWh"}, {"measurement"}),
    "power": ({"W", "kW"}, {"measurement"}),
    "temperature": ({"°C"}, {"measurement"}),
    "voltage": ({"V"}, {"measurement"}),
    "volume": ({"L"}, {"total", "total_increasing"}),
    "volume_storage": ({"L", "gal", "m³"}, {"measurement"}),
    "battery": ({"%"}, {"measurement"}),
    "current": ({"A", "mA"}, {None, "measurement"}),
    "pressure": ({"bar", "kPa", "psi", "hPa"}, {"measurement"}),
    "timestamp": ({None}, {None}),
    "date": ({None}, {None}),
    "enum": ({None}, {None}),
    NO_CLASS: ({None, "%", "kWh", "kWh/100km"}, {None, "measurement"}),
}
BINARY_CLASSES = {
    None, "battery_charging", "connectivity", "door", "light", "lock", "moving", "opening", "plug",
    "problem", "running", "safety", "window",
}  # fmt: skip
OLD_ROWS = tuple(entity for entity in VEHICLE_ENTITIES if not entity.appears_with_value)
"""What the old integration had, with the picture and the event."""


def id_of(entity: Entity[Any]) -> str:
    return entity.id


UNKNOWN_VALUES: tuple[Any, ...] = (None, "UNKNOWN", [])


def unknown_vehicle(drive_train: DriveTrain | None, capabilities: Capabilities) -> Vehicle:
    return Vehicle(
        vin=VIN, model="X", brand="BMW", drive_train=drive_train, capabilities=capabilities
    )


def of_vehicle(vehicle: Vehicle) -> list[Entity[Vehicle]]:
    """Return what is announced of a car at first sight."""
    return [
        entity
        for entity in VEHICLE_ENTITIES
        if entity.exists(vehicle) and (not entity.appears_with_value or entity.has_value(vehicle))
    ]


def old_of_vehicle(vehicle: Vehicle) -> list[Entity[Vehicle]]:
    return [entity for entity in OLD_ROWS if entity.exists(vehicle)]


def counts(entities: list[Entity[Vehicle]]) -> dict[str, int]:
    return dict(Counter(entity.platform for entity in entities))


def test_platform_and_key_are_unique() -> None:
    for table in (VEHICLE_ENTITIES, ACCOUNT_ENTITIES):
        ids = [entity.id for entity in table]
        assert len(set(ids)) == len(ids)


def test_the_old_integrations_kinds_are_all_there() -> None:
    assert counts(list(OLD_ROWS)) == {
        "sensor": 21,
        "binary_sensor": 8,
        "lock": 1,
        "button": 5,
        "number": 1,
        "select": 2,
        "switch": 2,
        "device_tracker": 1,
        "notify": 1,  # send a destination: it was an action there
        "image": 1,  # new
        "event": 3,  # new: what became of a command, charging, trips
    }


def test_every_row_is_well_formed() -> None:
    check_rows(ALL_ROWS, check_form, id_of)


def check_form(entity: Entity[Any]) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", entity.key)
    assert entity.name is None or re.fullmatch(r"([A-Z]\S*|12 V)( \S+)*", entity.name)
    assert (entity.name is None) == (entity.platform == "device_tracker")
    assert entity.icon is None or re.fullmatch(r"mdi:[a-z0-9-]+", entity.icon)
    assert entity.category in {None, "diagnostic", "config"}
    if isinstance(entity, Sensor):
        assert entity.category != "config", "Home Assistant refuses it"


def test_every_row_with_a_command_topic_has_a_command() -> None:
    check_rows(VEHICLE_ENTITIES, check_command, id_of)


def check_command(entity: Entity[Vehicle]) -> None:
    assert entity.is_commandable == (entity.command is not None)
    assert entity.is_commandable == (
        entity.platform in {"lock", "button", "number", "select", "switch", "notify"}
    )
    assert entity.works_read_only == (entity.id == "notify_poi")


@pytest.mark.parametrize("drive_train", [None, *DriveTrain])
@pytest.mark.parametrize("capabilities", [Capabilities(), EVERYTHING], ids=["nothing", "all"])
def test_an_unknown_car_shows_none_everywhere(
    drive_train: DriveTrain | None, capabilities: Capabilities
) -> None:
    vehicle = unknown_vehicle(drive_train, capabilities)
    for entity in VEHICLE_ENTITIES:  # also those that do not exist for it
        if entity.has_state:
            assert encode(entity.value(vehicle)) == b"None", entity.id
        if entity.attributes:
            known = [v for v in entity.attributes(vehicle).values() if v not in UNKNOWN_VALUES]
            assert known == [], entity.id


def test_a_single_command_may_need_more_than_its_entity() -> None:
    """BMW may offer to lock a car and not to unlock it."""
    lock, climate, charging = (
        next(entity for entity in VEHICLE_ENTITIES if entity.id == id_)
        for id_ in ("lock_lock", "switch_climate", "switch_charging")
    )
    locked = unknown_vehicle(None, Capabilities(lock=True))
    assert [lock.offers(locked, c) for c in (Action.LOCK, Action.UNLOCK)] == [True, False]
    warm = unknown_vehicle(None, Capabilities(climate_state=True))
    actions = (Action.START_CLIMATE, Action.STOP_CLIMATE)
    assert [climate.offers(warm, action) for action in actions] == [False, True]
    charged = unknown_vehicle(None, Capabilities(charge_start=True))
    actions = (Action.START_CHARGING, Action.STOP_CHARGING)
    assert [charging.offers(charged, action) for action in actions] == [False, False]


@pytest.mark.parametrize("drive_train", [None, *DriveTrain])
def test_what_drives_the_car_decides_what_it_has(drive_train: DriveTrain | None) -> None:
    vehicle = unknown_vehicle(drive_train, EVERYTHING)
    ids = {entity.id for entity in of_vehicle(vehicle)}
    has_battery = drive_train is not None and drive_train.has_battery
    has_engine = drive_train is not None and drive_train.has_engine
    assert ("sensor_remaining_battery_percent" in ids) is has_battery
    assert ("binary_sensor_connection_status" in ids) is has_battery
    assert ("sensor_remaining_fuel" in ids) is has_engine
    assert {"sensor_mileage", "sensor_remaining_range_total", "lock_lock"} <= ids
    assert "select_ac_limit" not in ids, "no options are known"


OLD_WITHOUT_STATE_CLASS = {"ac_current_limit", "charging_target"}


def test_units_and_classes_fit_together() -> None:
    rows = [row for row in ALL_ROWS if isinstance(row, Sensor | BinarySensor | Number)]
    check_rows(rows, check_unit_and_class, id_of)


def check_unit_and_class(entity: Any) -> None:
    if isinstance(entity, BinarySensor):
        assert entity.device_class in BINARY_CLASSES
        return
    units, state_classes = LEGAL_SENSORS[entity.device_class]
    assert entity.unit in units
    if isinstance(entity, Sensor):
        assert entity.state_class in state_classes
        assert bool(entity.options) == (entity.device_class == "enum")
        if entity.options:
            assert all(re.fullmatch(r"[a-z0-9_]+", option) for option in entity.options)
        if entity.precision is not None:
            assert entity.unit, "a precision needs a number"
        if entity.unit:
            assert entity.state_class or entity.key in OLD_WITHOUT_STATE_CLASS


def test_a_states_text_is_at_most_255_characters() -> None:
    long = "x" * 1000
    vehicle = Vehicle(
        vin=VIN,
        model=long,
        brand=long,
        drive_train=DriveTrain.PLUGIN_HYBRID,
        capabilities=EVERYTHING,
        mileage_km=1e300,
        charging=Charging(ac_limit_a=10**300, ac_limits_a=(10**300,)),
        lids=tuple(Opening(name=f"{long}{n}", state=OpeningState.OPEN) for n in range(50)),
        services=(Service(type=long, status=long),),
        check_control_messages=(CheckControlMessage(type=long, severity=long),),
    )
    entities = [e for e in of_vehicle(vehicle) if e.has_state and not isinstance(e, Image)]
    assert len(entities) > 30
    assert all(len(encode(entity.value(vehicle)).decode()) <= 255 for entity in entities)
    assert len(encode("ä" * 300).decode()) == MAX_STATE_LENGTH


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("", "None"),
        (True, "ON"),
        (False, "OFF"),
        (0, "0"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (2.41, "2.41"),
        (1234567.25, "1234567.25"),
        (100.0, "100"),
        (1e-9, "0"),
        (DriveTrain.ELECTRIC, "electric"),
        (NOW, "2023-06-22T10:30:00+00:00"),
        (NOW.replace(microsecond=999_999), "2023-06-22T10:30:00+00:00"),
        (NOW.date(), "2023-06-22"),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert encode(value).decode() == text


# Counts per car. They are the old integration's but for rules that were changed on purpose:
# entities for a service exist only if BMW offers it (all nine offer lights, horn, lock and
# climate start, so nothing is lost here), and `notify` is an entity. The image is left out.
COUNTS = {
    "WBA00000000000F31": (0, 4, 1, 0, 0, 0, 0),
    "WBA00000000DEMO01": (8, 5, 1, 1, 2, 18, 2),
    "WBA00000000DEMO02": (8, 5, 1, 1, 2, 18, 1),
    "WBA00000000DEMO03": (5, 5, 1, 0, 0, 14, 1),
    "WBA00000000DEMO04": (8, 5, 1, 0, 1, 21, 1),
    "WBA00000000DEMO05": (8, 5, 1, 1, 2, 18, 1),
    "WBY00000000REXI01": (8, 4, 1, 0, 1, 12, 0),
    "WBY000000NOREXI01": (8, 4, 1, 0, 1, 9, 0),
    "WZ100000000000J29": (0, 4, 1, 0, 0, 0, 0),
}
PLATFORMS = ("binary_sensor", "button", "lock", "number", "select", "sensor", "switch")


def vehicles() -> dict[str, Vehicle]:
    return {car.vin: convert_car(car) for car in fixture_cars()}


@pytest.mark.parametrize("vin", COUNTS)
def test_counts_per_car(vin: str) -> None:
    found = counts(old_of_vehicle(vehicles()[vin]))
    assert tuple(found.get(platform, 0) for platform in PLATFORMS) == COUNTS[vin]
    assert (found["device_tracker"], found["notify"]) == (1, 1)


def test_counts_of_all_cars() -> None:
    entities = [
        entity
        for vehicle in vehicles().values()
        for entity in old_of_vehicle(vehicle)
        if entity.platform not in {"notify", "event"}
    ]
    assert len(entities) == 240
    assert len([entity for entity in entities if entity.enabled]) == 208
    assert len([entity for entity in entities if not entity.is_commandable]) == 172  # read-only


@pytest.mark.parametrize("vin", COUNTS)
def test_discovery_is_json_with_every_component_once(vin: str) -> None:
    vehicle = vehicles()[vin]
    entities = of_vehicle(vehicle)
    topics = TOPICS.vehicle(vin)
    payload = vehicle_payload(
        vehicle, entities, (), topics=topics, account=TOPICS.account("home"), name=None
    )
    components = json.loads(payload)["components"]
    assert components.keys() == {entity.id for entity in entities}
    for entity in entities:
        component = components[entity.id]
        assert component["unique_id"] == f"bmw2mqtt_{vin}_{entity.id}"
        assert ("command_topic" in component) is entity.is_commandable
        if isinstance(entity, Select):
            assert component["options"] == list(entity.options(vehicle))
        if entity.has_state and not isinstance(entity, Image):
            state = encode(entity.value(vehicle)).decode()
            assert state in {"None", *component.get("options", [state])}


ACCOUNT_KINDS = {
    "sensor_status",
    "binary_sensor_login_required",
    "sensor_last_update",
    "sensor_next_update",
    "sensor_requests_24h",
    "button_refresh",
    "switch_polling",
}


@pytest.mark.parametrize(
    ("backend", "more"),
    [
        ("mybmw", set()),
        (
            "cardata",
            {
                "sensor_requests_left",
                "binary_sensor_stream_connected",
                "sensor_last_message",
                "button_login",
            },
        ),
    ],
)
@pytest.mark.parametrize("status", AccountStatus)
def test_account_entities(backend: str, more: set[str], status: AccountStatus) -> None:
    state = AccountState(name="home", backend=BACKENDS[backend].traits, status=status)
    entities = [entity for entity in ACCOUNT_ENTITIES if entity.exists(state)]
    assert {entity.id for entity in entities} == ACCOUNT_KINDS | more
    shown = {e.id: encode(e.value(state)).decode() for e in entities if e.has_state}
    assert shown["sensor_status"] == status.value
    assert shown["binary_sensor_login_required"] == ("ON" if status == "login_required" else "OFF")
    assert shown["sensor_last_update"] == shown["sensor_next_update"] == "None"
    assert shown["switch_polling"] == "ON"
    attributes = next(e.attributes for e in entities if e.key == "status")
    assert attributes is not None
    assert json.loads(dump_json(attributes(state))).keys() == {
        "message",
        "login_url",
        "user_code",
        "expires_at",
        "last_refresh",
    }
    payload = json.loads(account_payload(state, entities, (), topics=TOPICS.account("home")))
    assert [entry["topic"] for entry in payload["availability"]] == ["bmw2mqtt/bridge/availability"]
    for component_id, component in payload["components"].items():
        assert component["unique_id"] == f"bmw2mqtt_account_home_{component_id}"
