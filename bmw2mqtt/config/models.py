"""What can be set: the models, their defaults, and what must hold between two values."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
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

from bmw2mqtt.config.values import (
    AccountName,
    ClientId,
    ExistingFile,
    Flag,
    Host,
    KeepAlive,
    Latitude,
    LogFormat,
    LogLevel,
    Longitude,
    Port,
    Protocol,
    Region,
    RequestBudget,
    Seconds,
    Server,
    Text,
    Topic,
    TopicPrefix,
    Url,
    Vin,
    wrong,
)

_POLL_INTERVAL_S: Final[Mapping[str, int]] = {
    "china": 300,
    "north_america": 600,
    "rest_of_world": 300,
}
_POLITE_INTERVAL_S: Final = 60


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        validate_default=True,
    )


class Tls(_Section):
    """How the connection to the broker is encrypted; `cert_file` and `key_file` come together."""

    enabled: Flag = False
    ca_file: ExistingFile | None = None
    cert_file: ExistingFile | None = None
    key_file: ExistingFile | None = None
    verify: Flag = True

    @field_validator("key_file")
    @classmethod
    def _goes_with_cert(cls, key_file: Path | None, info: ValidationInfo) -> Path | None:
        if "cert_file" in info.data and (info.data["cert_file"] is None) != (key_file is None):
            absent = "key_file" if key_file is None else "cert_file"
            raise wrong(f"{absent} is missing", "set cert_file and key_file, or neither")
        return key_file


class Mqtt(_Section):
    """The broker and our place on it; `keepalive` is in seconds."""

    host: Host = "localhost"
    port: Port = 1883
    username: Text | None = None
    password: SecretStr | None = None
    protocol: Protocol = "5"
    client_id: Text = "bmw2mqtt"
    base_topic: Topic = "bmw2mqtt"
    keepalive: KeepAlive = 60
    tls: Tls = Tls()


class HomeAssistant(_Section):
    """Whether and where Home Assistant is told about the cars."""

    enabled: Flag = True
    discovery_prefix: Topic = "homeassistant"
    status_topic: Topic = "homeassistant/status"


class Location(_Section):
    """A place in degrees, sent to BMW by `find_vehicle`."""

    latitude: Latitude
    longitude: Longitude


class MyBmwAccount(_Section):
    """A login of the BMW app: state and commands."""

    backend: Literal["mybmw"]
    username: Text
    password: SecretStr
    region: Region = "rest_of_world"
    captcha_token: SecretStr | None = None
    poll_interval: Seconds | None = None
    read_only: Flag = False
    location: Location | None = None
    server: Server | None = None
    ca_file: ExistingFile | None = None

    @property
    def poll_interval_s(self) -> int:
        """Seconds between two polls, the region's default if not set; 0: only on request."""
        if self.poll_interval is None:
            return _POLL_INTERVAL_S[self.region]
        return self.poll_interval


class CarDataAccount(_Section):
    """A client of BMW's official customer API: state only."""

    backend: Literal["cardata"]
    client_id: ClientId
    poll_interval: Seconds = 86400
    request_budget: RequestBudget = 45
    relay_prefix: TopicPrefix | None = None
    auth_url: Url = "https://customer.bmwgroup.com"
    api_url: Url = "https://api-cardata.bmwgroup.com"
    stream_host: Host = "customer.streaming-cardata.bmwgroup.com"
    stream_port: Port = 9000
    ca_file: ExistingFile | None = None

    @property
    def poll_interval_s(self) -> int:
        """Seconds between two rounds of REST reads; 0: only on request."""
        return self.poll_interval


Account: TypeAlias = MyBmwAccount | CarDataAccount


class VehicleSettings(_Section):
    """What is set for one car: its name instead of BMW's, and whether it is published at all."""

    name: Text | None = None
    enabled: Flag = True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Http(_Section):
    """The status page; without a `token` on this machine only."""

    enabled: Flag = True
    host: Host = "127.0.0.1"
    port: Port = 8099
    token: SecretStr | None = None

    @field_validator("token")
    @classmethod
    def _guards_other_hosts(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        host = info.data.get("host", "localhost")
        if token is None and info.data.get("enabled") and not _is_loopback(host):
            raise wrong(
                f"missing, and http.host {host} is open to the network",
                "set a token, or use http.host 127.0.0.1",
            )
        return token


class Log(_Section):
    """How much is logged, and as what; `auto` is `console` on a terminal, else `json`."""

    level: LogLevel = "info"
    format: LogFormat = "auto"


def _at_least_one(accounts: dict[str, Account]) -> dict[str, Account]:
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
    accounts: Annotated[
        dict[AccountName, Annotated[Account, Field(discriminator="backend")]],
        AfterValidator(_at_least_one),
    ] = {}
    vehicles: dict[Vin, VehicleSettings] = {}
    data_dir: Path = Path("data")
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

    def warnings(self) -> tuple[str, ...]:
        """What is allowed and yet worth a person's look, one line each."""
        lines = [
            f"accounts.{name}.poll_interval: BMW may block who asks every {account.poll_interval_s}"
            f" s; use {_POLITE_INTERVAL_S} or more"
            for name, account in self.accounts.items()
            if 0 < account.poll_interval_s < _POLITE_INTERVAL_S
        ]
        tls = self.mqtt.tls
        if tls.enabled and not tls.verify:
            lines.append(
                "mqtt.tls.verify: anybody can pose as the broker; set ca_file and verify: true"
            )
        if not tls.enabled and (tls.ca_file or tls.cert_file):
            lines.append("mqtt.tls.enabled: false, so the files below mqtt.tls are not used")
        return tuple(lines)
