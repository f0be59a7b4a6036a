"""The settings: models, defaults, and rules between two values.

The text below a field is its description in docs/configuration.md.
"""

import ipaddress
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bmw2mqtt.config.accounts import (
    AccountSettings,
    AnyAccountSettings,
    Section,
    add_account_settings,
)
from bmw2mqtt.config.values import (
    AccountName,
    BatteryCapacity,
    Currency,
    ExistingFile,
    Flag,
    Folder,
    ForeignTopic,
    Host,
    KeepAlive,
    Language,
    Latitude,
    LogFormat,
    LogLevel,
    Longitude,
    MeterUnit,
    Name,
    Port,
    Price,
    Protocol,
    Radius,
    Secret,
    Text,
    Topic,
    ValuePath,
    Vin,
    wrong,
)

_POLITE_INTERVAL_S: Final = 60
_STRONG_TOKEN_LENGTH: Final = 16
_TLS_PORT: Final = 8883


class Tls(Section):
    """Encryption of the connection to the broker; `cert_file` and `key_file` need each other."""

    enabled: Flag = False
    """Encrypt the connection to the broker; the port is then usually 8883."""
    ca_file: ExistingFile | None = None
    """Certificate authority of the broker (PEM), if your system does not trust it."""
    cert_file: ExistingFile | None = None
    """Client certificate (PEM), if the broker requires one; needs `key_file`."""
    key_file: ExistingFile | None = None
    """Private key of `cert_file`."""
    verify: Flag = True
    """Verify the broker's certificate. If `false`, anyone can impersonate the broker."""

    @field_validator("key_file")
    @classmethod
    def _goes_with_cert(cls, key_file: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" in info.data and (info.data["cert_file"] is None) != (key_file is None):
            absent = "key_file" if key_file is None else "cert_file"
            raise wrong(f"{absent} is missing", "set both cert_file and key_file, or neither")
        return key_file


class Mqtt(Section):
    """The MQTT broker, and bmw2mqtt's topics on it."""

    host: Host = "localhost"
    """Name or address of the broker."""
    port: Port = 1883
    """Port of the broker."""
    username: Text | None = None
    """User name at the broker."""
    password: Secret | None = None
    """Password at the broker."""
    protocol: Protocol = "5"
    """MQTT version."""
    client_id: Text = "bmw2mqtt"
    """MQTT client ID; must be unique on the broker."""
    base_topic: Topic = "bmw2mqtt"
    """First part of every topic. Run `bmw2mqtt cleanup` before you change it."""
    keepalive: KeepAlive = 60
    """MQTT keepalive in seconds."""
    tls: Tls = Tls()


class HomeAssistant(Section):
    """Home Assistant's MQTT discovery."""

    enabled: Flag = True
    """Publish MQTT discovery messages for Home Assistant."""
    discovery_prefix: Topic = "homeassistant"
    """Discovery prefix of Home Assistant. Run `bmw2mqtt cleanup` before you change it."""
    status_topic: Topic = "homeassistant/status"
    """Topic on which Home Assistant announces that it has started."""
    language: Language = "en"
    """Language of the entities' names in Home Assistant. Entity IDs and topics stay the same."""


def _value_of(topic: str, path: str | None, info: ValidationInfo) -> str | None:
    """Check that the place of a value has the setting `topic` beside it."""
    if path is not None and topic in info.data and info.data[topic] is None:
        raise wrong(f"{topic} is missing", f"set {topic}, or remove {info.field_name}")
    return path


class VehicleSettings(Section):
    """Settings of one car."""

    name: Name | None = None
    """Name of the car, instead of its model."""
    enabled: Flag = True
    """If `false`, nothing is published about this car."""
    battery_capacity_kwh: BatteryCapacity | None = None
    """Usable capacity of the high-voltage battery in kWh, if BMW reports none or a wrong one."""
    meter_topic: ForeignTopic | None = None
    """MQTT topic with the energy counter of the wallbox at which the car charges."""
    meter_value: ValuePath | None = None
    """Place of the counter if the payload is JSON, for example `ENERGY.Total`."""
    meter_unit: MeterUnit = "kWh"
    """Unit of that counter, if its payload has none."""

    @field_validator("meter_value")
    @classmethod
    def _goes_with_topic(cls, path: str | None, info: ValidationInfo) -> str | None:
        return _value_of("meter_topic", path, info)


class HomeArea(Section):
    """Where the cars are at home."""

    latitude: Latitude
    """Latitude of your home in degrees, north is positive; needs `longitude`."""
    longitude: Longitude
    """Longitude of your home in degrees, east is positive."""
    radius_m: Radius = 150
    """Up to how many metres from there a car counts as at home."""


class HistorySettings(Section):
    """The record of charging sessions and trips."""

    enabled: Flag = True
    """Record charging sessions, trips and refuelling in `history.db` in `data_dir`."""
    positions: Flag = False
    """Also record where the cars were. If `false`, only "at home" or "elsewhere" is kept."""
    price_per_kwh: Price | None = None
    """Price of 1 kWh at home, for the cost of a charging session."""
    price_topic: ForeignTopic | None = None
    """MQTT topic with the present price of 1 kWh, if it changes."""
    price_value: ValuePath | None = None
    """Place of the price if the payload is JSON, for example `price.total`."""
    currency: Currency = "EUR"
    """Currency of the price, three letters."""
    home: HomeArea | None = None
    """Your home, to tell charging there from charging elsewhere."""

    @field_validator("price_value")
    @classmethod
    def _goes_with_topic(cls, path: str | None, info: ValidationInfo) -> str | None:
        return _value_of("price_topic", path, info)


def is_loopback(host: str) -> bool:
    """Return whether an address or name means this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_home_assistant_app() -> bool:
    """Return whether this runs as a Home Assistant app; Home Assistant then protects the page."""
    return "SUPERVISOR_TOKEN" in os.environ


class Http(Section):
    """The page. Without a `token` it opens only on this machine or through Home Assistant."""

    enabled: Flag = True
    """Serve the page, `/healthz` and `/metrics`."""
    host: Host = "127.0.0.1"
    """Address to listen on; `0.0.0.0`: all. Other machines need the `token`."""
    port: Port = 8099
    """Port to listen on."""
    token: Secret | None = None
    """Access token, 16 characters or more; made and saved if other machines can open the page."""

    @field_validator("token")
    @classmethod
    def _guards_other_hosts(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if token is not None and not token.get_secret_value().strip():
            token = None  # a blank token protects nothing
        host = info.data.get("host", "localhost")
        is_open = info.data.get("enabled") and not is_loopback(host)
        if token is None and is_open and not is_home_assistant_app():
            raise wrong(
                f"missing, but http.host {host} opens the page to the network",
                "set a token or use http.host 127.0.0.1",
            )
        return token


class MetricsSettings(Section):
    """What `/metrics` contains."""

    vehicles: Flag = False
    """Also the values of the cars in `/metrics`, without positions."""


class Log(Section):
    """Level and format of the log."""

    level: LogLevel = "info"
    """Lowest level that is logged."""
    format: LogFormat = "auto"
    """`auto`, `console`: sentences in local time, coloured on a terminal; `json`: for programs."""


def _at_least_one(accounts: dict[str, AccountSettings]) -> dict[str, AccountSettings]:
    if not accounts:
        raise wrong(
            "no account is configured",
            "add one, for example accounts: {eu: {backend: cardata, client_id: …}}, or start"
            " bmw2mqtt run and set it up in a browser",
        )
    return accounts


def _secrets(part: object) -> Iterator[str]:
    if isinstance(part, SecretStr):
        yield part.get_secret_value()
    elif isinstance(part, BaseModel | dict):
        for value in dict(part).values():
            yield from _secrets(value)


_NO_VEHICLE_SETTINGS: Final = VehicleSettings()
_layers: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("layers", default=())


class Settings(BaseSettings):
    """All settings. `Settings(...)` reads no source; `load_settings` reads all of them."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    mqtt: Mqtt = Mqtt()
    homeassistant: HomeAssistant = HomeAssistant()
    accounts: Annotated[dict[AccountName, AnyAccountSettings], AfterValidator(_at_least_one)] = {}
    vehicles: dict[Vin, VehicleSettings] = {}
    history: HistorySettings = HistorySettings()
    data_dir: Folder = Path("data")
    """Folder for tokens, last values, history, pictures; keep it. `/data` in a container."""
    http: Http = Http()
    metrics: MetricsSettings = MetricsSettings()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return our layers instead of pydantic-settings' own sources (see `layers`)."""
        ours = (InitSettingsSource(settings_cls, layer) for layer in _layers.get())
        return (init_settings, *ours)

    @classmethod
    def from_layers(cls, *layers: dict[str, Any]) -> Self:
        """Build the settings from nested values, the layer with the highest precedence first."""
        token = _layers.set(layers)
        try:
            return cls()
        finally:
            _layers.reset(token)

    def vehicle(self, vin: str) -> VehicleSettings:
        """Return the settings of a car, the defaults if there are none."""
        return self.vehicles.get(vin, _NO_VEHICLE_SETTINGS)

    def secrets(self) -> frozenset[str]:
        """Return all secret values."""
        return frozenset(_secrets(self))

    def relay_prefixes(self) -> frozenset[str]:
        """Return the topic prefixes under which BMW's stream messages are published."""
        return frozenset(
            account.relay_topics for account in self.accounts.values() if account.relay_topics
        )

    def warnings(self) -> tuple[str, ...]:
        """Return one line for each setting that is valid but not recommended."""
        lines = [
            f"accounts.{name}.poll_interval: BMW may block an account that is polled every"
            f" {account.poll_interval_s} s; use {_POLITE_INTERVAL_S} or more"
            for name, account in self.accounts.items()
            if 0 < account.poll_interval_s < _POLITE_INTERVAL_S
        ]
        token = self.http.token
        if token and len(token.get_secret_value()) < _STRONG_TOKEN_LENGTH:
            lines.append(
                f"http.token: short enough to be guessed; use {_STRONG_TOKEN_LENGTH} characters or"
                " more"
            )
        tls = self.mqtt.tls
        if self.mqtt.port == _TLS_PORT and not tls.enabled:
            lines.append(
                f"mqtt.port: {_TLS_PORT} is usually for TLS; set mqtt.tls.enabled: true, or use"
                " another port, usually 1883"
            )
        if tls.enabled and not tls.verify:
            lines.append(
                "mqtt.tls.verify: false, so anyone can impersonate the broker; set ca_file and"
                " verify: true"
            )
        if not tls.enabled and (tls.ca_file or tls.cert_file):
            lines.append(
                "mqtt.tls.enabled: false, so the files of mqtt.tls are not used; set enabled: true"
            )
        return tuple(lines)


class SettingsWithoutAccounts(Settings):
    """The settings before the setup: they are valid without an account."""

    accounts: dict[AccountName, AnyAccountSettings] = {}


def register_account_settings(model: type[AccountSettings]) -> None:
    """Let `accounts` hold the settings of one more backend."""
    add_account_settings(model)
    Settings.model_rebuild(force=True)
    SettingsWithoutAccounts.model_rebuild(force=True)
