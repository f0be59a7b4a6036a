"""docs/configuration.md: every setting, read off the models in `bmw2mqtt.config`.

Types, bounds and defaults come from pydantic's JSON schema, what a setting means from the text
below it in models.py and accounts.py.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bmw2mqtt.config import Settings, accounts, models

_INTRODUCTION: Final = """\
# Configuration

Only an account is required. `config.example.yaml`, at the root of the project, has every setting
with its default; `bmw2mqtt check` says everything that is wrong with yours, with the remedy.

## Where a value comes from

What counts, first to last:

1. the command line: `--option mqtt.host=broker`
2. the environment: `BMW2MQTT_` and the path in capitals, joined by `__`: `BMW2MQTT_MQTT__HOST`,
   `BMW2MQTT_ACCOUNTS__HOME__PASSWORD`
3. secret files: a variable that ends in `_FILE` names one
   (`BMW2MQTT_ACCOUNTS__HOME__PASSWORD_FILE`), or it lies in `/run/secrets` under the name of its
   variable (`bmw2mqtt_accounts__home__password`)
4. the YAML file: `--config FILE`, else `$BMW2MQTT_CONFIG`, else `./config.yaml`, else
   `/config/config.yaml`
5. the defaults below

An empty value counts as not set. An unknown key is an error.

In every source a byte order mark at the start and line ends at the end of a value are removed.
Control characters, no-break spaces and zero-width characters in user names, passwords, tokens,
hosts, IDs, topics and VINs are errors that name the place and the character: BMW may lock an
account that logs in with a wrong password again and again. Type such a value anew instead of
copying it. Spaces around a BMW user name or a captcha token are removed.

`~` in `data_dir`, `ca_file`, `cert_file`, `key_file`, in the path of a `…_FILE` variable and in
`$BMW2MQTT_CONFIG` is the home folder. A secret's file and the YAML file may be links (Docker and
Kubernetes make them) or pipes; a pipe has ten seconds. A secret's file may have 64 KiB, every
other file 8 MiB.

## All settings

`{account}` is a name of your choice (`a-z`, `0-9`, `_`), `{VIN}` the 17 letters and digits of a
car's papers. *secret*: may come from a file, and is never shown.
"""

_COLUMNS: Final = ("Setting", "Value", "Default", "Meaning")
_BACKENDS: Final = {"mybmw": "MyBmwSettings", "cardata": "CarDataSettings"}
_Schema = Mapping[str, Any]


def configuration() -> str:
    """Return the page."""
    schema = Settings.model_json_schema()
    definitions: _Schema = schema["$defs"]
    meanings = _meanings()
    rest = ("data_dir", "http", "log")
    sections = (
        ("The broker: `mqtt`", _rows("mqtt", definitions["Mqtt"], definitions, meanings)),
        (
            "Home Assistant: `homeassistant`",
            _rows("homeassistant", definitions["HomeAssistant"], definitions, meanings),
        ),
        *(
            (
                f"Accounts with `backend: {backend}`",
                _rows("accounts.{account}", definitions[name], definitions, meanings),
            )
            for backend, name in _BACKENDS.items()
        ),
        (
            "Cars: `vehicles`",
            _rows("vehicles.{VIN}", definitions["VehicleSettings"], definitions, meanings),
        ),
        (
            "The bridge itself",
            _rows(
                "",
                {
                    "title": "Settings",
                    "properties": {name: schema["properties"][name] for name in rest},
                },
                definitions,
                meanings,
            ),
        ),
    )
    return "\n".join((_INTRODUCTION, *(_section(title, rows) for title, rows in sections)))


def _section(title: str, rows: Iterator[tuple[str, ...]]) -> str:
    lines = (_COLUMNS, tuple("---" for _ in _COLUMNS), *rows)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {title}\n\n{table}\n"


def _rows(
    path: str, section: _Schema, definitions: _Schema, meanings: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, ...]]:
    required = section.get("required", ())
    for name, field in section["properties"].items():
        below = _referred(field)
        full = f"{path}.{name}" if path else name
        if below:
            yield from _rows(full, definitions[below], definitions, meanings)
            continue
        yield (
            f"`{full}`",
            _kind(field),
            "required" if name in required else _default(field.get("default")),
            _meaning(meanings, section["title"], name),
        )


def _meaning(meanings: Mapping[tuple[str, str], str], model: str, name: str) -> str:
    try:
        return meanings[model, name]
    except KeyError:
        raise LookupError(f"write below {model}.{name} what it means") from None


def _referred(field: _Schema) -> str | None:
    """Name the section that a field holds, if it holds one."""
    for part in (field, *field.get("anyOf", ())):
        if "$ref" in part:
            return str(part["$ref"]).rpartition("/")[2]
    return None


def _kind(field: _Schema) -> str:
    part = next((p for p in field.get("anyOf", ()) if p["type"] != "null"), field)
    if part.get("writeOnly"):
        return "text, *secret*"
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    if part["type"] == "boolean":
        return "`true`, `false`"
    if part["type"] in {"integer", "number"}:
        return _bounds(part)
    return "file" if part.get("format") == "path" else "text"


def _bounds(part: _Schema) -> str:
    minimum, maximum = part.get("minimum"), part.get("maximum")
    if maximum is None:
        return f"number from {minimum}"
    return f"number, {minimum}…{maximum}"


def _default(value: object) -> str:
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meanings() -> dict[tuple[str, str], str]:
    """The text below each field of the models, by class and field."""
    found = {}
    for node in (n for m in (models, accounts) for n in ast.parse(inspect.getsource(m)).body):
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[node.name, field.target.id] = str(text.value.value)
    return found
