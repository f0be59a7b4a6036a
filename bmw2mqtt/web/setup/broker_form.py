"""The form for the broker: what is entered, what is wrong with it, what changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from bmw2mqtt.config import Mqtt
from bmw2mqtt.config.keys import KeyPath
from bmw2mqtt.web.setup.html import Field
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.texts import Texts

PATHS: Final[Mapping[str, KeyPath]] = {
    "host": ("mqtt", "host"),
    "port": ("mqtt", "port"),
    "username": ("mqtt", "username"),
    "password": ("mqtt", "password"),
    "tls": ("mqtt", "tls", "enabled"),
}


@dataclass(slots=True)
class BrokerForm:
    """The broker in the form."""

    values: dict[str, Any]
    """By the names of the fields; `None`: not set."""
    errors: dict[str, str] = field(default_factory=dict)
    mqtt: Mqtt | None = None
    """The settings with these values; `None` if a value is not valid."""

    @classmethod
    def current(cls, setup: Setup) -> "BrokerForm":
        """Return the form with the current settings."""
        mqtt = setup.configuration.settings.mqtt
        return cls(_values(mqtt), mqtt=mqtt)

    @classmethod
    def received(cls, setup: Setup, sent: Mapping[str, str]) -> "BrokerForm":
        """Return the form as a person has sent it."""
        form = cls.current(setup)
        form.receive(setup, sent)
        return form

    def receive(self, setup: Setup, sent: Mapping[str, str]) -> None:
        """Take over what a person has sent."""
        for name, path in PATHS.items():
            if setup.is_fixed(path):
                continue
            if name == "tls":
                self.values[name] = "tls" in sent
            elif name == "password":
                self._receive_password(sent, setup.entered_broker)
            else:
                self.values[name] = sent.get(name, "").strip() or None
        self._validate(setup.configuration.settings.mqtt)

    def _receive_password(self, sent: Mapping[str, str], entered: Mqtt | None) -> None:
        """Take over the password. An empty one keeps the one before, unless the user name is empty.

        That is the one of the form that was tested before, else the saved one.
        """
        if sent.get("password"):
            self.values["password"] = sent["password"]
        elif not (username := sent.get("username", "").strip()):
            self.values["password"] = None
        elif entered is not None and entered.username == username:
            self.values["password"] = _values(entered)["password"]

    def _validate(self, before: Mqtt) -> None:
        sections = before.model_dump()
        entered = {name: self.values[name] for name in PATHS if name != "tls"}
        tls = sections["tls"] | {"enabled": self.values["tls"]}
        default = Mqtt()
        entered["host"] = entered["host"] or default.host
        entered["port"] = entered["port"] or default.port
        try:
            self.mqtt = Mqtt.model_validate(sections | entered | {"tls": tls})
        except ValidationError as error:
            self.mqtt = None
            for found in error.errors():
                self.errors[str(found["loc"][0])] = found["msg"]
        else:
            self.values = _values(self.mqtt)

    def changes(self, setup: Setup) -> dict[KeyPath, object]:
        """Return what has to be saved: nothing, or every value.

        All of them, because a broker that is saved replaces the one that the Supervisor offers.
        """
        before = _values(setup.configuration.settings.mqtt)
        if self.values == before:
            return {}
        return {path: self.values[name] for name, path in PATHS.items()}

    def fields(self, setup: Setup, t: Texts) -> list[Field]:
        """Return the inputs."""
        texts = {name: t(f"broker.{name}") for name in PATHS}
        hints = {name: t(f"broker.{name}.hint") for name in ("host", "port", "username")}
        if self.values["password"]:
            hints["password"] = t("broker.password.kept")
        kinds = {"password": "password", "tls": "checkbox"}
        attributes = {"host": " required", "port": ' inputmode="numeric"'}
        return [
            Field(
                name=name,
                label=texts[name],
                value="" if name == "password" else str(self.values[name] or ""),
                hint=hints.get(name, ""),
                error=self.errors.get(name, ""),
                fixed=setup.configuration.fixed.get(path),
                kind=kinds.get(name, "text"),
                attributes=attributes.get(name, ""),
            )
            for name, path in PATHS.items()
        ]


def _values(mqtt: Mqtt) -> dict[str, Any]:
    password: SecretStr | None = mqtt.password
    return {
        "host": mqtt.host,
        "port": mqtt.port,
        "username": mqtt.username,
        "password": password.get_secret_value() if password else None,
        "tls": mqtt.tls.enabled,
    }
