"""The texts of the dashboard in each language: titles, and names short enough for a tile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardTexts:
    """One language."""

    titles: Mapping[str, str]
    names: Mapping[str, str]
    """Names of entities by component; those that are missing keep the entity's."""
    login: str
    """Markdown with a template; `STATUS` is the entity id of an account's status."""
    usage: str


def _login(headline: str, open_page: str, enter_code: str) -> str:
    """Return Markdown; `enter_code` has `CODE` where the code belongs."""
    code = enter_code.replace("CODE", "**{{ code }}**")
    return f"""\
{{% set url = state_attr('STATUS', 'login_url') %}}
{{% set code = state_attr('STATUS', 'user_code') %}}
**{headline}** {{{{ state_attr('STATUS', 'message') }}}}
{{% if url %}}
[{open_page}]({{{{ url }}}}){{% if code %}} {code}{{% endif %}}
{{% endif %}}
"""


_PLACES: Final = {
    "front_left": "vorn links",
    "front_right": "vorn rechts",
    "rear_left": "hinten links",
    "rear_right": "hinten rechts",
}

ENGLISH: Final = DashboardTexts(
    titles={
        "cars": "Cars",
        "overview": "Overview",
        "charging": "Charging",
        "range": "Range",
        "security": "Security",
        "climate": "Climate",
        "tires": "Tires",
        "service": "Service",
        "trips": "Trips",
        "account": "Connection to BMW",
        "energy_per_day": "Energy charged per day",
        "distance_per_day": "Distance per day",
    },
    names={
        "binary_sensor_alarm_triggered": "Alarm",
        "binary_sensor_battery_12v_problem": "12 V problem",
        "binary_sensor_charging_cable_lock": "Cable lock",
        "binary_sensor_check_control_messages": "Warnings",
        "binary_sensor_condition_based_services": "Service due",
        "binary_sensor_connection_status": "Plug",
        "binary_sensor_door_lock_state": "Lock",
        "binary_sensor_stream_connected": "Stream",
        "button_activate_air_conditioning": "Start climate",
        "button_deactivate_air_conditioning": "Stop climate",
        "number_target_soc": "Target",
        "select_ac_limit": "AC limit",
        "sensor_average_consumption": "Consumption",
        "sensor_battery_12v_daily_minimum": "12 V minimum",
        "sensor_battery_12v_health": "12 V health",
        "sensor_battery_12v_percent": "12 V charge",
        "sensor_battery_12v_resting_voltage": "12 V at rest",
        "sensor_battery_12v_voltage": "12 V voltage",
        "sensor_battery_preconditioning": "Preconditioning",
        "sensor_charging_end_time": "Charging end",
        "sensor_charging_target": "Target",
        "sensor_charging_time_remaining": "Time remaining",
        "sensor_inspection_date": "Inspection",
        "sensor_last_charge_energy": "Last charge",
        "sensor_last_trip_consumption": "Consumption",
        "sensor_last_trip_distance": "Last trip",
        "sensor_lifetime_energy_charged": "Lifetime energy",
        "sensor_preconditioning_time_remaining": "Time remaining",
        "sensor_remaining_battery_percent": "Battery",
        "sensor_remaining_fuel_percent": "Fuel",
        "sensor_remaining_fuel": "Fuel in tank",
        "sensor_remaining_range_electric": "Electric",
        "sensor_remaining_range_fuel": "Fuel",
        "sensor_remaining_range_total": "Total",
        **{f"sensor_{key}_current_pressure": key.replace("_", " ").capitalize() for key in _PLACES},
    },
    login=_login("bmw2mqtt has to log in to BMW.", "Open BMW's page", "and enter the code CODE"),
    usage=(
        "In Home Assistant: Settings > Dashboards > Add dashboard > New dashboard from scratch."
        "\n# Open it, then: pencil > ⋮ > Raw configuration editor. Replace everything there."
    ),
)

GERMAN: Final = DashboardTexts(
    titles={
        "cars": "Autos",
        "overview": "Überblick",
        "charging": "Laden",
        "range": "Reichweite",
        "security": "Sicherheit",
        "climate": "Klima",
        "tires": "Reifen",
        "service": "Service",
        "trips": "Fahrten",
        "account": "Verbindung zu BMW",
        "energy_per_day": "Geladene Energie pro Tag",
        "distance_per_day": "Strecke pro Tag",
    },
    names={
        "binary_sensor_alarm_triggered": "Alarm",
        "binary_sensor_battery_12v_problem": "12 V, Problem",
        "binary_sensor_charging_cable_lock": "Ladekabel",
        "binary_sensor_charging_flap": "Ladeklappe",
        "binary_sensor_check_control_messages": "Warnungen",
        "binary_sensor_condition_based_services": "Service fällig",
        "binary_sensor_connection_status": "Ladestecker",
        "binary_sensor_door_lock_state": "Verriegelung",
        "binary_sensor_hood": "Motorhaube",
        "binary_sensor_lids": "Türen, Klappen",
        "binary_sensor_lights": "Licht",
        "binary_sensor_login_required": "Anmeldung nötig",
        "binary_sensor_moving": "Fährt",
        "binary_sensor_stream_connected": "Datenstrom",
        "binary_sensor_trunk": "Kofferraum",
        "binary_sensor_windows": "Fenster",
        "button_activate_air_conditioning": "Klima starten",
        "button_deactivate_air_conditioning": "Klima beenden",
        "button_find_vehicle": "Fahrzeug orten",
        "button_light_flash": "Lichthupe",
        "button_refresh": "Aktualisieren",
        "button_sound_horn": "Hupe",
        "lock_lock": "Schloss",
        "number_target_soc": "Ladeziel",
        "select_ac_limit": "AC-Ladestrom",
        "select_charging_mode": "Lademodus",
        "sensor_alarm": "Alarmanlage",
        "sensor_average_consumption": "Verbrauch",
        "sensor_battery_12v_daily_minimum": "12 V, Minimum",
        "sensor_battery_12v_health": "12 V, Zustand",
        "sensor_battery_12v_percent": "12 V, Ladung",
        "sensor_battery_12v_resting_voltage": "12 V in Ruhe",
        "sensor_battery_12v_voltage": "12 V, Spannung",
        "sensor_battery_health": "Batteriezustand",
        "sensor_battery_preconditioning": "Vorwärmung",
        "sensor_charging_end_time": "Ladeende",
        "sensor_charging_power": "Ladeleistung",
        "sensor_charging_status": "Ladezustand",
        "sensor_charging_target": "Ladeziel",
        "sensor_charging_time_remaining": "Restladezeit",
        "sensor_climate_status": "Klimatisierung",
        "sensor_convertible_roof": "Verdeck",
        "sensor_energy_charged": "Geladene Energie",
        "sensor_energy_charged_home": "Zu Hause geladen",
        "sensor_inspection_date": "HU",
        "sensor_last_charge_end": "Ende der Ladung",
        "sensor_last_charge_energy": "Letzte Ladung",
        "sensor_last_message": "Letzte Nachricht",
        "sensor_last_report": "Letzte Meldung",
        "sensor_last_trip_consumption": "Verbrauch",
        "sensor_last_trip_distance": "Letzte Fahrt",
        "sensor_last_trip_end": "Ende der Fahrt",
        "sensor_last_update": "Letzte Abfrage",
        "sensor_lifetime_energy_charged": "Geladen, gesamt",
        "sensor_mileage": "Kilometerstand",
        "sensor_next_service_date": "Nächster Service",
        "sensor_next_service_distance": "Service in",
        "sensor_next_update": "Nächste Abfrage",
        "sensor_preconditioning_time_remaining": "Restzeit",
        "sensor_remaining_battery_percent": "Ladestand",
        "sensor_remaining_fuel": "Tankinhalt",
        "sensor_remaining_fuel_percent": "Tankfüllung",
        "sensor_remaining_range_electric": "Elektrisch",
        "sensor_remaining_range_fuel": "Kraftstoff",
        "sensor_remaining_range_total": "Gesamt",
        "sensor_requests_left": "Übrige Abfragen",
        "sensor_service_brake_fluid": "Bremsflüssigkeit",
        "sensor_service_engine_oil": "Motoröl",
        "sensor_service_vehicle_check": "Fahrzeug-Check",
        "sensor_status": "Status",
        "sensor_sunroof": "Schiebedach",
        "switch_charging": "Laden",
        "switch_climate": "Klimatisierung",
        **{f"binary_sensor_door_{key}": f"Tür {place}" for key, place in _PLACES.items()},
        **{
            f"binary_sensor_window_{key}": f"Fenster {place[:1]}. {place.split()[1]}"
            for key, place in _PLACES.items()
        },
        **{f"sensor_{key}_current_pressure": place.capitalize() for key, place in _PLACES.items()},
    },
    login=_login(
        "bmw2mqtt muss sich bei BMW anmelden.", "BMWs Seite öffnen", "und den Code CODE eingeben"
    ),
    usage=(
        "In Home Assistant: Einstellungen > Dashboards > Dashboard hinzufügen > Neues Dashboard von"
        " Grund auf.\n# Öffnen, dann: Stift > ⋮ > Raw-Konfigurationseditor. Dort alles ersetzen."
    ),
)

LANGUAGES: Final[Mapping[str, DashboardTexts]] = {"en": ENGLISH, "de": GERMAN}
