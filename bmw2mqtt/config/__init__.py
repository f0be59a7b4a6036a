"""Settings: one model and every source of values. Callers use `load_settings`."""

from bmw2mqtt.config.accounts import (
    AccountSettings,
    CarDataSettings,
    Location,
    MyBmwSettings,
)
from bmw2mqtt.config.load import Configuration, load_configuration, load_settings
from bmw2mqtt.config.models import (
    HistorySettings,
    HomeArea,
    HomeAssistant,
    Http,
    Log,
    Mqtt,
    Settings,
    Tls,
    VehicleSettings,
    is_home_assistant_app,
    is_loopback,
    register_account_settings,
)

__all__ = [
    "AccountSettings",
    "CarDataSettings",
    "Configuration",
    "HistorySettings",
    "HomeArea",
    "HomeAssistant",
    "Http",
    "Location",
    "Log",
    "Mqtt",
    "MyBmwSettings",
    "Settings",
    "Tls",
    "VehicleSettings",
    "is_home_assistant_app",
    "is_loopback",
    "load_configuration",
    "load_settings",
    "register_account_settings",
]
