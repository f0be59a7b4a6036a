"""A Home Assistant dashboard for the cars that discovery announces: built-in cards only.

Each car has a view, each group of facts a section. A card is there only for entities that the car
has, and a section only with cards. Whatever the cards name, Home Assistant has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import yaml

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]

from bmw2mqtt.homeassistant.announced import AnnouncedDevice
from bmw2mqtt.homeassistant.dashboard_cards import (
    BATTERY,
    FUEL,
    LOGIN_REQUIRED,
    Card,
    CardMaker,
    Shown,
    first_of,
    gauge,
    history,
    login,
    map_of_today,
    picture,
    sums_per_day,
    tiles,
    warning,
)
from bmw2mqtt.homeassistant.dashboard_texts import LANGUAGES, DashboardTexts
from bmw2mqtt.homeassistant.discovery import slug


@dataclass(frozen=True, slots=True)
class CardGroup:
    """A group of cards."""

    title: str
    """Key of its title in the texts."""
    icon: str
    cards: tuple[CardMaker, ...]


_WHEELS: Final = ("front_left", "front_right", "rear_left", "rear_right")
_TIRES: Final = tuple(f"sensor_{wheel}_current_pressure" for wheel in _WHEELS)
_12V: Final = ("resting_voltage", "daily_minimum", "voltage", "percent", "health")

CAR_SECTIONS: Final = (
    CardGroup(
        "overview",
        "mdi:car",
        (
            picture,
            *map(warning, ("binary_sensor_alarm_triggered", "binary_sensor_battery_12v_problem")),
            tiles("sensor_mileage", "sensor_last_report", "binary_sensor_moving"),
            map_of_today,
        ),
    ),
    CardGroup(
        "charging",
        "mdi:ev-station",
        (
            gauge(BATTERY),
            tiles(
                "sensor_charging_status",
                "binary_sensor_connection_status",
                "sensor_charging_power",
                "sensor_charging_time_remaining",
                "sensor_charging_end_time",
            ),
            first_of("number_target_soc", "sensor_charging_target"),
            tiles(
                "switch_charging",
                "select_charging_mode",
                "select_ac_limit",
                "sensor_battery_preconditioning",
                "binary_sensor_charging_cable_lock",
                "binary_sensor_charging_flap",
                "sensor_last_charge_energy",
                "sensor_last_charge_end",
            ),
            history(48, BATTERY, "sensor_charging_power"),
            sums_per_day("energy_per_day", "sensor_energy_charged", "sensor_energy_charged_home"),
        ),
    ),
    CardGroup(
        "range",
        "mdi:map-marker-distance",
        (
            gauge(FUEL),
            tiles(
                "sensor_remaining_range_total",
                "sensor_remaining_range_electric",
                "sensor_remaining_range_fuel",
                "sensor_remaining_fuel",
                "sensor_average_consumption",
            ),
            history(72, "sensor_remaining_range_total"),
        ),
    ),
    CardGroup(
        "security",
        "mdi:shield-car",
        (
            first_of("lock_lock", "binary_sensor_door_lock_state"),
            tiles(
                "binary_sensor_lids",
                "binary_sensor_windows",
                *(f"binary_sensor_door_{place}" for place in _WHEELS),
                *(f"binary_sensor_window_{place}" for place in _WHEELS),
                "binary_sensor_hood",
                "binary_sensor_trunk",
                "sensor_sunroof",
                "sensor_convertible_roof",
                "sensor_alarm",
                "binary_sensor_lights",
                "button_light_flash",
                "button_sound_horn",
                "button_find_vehicle",
            ),
        ),
    ),
    CardGroup(
        "climate",
        "mdi:fan",
        (
            first_of(
                "switch_climate",
                "button_activate_air_conditioning",
                "button_deactivate_air_conditioning",
            ),
            tiles("sensor_climate_status", "sensor_preconditioning_time_remaining"),
        ),
    ),
    CardGroup("tires", "mdi:car-tire-alert", (tiles(*_TIRES), history(168, *_TIRES))),
    CardGroup(
        "service",
        "mdi:car-wrench",
        (
            tiles(
                "binary_sensor_check_control_messages",
                "binary_sensor_condition_based_services",
                "sensor_next_service_distance",
                "sensor_next_service_date",
                "sensor_inspection_date",
                "sensor_service_engine_oil",
                "sensor_service_brake_fluid",
                "sensor_service_vehicle_check",
                "sensor_battery_health",
                "binary_sensor_battery_12v_problem",
                *(f"sensor_battery_12v_{key}" for key in _12V),
            ),
            history(168, *(f"sensor_battery_12v_{key}" for key in _12V[:2])),
        ),
    ),
    CardGroup(
        "trips",
        "mdi:road-variant",
        (
            tiles(
                "sensor_last_trip_distance",
                "sensor_last_trip_consumption",
                "sensor_last_trip_end",
                "sensor_lifetime_energy_charged",
            ),
            sums_per_day("distance_per_day", "sensor_mileage"),
        ),
    ),
)
ACCOUNT_SECTION: Final = CardGroup(
    "account",
    "mdi:account-check",
    (
        tiles(
            "sensor_status",
            LOGIN_REQUIRED,
            "binary_sensor_stream_connected",
            "sensor_last_message",
            "sensor_last_update",
            "sensor_next_update",
            "sensor_requests_left",
            "button_refresh",
        ),
    ),
)


def dashboard(devices: Sequence[AnnouncedDevice], language: str) -> Card:
    """Return a dashboard for all cars, as Home Assistant's raw configuration editor takes it.

    The views follow the order of the cars; the language is one of `LANGUAGES`.
    """
    texts = LANGUAGES[language]
    accounts = {device.identifier: device for device in devices if device.account is None}
    cars = [device for device in devices if device.account is not None]
    views = [_view(car, accounts.get(car.account or ""), texts) for car in cars]
    _make_unique(views)
    return {"title": texts.titles["cars"], "views": views}


def dashboard_yaml(devices: Sequence[AnnouncedDevice], language: str) -> str:
    """Return the dashboard as text, with how to use it in a comment."""
    cards = dashboard(devices, language)
    document = yaml.dump(cards, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"# {LANGUAGES[language].usage}\n{document}"


def _view(car: AnnouncedDevice, account: AnnouncedDevice | None, texts: DashboardTexts) -> Card:
    shown = Shown(car, texts)
    sections = [_section(section, shown) for section in CAR_SECTIONS]
    if account is not None:
        of_account = Shown(account, texts)
        sections.append(_section(ACCOUNT_SECTION, of_account))
        sections[0]["cards"][1:1] = login(of_account)
    return {
        "title": car.name,
        "path": slug(car.name) or "car",
        "type": "sections",
        "max_columns": 4,
        "sections": [section for section in sections if len(section["cards"]) > 1],
    }


def _section(section: CardGroup, shown: Shown) -> Card:
    heading = {
        "type": "heading",
        "heading": shown.texts.titles[section.title],
        "icon": section.icon,
    }
    return {"type": "grid", "cards": [heading, *(c for make in section.cards for c in make(shown))]}


def _make_unique(views: Sequence[Card]) -> None:
    """Number the paths of cars with the same name: a path belongs to one view."""
    seen: dict[str, int] = {}
    for view in views:
        path: str = view["path"]
        seen[path] = number = seen.get(path, 0) + 1
        if number > 1:
            view["path"] = f"{path}-{number}"
