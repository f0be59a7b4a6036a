"""The forms for an account: what is entered, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from bmw2mqtt.config import CarDataSettings, MyBmwSettings
from bmw2mqtt.config.keys import KeyPath
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.texts import Texts

FIRST_NAME: Final = "bmw"
_PASTED: Final = " \t\r\n{}\"'"


@dataclass(slots=True)
class AccountForm:
    """An account in a form."""

    name: str
    backend: str
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> KeyPath:
        """Where its settings are."""
        return ("accounts", self.name)

    def changes(self) -> dict[KeyPath, object]:
        """Return what has to be saved."""
        entered = {(*self.root, key): value for key, value in self.values.items() if value}
        return {(*self.root, "backend"): self.backend, **entered}


def account_name(setup: Setup, wanted: str | None) -> str:
    """Return the name of an account to change, or a free one for a new account."""
    accounts = setup.configuration.settings.accounts
    if wanted in accounts:
        return str(wanted)
    free = (f"{FIRST_NAME}{number if number > 1 else ''}" for number in range(1, 100))
    return next(name for name in free if name not in accounts)


def cardata_form(setup: Setup, name: str) -> AccountForm:
    """Return the form of a CarData account with its current settings."""
    return AccountForm(name, "cardata", {"client_id": _current(setup, name, "client_id")})


def mybmw_form(setup: Setup, name: str) -> AccountForm:
    """Return the form of a MyBMW account with its current settings, but its password."""
    region = _current(setup, name, "region") or "rest_of_world"
    username = _current(setup, name, "username")
    return AccountForm(name, "mybmw", {"username": username, "password": "", "region": region})


def _current(setup: Setup, name: str, field_name: str) -> str:
    """Return a setting of an account; empty if there is no such account, or it has none."""
    return str(getattr(setup.configuration.settings.accounts.get(name), field_name, ""))


def receive_cardata(form: AccountForm, setup: Setup, sent: Mapping[str, str], t: Texts) -> None:
    """Take over what a person has sent."""
    if setup.is_fixed((*form.root, "client_id")):
        return
    client_id = sent.get("client_id", "").strip(_PASTED)
    form.values["client_id"] = client_id
    if not client_id:
        form.errors["client_id"] = t("client.missing")
        return
    try:
        checked = CarDataSettings(backend="cardata", client_id=client_id)
    except ValidationError as error:
        form.errors["client_id"] = error.errors()[0]["msg"]
        return
    if UUID(checked.client_id).int == 0:
        form.errors["client_id"] = t("client.example")
    form.values["client_id"] = checked.client_id


def receive_mybmw(form: AccountForm, setup: Setup, sent: Mapping[str, str], t: Texts) -> None:
    """Take over what a person has sent; an empty password keeps the saved one."""
    for name in form.values:
        if not setup.is_fixed((*form.root, name)):
            form.values[name] = sent.get(name, "").strip(" \t" if name != "password" else "")
    entered = {key: value for key, value in form.values.items() if value}
    saved = getattr(setup.configuration.settings.accounts.get(form.name), "password", None)
    if "password" not in entered and saved is not None:
        entered["password"] = saved.get_secret_value()
    try:
        MyBmwSettings.model_validate({"backend": "mybmw", **entered})
    except ValidationError as error:
        for found in error.errors():
            text = t("missing") if found["type"] == "missing" else found["msg"]
            form.errors[str(found["loc"][0])] = text
