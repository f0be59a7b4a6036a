"""The settings of one account: a class for each backend, told apart by `backend`.

`AccountSettings` is what the rest of the bridge knows of them all.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from bmw2mqtt.config.values import (
    CaptchaToken,
    ClientId,
    ExistingFile,
    Flag,
    Host,
    Latitude,
    Longitude,
    Port,
    Region,
    RequestBudget,
    Seconds,
    Secret,
    Server,
    TopicPrefix,
    Url,
    User,
)

_POLL_INTERVAL_S: Final[Mapping[str, int]] = {
    "china": 300,
    "north_america": 600,
    "rest_of_world": 300,
}


class Section(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        validate_default=True,
    )


class Location(Section):
    """A position in degrees."""

    latitude: Latitude
    """Latitude in degrees, north is positive; needs `longitude`."""
    longitude: Longitude
    """Longitude in degrees, east is positive."""


class AccountSettings(Section):
    """The settings that accounts of every backend have."""

    summary: ClassVar[str]
    """What the backend is, for a person who has to choose one."""

    backend: str

    @property
    def poll_interval_s(self) -> int:
        """Seconds between two polls; 0: only on request."""
        return 0

    @property
    def is_read_only(self) -> bool:
        """Whether the account carries out no commands."""
        return True

    @property
    def region_name(self) -> str | None:
        """Return BMW's region, where the backend has several."""
        return None

    @property
    def certificate_authority(self) -> Path | None:
        """Return the certificate authority of servers that are not BMW's own."""
        return None

    @property
    def relay_topics(self) -> str | None:
        """Return the prefix of the topics on which BMW's own messages are published."""
        return None

    @property
    def stream_topics(self) -> str | None:
        """Return the prefix of the topics from which BMW's own messages are read."""
        return None


class MyBmwSettings(AccountSettings):
    """An account of the BMW app: state and commands."""

    summary = "the login of the BMW app"

    backend: Literal["mybmw"]
    """The BMW app's interface: state and commands."""
    username: User
    """E-mail address of the BMW login; in China the phone number with the prefix 86."""
    password: Secret
    """Password of the BMW login."""
    region: Region = "rest_of_world"
    """Region in which the account was created."""
    captcha_token: CaptchaToken | None = None
    """Captcha token of the first login, except in China; or enter it at login."""
    poll_interval: Seconds | None = None
    """Seconds between two polls; 0: only on request. Default: 300, in North America 600."""
    read_only: Flag = False
    """If `true`, no commands are sent to the cars, except a destination."""
    location: Location | None = None
    """Your position, sent to BMW by `find_vehicle`, which requires it."""
    server: Server | None = None
    """Server to use instead of BMW's, as `host` or `host:port`."""
    ca_file: ExistingFile | None = None
    """Certificate authority of that server (PEM)."""

    @property
    def poll_interval_s(self) -> int:
        """Seconds between two polls, by default the region's; 0: only on request."""
        if self.poll_interval is None:
            return _POLL_INTERVAL_S[self.region]
        return self.poll_interval

    @property
    def is_read_only(self) -> bool:
        """Whether the account carries out no commands, but for sending a destination."""
        return self.read_only

    @property
    def region_name(self) -> str | None:
        """Return where the account was made."""
        return self.region

    @property
    def certificate_authority(self) -> Path | None:
        """Return the certificate authority of `server`."""
        return self.ca_file


class CarDataSettings(AccountSettings):
    """An account of CarData, BMW's official customer API: state only."""

    summary = "BMW's customer API"

    backend: Literal["cardata"]
    """CarData, BMW's customer API in the EU and the UK: state only."""
    client_id: ClientId
    """CarData client ID from BMW's portal."""
    poll_interval: Seconds = 86400
    """Seconds between two polls of data that the stream does not carry; 0: only on request."""
    request_budget: RequestBudget = 45
    """Most requests in any 24 hours. BMW allows 50 for all your programs together."""
    follow_up_reads: Flag = True
    """Also poll a car when a charge begins or should be over and after a trip, within budget."""
    relay_prefix: TopicPrefix | None = None
    """Also publish BMW's stream messages unchanged, on the topic of this prefix and the VIN."""
    stream_topic: TopicPrefix | None = None
    """Read BMW's stream messages below this MQTT topic, where another program publishes them."""
    auth_url: Url = "https://customer.bmwgroup.com"
    """URL of BMW's login server."""
    api_url: Url = "https://api-cardata.bmwgroup.com"
    """URL of BMW's CarData server."""
    stream_host: Host = "customer.streaming-cardata.bmwgroup.com"
    """Host of BMW's stream."""
    stream_port: Port = 9000
    """Port of BMW's stream."""
    ca_file: ExistingFile | None = None
    """Certificate authority of these three servers (PEM), if they are not BMW's."""

    @property
    def poll_interval_s(self) -> int:
        """Seconds between two polls; 0: only on request."""
        return self.poll_interval

    @property
    def certificate_authority(self) -> Path | None:
        """Return the certificate authority of the three servers."""
        return self.ca_file

    @property
    def relay_topics(self) -> str | None:
        """Return the prefix of the topics on which BMW's own messages are published."""
        return self.relay_prefix

    @property
    def stream_topics(self) -> str | None:
        """Return the prefix of the topics from which BMW's own messages are read."""
        return None if self.stream_topic is None else f"{self.stream_topic.rstrip('/')}/"


ACCOUNT_SETTINGS: Final[dict[str, type[AccountSettings]]] = {}
"""The settings class of each backend that there is."""


def add_account_settings(model: type[AccountSettings]) -> None:
    """Add a backend's settings class; `models.Settings` has to be rebuilt afterwards."""
    (name,) = get_args(model.model_fields["backend"].annotation)
    ACCOUNT_SETTINGS[name] = model


add_account_settings(MyBmwSettings)
add_account_settings(CarDataSettings)


class _ByBackend:
    """Lets pydantic choose the class by `backend`, among those of `ACCOUNT_SETTINGS`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: handler.generate_schema(model) for name, model in ACCOUNT_SETTINGS.items()}
        return core_schema.tagged_union_schema(choices, discriminator="backend")


AnyAccountSettings: TypeAlias = Annotated[AccountSettings, _ByBackend]
