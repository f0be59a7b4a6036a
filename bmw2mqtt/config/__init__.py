"""Settings: one model and every source of values. Callers use `load_settings`."""

from bmw2mqtt.config.load import load_settings
from bmw2mqtt.config.models import (
    Account,
    CarDataSettings,
    HomeAssistant,
    Http,
    Location,
    Log,
    Mqtt,
    MyBmwSettings,
    Settings,
    Tls,
    VehicleSettings,
    is_home_assistant_app,
    is_loopback,
)

__all__ = [
    "Account",
    "CarDataSettings",
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
    "load_settings",
]
