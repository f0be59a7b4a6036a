"""What can be set: the models, their defaults, and what must hold between two values."""

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
    ExistingFile,
    Flag,
    Folder,
    Host,
    KeepAlive,
    LogFormat,
    LogLevel,
    Name,
    Port,
    Protocol,
    Secret,
    Text,
    Topic,
    Vin,
    wrong,
)

_POLITE_INTERVAL_S: Final = 60
_STRONG_TOKEN_LENGTH: Final = 16


class Tls(Section):
    """How the connection to the broker is encrypted; `cert_file` and `key_file` come together."""

    enabled: Flag = False
    """Encrypt the connection to the broker; its port is then usually 8883."""
    ca_file: ExistingFile | None = None
    """The certificate authority of the broker, PEM, if the system does not know it."""
    cert_file: ExistingFile | None = None
    """Our certificate, PEM, if the broker asks for one; together with `key_file`."""
    key_file: ExistingFile | None = None
    """The key of `cert_file`."""
    verify: Flag = True
    """Check the broker's certificate. `false`: anybody can pose as the broker."""

    @field_validator("key_file")
    @classmethod
    def _goes_with_cert(cls, key_file: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" in info.data and (info.data["cert_file"] is None) != (key_file is None):
            absent = "key_file" if key_file is None else "cert_file"
            raise wrong(f"{absent} is missing", "set cert_file and key_file, or neither")
        return key_file


class Mqtt(Section):
    """The broker and our place on it; `keepalive` is in seconds."""

    host: Host = "localhost"
    """Name or address of the broker."""
    port: Port = 1883
    """Port of the broker."""
    username: Text | None = None
    """User at the broker."""
    password: Secret | None = None
    """That user's password."""
    protocol: Protocol = "5"
    """Version of MQTT."""
    client_id: Text = "bmw2mqtt"
    """Must differ from that of every other client of the broker."""
    base_topic: Topic = "bmw2mqtt"
    """What every topic starts with. Run `bmw2mqtt cleanup` before you change it."""
    keepalive: KeepAlive = 60
    """Seconds between two signs of life to the broker."""
    tls: Tls = Tls()


class HomeAssistant(Section):
    """Whether and where Home Assistant is told about the cars."""

    enabled: Flag = True
    """Announce cars and accounts to Home Assistant."""
    discovery_prefix: Topic = "homeassistant"
    """Home Assistant's discovery prefix. Run `bmw2mqtt cleanup` before you change it."""
    status_topic: Topic = "homeassistant/status"
    """Where Home Assistant says that it has started."""


class VehicleSettings(Section):
    """What is set for one car: its name instead of BMW's, and whether it is published at all."""

    name: Name | None = None
    """Its name, in the place of the model's."""
    enabled: Flag = True
    """`false`: leave this car out."""


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_home_assistant_app() -> bool:
    """Whether we run as an app (add-on) of Home Assistant, which guards the page itself."""
    return "SUPERVISOR_TOKEN" in os.environ


class Http(Section):
    """The status page; without a `token` on this machine, or through Home Assistant, only."""

    enabled: Flag = True
    """Serve the page, `/healthz` and `/metrics`."""
    host: Host = "127.0.0.1"
    """Address to listen on; any but this machine's own needs a `token`."""
    port: Port = 8099
    """Port to listen on."""
    token: Secret | None = None
    """What a visitor must know."""

    @field_validator("token")
    @classmethod
    def _guards_other_hosts(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if token is not None and not token.get_secret_value().strip():
            token = None  # it would let everybody in
        host = info.data.get("host", "localhost")
        is_open = info.data.get("enabled") and not is_loopback(host)
        if token is None and is_open and not is_home_assistant_app():
            raise wrong(
                f"missing, and http.host {host} is open to the network",
                "set a token, or use http.host 127.0.0.1",
            )
        return token


class Log(Section):
    """How much is logged, and as what; `auto` is `console` on a terminal, else `json`."""

    level: LogLevel = "info"
    """Least severity that is logged."""
    format: LogFormat = "auto"
    """`auto`: `console` on a terminal, else `json`."""


def _at_least_one(accounts: dict[str, AccountSettings]) -> dict[str, AccountSettings]:
    if not accounts:
        raise wrong(
            "no account is configured",
            "add one, for example accounts: {home: {backend: mybmw, username: me@example.com, "
            "password: …, region: rest_of_world}}",
        )
    return accounts


def _secrets(part: object) -> Iterator[str]:
    if isinstance(part, SecretStr):
        yield part.get_secret_value()
    elif isinstance(part, BaseModel | dict):
        for value in dict(part).values():
            yield from _secrets(value)


_layers: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("layers", default=())


class Settings(BaseSettings):
    """Everything that can be set. `Settings(...)` reads no source; `load_settings` reads all."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    mqtt: Mqtt = Mqtt()
    homeassistant: HomeAssistant = HomeAssistant()
    accounts: Annotated[dict[AccountName, AnyAccountSettings], AfterValidator(_at_least_one)] = {}
    vehicles: dict[Vin, VehicleSettings] = {}
    data_dir: Folder = Path("data")
    """Tokens, what BMW said last, pictures. Keep it. In the image it is `/data`."""
    http: Http = Http()
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
        """Our own sources in the place of pydantic's, which cannot say where a value stands."""
        ours = (InitSettingsSource(settings_cls, layer) for layer in _layers.get())
        return (init_settings, *ours)

    @classmethod
    def from_layers(cls, *layers: dict[str, Any]) -> Self:
        """The settings from nested values, the strongest layer first; pydantic's errors."""
        token = _layers.set(layers)
        try:
            return cls()
        finally:
            _layers.reset(token)

    def secrets(self) -> frozenset[str]:
        """What must never be shown."""
        return frozenset(_secrets(self))

    def relay_prefixes(self) -> frozenset[str]:
        """Where BMW's own messages are passed on."""
        return frozenset(
            account.relay_topics for account in self.accounts.values() if account.relay_topics
        )

    def warnings(self) -> tuple[str, ...]:
        """What is allowed and yet worth a person's look, one line each."""
        lines = [
            f"accounts.{name}.poll_interval: BMW may block who asks every {account.poll_interval_s}"
            f" s; use {_POLITE_INTERVAL_S} or more"
            for name, account in self.accounts.items()
            if 0 < account.poll_interval_s < _POLITE_INTERVAL_S
        ]
        token = self.http.token
        if token and len(token.get_secret_value()) < _STRONG_TOKEN_LENGTH:
            lines.append(
                f"http.token: so short that it can be guessed; use {_STRONG_TOKEN_LENGTH}"
                " characters or more"
            )
        tls = self.mqtt.tls
        if tls.enabled and not tls.verify:
            lines.append(
                "mqtt.tls.verify: anybody can pose as the broker; set ca_file and verify: true"
            )
        if not tls.enabled and (tls.ca_file or tls.cert_file):
            lines.append("mqtt.tls.enabled: false, so the files below mqtt.tls are not used")
        return tuple(lines)


def register_account_settings(model: type[AccountSettings]) -> None:
    """Let `accounts` hold the settings of one more backend."""
    add_account_settings(model)
    Settings.model_rebuild(force=True)
