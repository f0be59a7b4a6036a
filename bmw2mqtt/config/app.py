"""The settings of a Home Assistant app (add-on): its options, and the Supervisor's MQTT broker.

Home Assistant writes the app's Configuration tab into `options.json`. Where our settings have names
(accounts, vehicles), the options have lists, because the form can show only those. Options that are
not set have our defaults, except that the page listens for Home Assistant's ingress.
"""

import http.client
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from bmw2mqtt.config.keys import KeyPath
from bmw2mqtt.config.layers import Entry, Layer, canonical, dotted
from bmw2mqtt.config.text import clean
from bmw2mqtt.config.values import reason
from bmw2mqtt.config.yamlfile import Unreadable
from bmw2mqtt.files import read_named

SUPERVISOR: Final = "supervisor"
TOKEN_VARIABLE: Final = "SUPERVISOR_TOKEN"  # noqa: S105 - the variable's name
ACCOUNT_LISTS: Final = {"cardata_accounts": "cardata", "mybmw_accounts": "mybmw"}
ACCOUNT_NAME: Final = "bmw"
"""The name of an account that was given none."""
_TIMEOUT_S: Final = 10
_MQTT: Final = "mqtt"
_HISTORY: Final = "history"
_HOME: Final = {"latitude", "longitude", "radius_m"}
_TLS: Final[KeyPath] = (_MQTT, "tls", "enabled")
_SINGLE: Final[Mapping[str, KeyPath]] = {
    "log_level": ("log", "level"),
    "language": ("homeassistant", "language"),
    "page_token": ("http", "token"),
    "vehicle_metrics": ("metrics", "vehicles"),
}
_NO_BROKER: Final = (
    "install the Mosquitto broker app, or set mqtt.host on this app's Configuration tab"
)


def read_app(
    file: Path,
    environ: Mapping[str, str],
    *,
    is_broker_set: bool,
    supervisor: str = SUPERVISOR,
) -> tuple[list[Layer], list[Layer]]:
    """Read the settings of an app: what is configured, and what the Supervisor offers.

    Of the layers of each kind the one with the highest precedence comes first. The environment has
    the token for the Supervisor; it is not asked if a source of higher precedence sets the broker.

    Raises:
        Unreadable: The options cannot be read.
    """
    options = _read_options(file)
    offered = []
    if not is_broker_set and not options.mentions((_MQTT, "host")):
        offered.append(_broker(environ.get(TOKEN_VARIABLE), supervisor))
    return [options, _page()], offered


def no_account() -> str:
    """Return the error of an app without an account."""
    lists = " or ".join(ACCOUNT_LISTS)
    return f"{lists}: no account is configured; add one on the Configuration tab"


def _read_options(file: Path) -> Layer:
    try:
        document = json.loads(read_named(file).decode("utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"{file}: {reason(error)}; restart the app") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(
            f"{file}: is not valid JSON; save the app's Configuration tab again"
        ) from error
    if not isinstance(document, dict):
        raise Unreadable(f"{file}: is not a JSON object; save the app's Configuration tab again")
    layer = Layer(_spell(document))
    for name in ACCOUNT_LISTS:
        rows = ({"name": ACCOUNT_NAME} | row for row in _dicts(document.get(name)))
        _put_named(layer, "accounts", rows, "name", backend=name)
    _put_named(layer, "vehicles", _dicts(document.get("vehicles")), "vin")
    for key, value in _filled_in(document.get(_MQTT)):
        path = _TLS if key == "tls" else (_MQTT, key)
        layer.put(path, value, layer.spell(path))
    for key, value in _filled_in(document.get(_HISTORY)):
        path = (_HISTORY, "home", key) if key in _HOME else (_HISTORY, key)
        layer.put(path, value, layer.spell(path))
    singles = {name: document.get(name) for name in _SINGLE}
    for name, value in _filled_in(singles):
        layer.put(_SINGLE[name], value, layer.spell(_SINGLE[name]))
    return layer


def _put_named(
    layer: Layer,
    section: str,
    rows: Iterator[dict[str, Any]],
    name_key: str,
    backend: str | None = None,
) -> None:
    """Record the entries of a list below `section`, each named by its `name_key`."""
    for row in rows:
        name = str(row.pop(name_key, "")) or "?"
        root = canonical((section, name))
        if layer.mentions(root):
            place = layer.spell(root)
            layer.problems[root] = (
                f"{place}: duplicate {name_key}; give each entry a different {name_key}"
            )
            continue
        if backend:
            layer.put((*root, "backend"), ACCOUNT_LISTS[backend], f"{backend}.{name}")
        for key, value in _filled_in(row):
            path = (*root, "location", key) if key in {"latitude", "longitude"} else (*root, key)
            layer.put(path, value, layer.spell(path))
        if not layer.mentions(root):
            layer.entries[root] = Entry({}, layer.spell(root))


def _dicts(rows: Any) -> Iterator[dict[str, Any]]:
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield dict(row)


def _filled_in(row: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields that are filled in, as text like all other sources."""
    for key, value in row.items() if isinstance(row, dict) else ():
        if value not in (None, ""):
            yield str(key), str(value).lower() if isinstance(value, bool) else str(value)


def _spell(document: Mapping[str, Any]) -> Callable[[KeyPath], str]:
    """Return a function that writes a path the way the Configuration tab shows it."""
    singles = {path: name for name, path in _SINGLE.items()}
    list_of = {
        str(row.get("name", ACCOUNT_NAME)): name
        for name in ACCOUNT_LISTS
        for row in _dicts(document.get(name))
    }

    def spell(path: KeyPath) -> str:
        if path in singles:
            return f"option {singles[path]}"
        if path[0] == "accounts" and len(path) > 1:
            return f"option {dotted((list_of.get(path[1], 'cardata_accounts'), *path[1:]))}"
        return f"option {dotted(path)}"

    return spell


def _page() -> Layer:
    """Let Home Assistant's ingress reach the page; a random token keeps everybody else out."""
    layer = Layer(dotted)
    for path, value in {
        ("http", "host"): "0.0.0.0",  # noqa: S104 - a container of its own
        ("http", "token"): secrets.token_urlsafe(24),
    }.items():
        layer.entries[path] = Entry(value, dotted(path))
    return layer


def _broker(token: str | None, supervisor: str) -> Layer:
    """Return the MQTT broker that Home Assistant's own apps use."""
    layer = Layer(lambda path: f"the Supervisor's MQTT service: {path[-1]}")
    try:
        service = _request_service(supervisor, token)
    except (OSError, http.client.HTTPException, ValueError) as error:
        layer.problems[_MQTT, "host"] = f"no MQTT broker found ({error}); {_NO_BROKER}"
        return layer
    for key in ("host", "port", "username", "password"):
        if service.get(key):
            path = (_MQTT, key)
            layer.entries[path] = Entry(clean(str(service[key])), layer.spell(path))
    if service.get("ssl"):
        layer.entries[_TLS] = Entry("true", layer.spell(_TLS))
    return layer


def _request_service(supervisor: str, token: str | None) -> dict[str, Any]:
    """Request the MQTT service's data; `ValueError` or `OSError` if there is none."""
    if not token:
        raise ValueError(f"${TOKEN_VARIABLE} is not set")
    connection = http.client.HTTPConnection(supervisor, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/services/mqtt", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        answer = json.loads(response.read(100_000))
    except json.JSONDecodeError as error:
        raise ValueError("the Supervisor's answer cannot be read") from error
    finally:
        connection.close()
    data = answer.get("data") if isinstance(answer, dict) else None
    if response.status != HTTPStatus.OK or not isinstance(data, dict) or not data.get("host"):
        message = answer.get("message") if isinstance(answer, dict) else None
        raise ValueError(f"the Supervisor answered: {message or response.status}")
    return data
