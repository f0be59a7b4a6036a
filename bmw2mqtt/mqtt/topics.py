"""Builds and parses every topic of docs/topics.md."""

import re
from dataclasses import dataclass

from bmw2mqtt.vehicle.vin import VIN_PATTERN

COMMAND_SUFFIXES = ("/set", "/press")
_PLATFORMS = (
    "binary_sensor",
    "button",
    "device_tracker",
    "event",
    "image",
    "lock",
    "notify",
    "number",
    "select",
    "sensor",
    "switch",
)
"""Other topics below a car's belong to other clients."""


@dataclass(frozen=True, slots=True)
class DeviceTopics:
    """The topics of one car or one account, and its name in Home Assistant."""

    root: str
    identifier: str
    """`bmw2mqtt_{VIN}` or `bmw2mqtt_account_{name}`."""
    discovery: str
    bridge_availability: str

    @property
    def availability(self) -> str:
        """Whether what is published about the car is current."""
        return f"{self.root}/availability"

    @property
    def snapshot(self) -> str:
        """The whole car at once, JSON."""
        return f"{self.root}/state"

    @property
    def command_event(self) -> str:
        """The events that answer commands, JSON, never retained."""
        return self.state("event", "command")

    def state(self, platform: str, key: str) -> str:
        """The value of one entity."""
        return f"{self.root}/{platform}/{key}"

    def attributes(self, platform: str, key: str) -> str:
        """The attributes of one entity, JSON."""
        return f"{self.root}/{platform}/{key}/attributes"

    def command(self, platform: str, key: str, suffix: str) -> str:
        """The command topic of one entity; its suffix is `set` or `press`."""
        return f"{self.root}/{platform}/{key}/{suffix}"


@dataclass(frozen=True, slots=True)
class CommandTopic:
    """A parsed command topic. Exactly one of `vin` and `account` is set."""

    vin: str | None
    account: str | None
    platform: str
    key: str
    suffix: str


class Topics:
    """All topics below `base_topic` and `discovery_prefix`."""

    def __init__(self, base: str, discovery_prefix: str) -> None:
        self.base = base
        self.discovery_prefix = discovery_prefix
        self.bridge_availability = f"{base}/bridge/availability"
        self.bridge_info = f"{base}/bridge/info"
        root = re.escape(base)
        self._command = re.compile(
            rf"{root}/(?:(?P<vin>{VIN_PATTERN})|account/(?P<account>[a-z0-9_]+))"
            r"/(?P<platform>[a-z_]+)/(?P<key>[a-z0-9_]+)/(?P<suffix>set|press)"
        )
        self._login = re.compile(rf"{root}/account/(?P<account>[a-z0-9_]+)/login/set")
        entity = rf"(?:{'|'.join(_PLATFORMS)})/(?!(?:set|press)$)[a-z0-9_]+(?:/attributes)?"
        self._retained = re.compile(
            rf"{root}/(?:bridge/(?:availability|info)"
            rf"|account/(?P<account>[a-z0-9_]+)/{entity}"
            rf"|(?P<vin>{VIN_PATTERN})/(?:availability|state|{entity}))"
        )
        self._discovery = re.compile(
            rf"{re.escape(discovery_prefix)}/device/bmw2mqtt_"
            rf"(?:(?P<vin>{VIN_PATTERN})|account_(?P<account>[a-z0-9_]+))/config"
        )

    def vehicle(self, vin: str) -> DeviceTopics:
        """Return the topics of a car."""
        return self._device(f"{self.base}/{vin}", f"bmw2mqtt_{vin}")

    def account(self, name: str) -> DeviceTopics:
        """Return the topics of an account."""
        return self._device(f"{self.base}/account/{name}", f"bmw2mqtt_account_{name}")

    def _device(self, root: str, identifier: str) -> DeviceTopics:
        return DeviceTopics(
            root=root,
            identifier=identifier,
            discovery=f"{self.discovery_prefix}/device/{identifier}/config",
            bridge_availability=self.bridge_availability,
        )

    def commands(self) -> tuple[str, ...]:
        """Return the filters that match every command topic."""
        account = f"{self.base}/account/+/+/+"
        return (
            f"{self.base}/+/+/+/set",
            f"{self.base}/+/+/+/press",
            f"{account}/set",
            f"{account}/press",
        )

    def retained(self) -> tuple[str, ...]:
        """Return filters for what the bridge retains; they never match a command topic.

        They are as narrow as filters can be: others may retain a lot below the same base.
        """
        vehicle = (f"{self.base}/+/{platform}/+" for platform in _PLATFORMS)
        account = (f"{self.base}/account/+/{p}/+" for p in ("sensor", "binary_sensor", "switch"))
        states = (*vehicle, *account)
        return (
            self.bridge_availability,
            self.bridge_info,
            f"{self.base}/+/availability",
            f"{self.base}/+/state",
            *states,
            *(f"{state}/attributes" for state in states),
            f"{self.base}/account/+/button/+/attributes",
            self.discovery(),
        )

    def discovery(self) -> str:
        """Return a filter that matches every discovery topic of ours, and those of others."""
        return f"{self.discovery_prefix}/device/+/config"

    def everything(self) -> tuple[str, ...]:
        """Return filters for all the bridge may ever have retained."""
        return (f"{self.base}/#", self.discovery())

    def parse_command(self, topic: str) -> CommandTopic | None:
        """Parse a command topic; `None` if it is not one."""
        match = self._command.fullmatch(topic)
        return CommandTopic(**match.groupdict()) if match else None

    def parse_login(self, topic: str) -> str | None:
        """Return the account whose captcha token comes in on this topic; `None`: another topic."""
        match = self._login.fullmatch(topic)
        return match["account"] if match else None

    def login(self, account: str) -> str:
        """Where an account's captcha token comes in; its payload is a secret."""
        return f"{self.base}/account/{account}/login/set"

    def owner(self, topic: str) -> str | None:
        """Return the root of the device a retained topic of ours belongs to, else `None`.

        `""` stands for the bridge itself. A discovery topic may be another bridge's with the same
        car: see `is_our_discovery`.
        """
        match = self._retained.fullmatch(topic) or self._discovery.fullmatch(topic)
        if match is None:
            return None
        if vin := match["vin"]:
            return self.vehicle(vin).root
        if account := match["account"]:
            return self.account(account).root
        return ""

    def is_foreign(self, topic: str) -> bool:
        """Whether an answer may go to this topic: not a wildcard, and none that we stand for."""
        own = (f"{self.base}/", f"{self.discovery_prefix}/")
        return bool(topic) and not topic.startswith((*own, "$")) and not set(topic) & set("+#\0")

    def is_discovery(self, topic: str) -> bool:
        """Whether it is the discovery topic of a bmw2mqtt, perhaps of another one."""
        return self._discovery.fullmatch(topic) is not None

    def is_our_discovery(self, payload: bytes) -> bool:
        """Whether a discovery payload was made by a bridge with our `base_topic`."""
        return f'"{self.bridge_availability}"'.encode() in payload
