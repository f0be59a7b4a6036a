"""Types of setting values. Each has its own error text: `<what is wrong>; <remedy>`.

`load` puts the place in front: `config.yaml: mqtt.port: "x" is not a valid port; …`.
"""

import ipaddress
import json
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from bmw2mqtt.config.text import captcha_token, oddity
from bmw2mqtt.files import check_named

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_VIN: Final = re.compile(r"[A-Z0-9]{17}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_SLUG: Final = re.compile(r"[a-z0-9_]+")
_OWN_ERROR: Final = "sentence"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_VALUE_PATH: Final = re.compile(r"[^][{}$.\x00-\x1f]+(\.[^][{}$.\x00-\x1f]+)*")
_CLIENT_ID: Final = re.compile(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
_TYPE_AGAIN: Final = "type it again instead of pasting it"


def wrong(what: str, remedy: str) -> PydanticCustomError:
    """Return the error to raise for a bad value: what is wrong with it, and what to do."""
    return PydanticCustomError(_OWN_ERROR, "{sentence}", {"sentence": f"{what}; {remedy}"})


def quoted(value: object) -> str:
    """Return `value` as an error shows it: one line, in double quotes."""
    text = json.dumps(str(value), ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def reason(error: OSError) -> str:
    """Return why a file cannot be used, for the middle of a sentence."""
    text = error.strerror or "cannot be read"
    return text[:1].lower() + text[1:]


def _error(what: str, remedy: str) -> WrapValidator:
    """Replace pydantic's error text for a value with our own."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if error.errors()[0]["type"] == _OWN_ERROR:
                raise
            raise wrong(f"{quoted(value)} {what}", remedy) from None

    return WrapValidator(check)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _currency(code: str) -> str:
    if not _CURRENCY.fullmatch(code):
        raise wrong(f"{quoted(code)} is not a valid currency", "use three letters, for example EUR")
    return code


def _lower(value: object) -> str:
    return str(value).lower()


def _name(value: str) -> str:
    if not value or _CONTROL.search(value):
        raise ValueError
    return value


def _text(value: str) -> str:
    if odd := oddity(value):
        raise wrong(f"{quoted(value)} {odd}", _TYPE_AGAIN)
    return _name(value)


def _user(value: str) -> str:
    return _text(value.strip(" \t"))


def _secret(value: SecretStr) -> SecretStr:
    if odd := oddity(value.get_secret_value()):
        raise wrong(f"the secret {odd}", _TYPE_AGAIN)
    return value


def _captcha(value: SecretStr) -> SecretStr:
    token = captcha_token(value.get_secret_value())
    if token is None:
        raise wrong("this is not a captcha token", "copy all of it: one long line without spaces")
    return SecretStr(token)


def expanded(value: Path) -> Path:
    """Return a path with a leading `~` replaced by the home folder.

    Raises:
        PydanticCustomError: the home folder is unknown.
    """
    if "\0" in str(value):
        raise wrong(f"{quoted(value)} is not a valid path", "use printable characters")
    try:
        return value.expanduser()
    except RuntimeError:
        raise wrong(
            f"{quoted(value)} starts with an unknown home folder", "write the full path"
        ) from None


def _is_host(value: str) -> bool:
    if _HOST.fullmatch(value):
        return True
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _host(value: str) -> str:
    if _is_host(value):
        return value
    try:
        parts = urlsplit(value if "//" in value else f"//{value}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not _is_host(host) or (port is None and not parts.scheme):
        raise ValueError
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    shown = quoted(f"{scheme}{host}" + (f":{port}" if port else ""))  # it may have a password
    keys = f"host: {host}" + (f", port: {port}" if port else "")
    if parts.scheme in {"mqtts", "ssl"}:
        keys += ", tls: {enabled: true}"
    raise wrong(f"{shown} is not a valid host", f"write {keys}")


def _server(value: str) -> str:
    parts = urlsplit(f"//{_text(value)}")
    if parts.netloc != value or "@" in value or not _is_host(parts.hostname or ""):
        raise ValueError
    if parts.port is None and value.endswith(":"):
        raise ValueError
    return value


def _url(value: str) -> str:
    parts = urlsplit(_text(value))  # urlsplit would drop some control characters
    if parts.scheme not in {"http", "https"} or not _is_host(parts.hostname or ""):
        raise ValueError
    if parts.query or parts.fragment or parts.port == 0:
        raise ValueError
    return value.rstrip("/")


def _topic_text(value: str) -> str:
    if "+" in value or "#" in value:
        raise wrong(f"{quoted(value)} contains a wildcard", "remove + and #")
    if value.startswith("$"):
        raise wrong(
            f"{quoted(value)} starts with $", "choose another topic: $ is reserved for the broker"
        )
    return _text(value)


def _topic(value: str) -> str:
    if value.startswith("/") or value.endswith("/"):
        better = re.sub(r"[+#]", "", value).strip("/") or "bmw2mqtt"
        raise wrong(f"{quoted(value)} starts or ends with /", f"write {quoted(better)}")
    return _topic_text(value)


def _value_path(value: str) -> str:
    if not _VALUE_PATH.fullmatch(_user(value)):
        raise ValueError
    return _user(value)


def _existing_file(value: Path) -> Path:
    path = expanded(value)
    try:
        check_named(path)
    except OSError as error:
        raise wrong(f"{quoted(value)}: {reason(error)}", "correct the path or remove it") from None
    return path


def _client_id(value: str) -> str:
    value = value.strip(" {}")
    if not _CLIENT_ID.fullmatch(value):
        raise ValueError
    return str(UUID(value))


def _account_name(value: str) -> str:
    if not _SLUG.fullmatch(value):
        slug = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "home"
        raise wrong(
            f"{quoted(value)} is not a valid account name",
            f"use a-z, 0-9 and _ only, for example {slug}",
        )
    return value


def _vin(value: str) -> str:
    vin = value.upper()
    if not _VIN.fullmatch(vin) or not value.isascii():
        raise wrong(
            f"{quoted(value)} is not a valid VIN",
            "use the 17 letters and digits from the vehicle registration",
        )
    return vin


_AS_TEXT: Final = _error("is not valid text", "use printable characters")
Name = Annotated[str, AfterValidator(_name), _AS_TEXT]
User = Annotated[str, AfterValidator(_user), _AS_TEXT]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
CaptchaToken = Annotated[SecretStr, AfterValidator(_captcha)]
Folder = Annotated[
    Path, AfterValidator(expanded), _error("is not a valid folder", "write the path of a folder")
]
Text = Annotated[str, AfterValidator(_text), _AS_TEXT]
AccountName = Annotated[str, AfterValidator(_account_name)]
Vin = Annotated[str, AfterValidator(_vin)]

Flag = Annotated[bool, _error("is neither true nor false", "use true or false")]
Port = Annotated[
    int, Field(ge=1, le=65535), _error("is not a valid port", "use a whole number from 1 to 65535")
]
Seconds = Annotated[
    int, Field(ge=0), _error("is not a valid number of seconds", "use a whole number, 0 or more")
]
KeepAlive = Annotated[
    int,
    Field(ge=1, le=65535),
    _error("is not a valid keepalive", "use a whole number of seconds from 1 to 65535"),
]
RequestBudget = Annotated[
    int,
    Field(ge=1, le=50),
    _error("is not a valid request budget", "use a whole number from 1 to 50 (BMW's limit)"),
]
BatteryCapacity = Annotated[
    float,
    Field(ge=5, le=150),
    _error("is not a valid battery capacity", "use the usable kWh, for example 80.7"),
]
Latitude = Annotated[
    float, Field(ge=-90, le=90), _error("is not a valid latitude", "use degrees from -90 to 90")
]
Longitude = Annotated[
    float,
    Field(ge=-180, le=180),
    _error("is not a valid longitude", "use degrees from -180 to 180"),
]

Price = Annotated[
    float, Field(ge=0, le=100), _error("is not a valid price", "use the price of 1 kWh, like 0.32")
]
Currency = Annotated[
    str,
    BeforeValidator(_upper),
    AfterValidator(_currency),
    _error("is not a valid currency", "use three letters, for example EUR"),
]
Radius = Annotated[
    int, Field(ge=10, le=5000), _error("is not a valid radius", "use metres from 10 to 5000")
]

_AS_TOPIC: Final = _error("is not a valid topic", "use printable characters")
Topic = Annotated[str, AfterValidator(_topic), _AS_TOPIC]
ForeignTopic = Annotated[str, AfterValidator(_topic_text), _AS_TOPIC]
ValuePath = Annotated[
    str,
    AfterValidator(_value_path),
    _error(
        "is not the place of a value",
        "write the names on the way to it, joined by dots, for example ENERGY.Total",
    ),
]
TopicPrefix = Annotated[
    str,
    AfterValidator(_topic_text),
    _error("is not a valid topic prefix", "use printable characters"),
]

Host = Annotated[
    str,
    AfterValidator(_host),
    _error("is not a valid host", "write the name or address only, without scheme, port or path"),
]
Server = Annotated[
    str,
    AfterValidator(_server),
    _error("is not a valid server", "write host or host:port, without scheme or path"),
]
Url = Annotated[
    str,
    AfterValidator(_url),
    _error("is not a valid web address", "start it with https:// or http://"),
]
ExistingFile = Annotated[
    Path,
    AfterValidator(_existing_file),
    _error("is not a valid file", "write the path of a PEM file"),
]
ClientId = Annotated[
    str,
    AfterValidator(_client_id),
    _error("is not a client ID", "copy it from BMW's portal (36 characters)"),
]

Region = Annotated[
    Literal["china", "north_america", "rest_of_world"],
    BeforeValidator(_lower),
    _error("is not a valid region", "use china, north_america or rest_of_world"),
]
Protocol = Annotated[
    Literal["5", "3.1.1"],
    BeforeValidator(str),
    _error("is not a supported MQTT version", "use 5 or 3.1.1"),
]
MeterUnit = Annotated[
    Literal["kWh", "Wh"], _error("is not a valid unit of a counter", "use kWh or Wh")
]
Language = Annotated[
    Literal["en", "de"],
    BeforeValidator(_lower),
    _error("is not a supported language", "use en or de"),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(_lower),
    _error("is not a valid log level", "use debug, info, warning or error"),
]
LogFormat = Annotated[
    Literal["auto", "console", "json"],
    BeforeValidator(_lower),
    _error("is not a valid log format", "use auto, console or json"),
]
