"""docs/configuration.md: every setting, derived from the models in `bmw2mqtt.config`.

Types, bounds and defaults come from pydantic's JSON schema, descriptions from the text below each
field in models.py or accounts.py.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bmw2mqtt.config import Settings, accounts, models

_INTRODUCTION: Final = """\
# Configuration

Only an account is required. `config.example.yaml`, at the root of the project, has every setting
with its default. `bmw2mqtt check` lists every configuration error and how to fix it.

The first line of the example names a [JSON schema](config.schema.json). Editors that support it,
such as Visual Studio Code with its YAML extension, complete the settings, show their descriptions
and mark mistakes.

## Precedence

Highest first:

1. the command line: `--option mqtt.host=broker`
2. environment variables: `BMW2MQTT_` and the path in capitals, joined by `__`:
   `BMW2MQTT_MQTT__HOST`, `BMW2MQTT_ACCOUNTS__HOME__PASSWORD`
3. secret files: the file named by a variable that ends in `_FILE`
   (`BMW2MQTT_ACCOUNTS__HOME__PASSWORD_FILE`), or a file in `/run/secrets` named like the variable
   (`bmw2mqtt_accounts__home__password`)
4. the YAML file: `--config FILE`, else `$BMW2MQTT_CONFIG`, else `./config.yaml`, else
   `/config/config.yaml`
5. `settings.yaml` in `data_dir`, which the [setup in the browser](setup.md) writes
6. the defaults below

An empty value counts as not set. An unknown key is an error, and so is a value left from the
example. `true` and `false` switch a section that has `enabled`: `tls: true` is short for
`tls: {enabled: true}`.

In YAML, a blank and `#` begin a comment: put such a password in quotes. `${VARIABLES}`
and `!secret` are not replaced: use environment variables or secret files.

In every source, a byte order mark at the start of a value and line breaks at its end are removed,
and so are spaces around a BMW user name or a captcha token. Control characters, no-break spaces and
zero-width characters in user names, passwords, tokens, hosts, IDs, topics and VINs are errors,
because BMW may lock an account after repeated logins with a wrong password. The error names the
setting and the character. Type the value again instead of pasting it.

`~` stands for the home folder in `data_dir`, `ca_file`, `cert_file`, `key_file`, the path of a
`…_FILE` variable and `$BMW2MQTT_CONFIG`. The YAML file and secret files may be symbolic links (as
Docker and Kubernetes create them) or pipes that end within ten seconds. Secret files may have up to
64 KiB, all other files 8 MiB.

## All settings

`{account}` is a name of your choice (`a-z`, `0-9`, `_`). `{VIN}` is the 17 letters and digits from
the vehicle registration. *secret* values may come from a file and are never shown.
"""

_COLUMNS: Final = ("Setting", "Value", "Default", "Description")
_BACKENDS: Final = {"mybmw": "MyBmwSettings", "cardata": "CarDataSettings"}
_Schema = Mapping[str, Any]


def configuration() -> str:
    """Return the page."""
    schema = Settings.model_json_schema()
    definitions: _Schema = schema["$defs"]
    texts = descriptions()
    rest = ("data_dir", "http", "metrics", "log")
    sections = (
        ("The broker: `mqtt`", _rows("mqtt", definitions["Mqtt"], definitions, texts)),
        (
            "Home Assistant: `homeassistant`",
            _rows("homeassistant", definitions["HomeAssistant"], definitions, texts),
        ),
        *(
            (
                f"Accounts with `backend: {backend}`",
                _rows("accounts.{account}", definitions[name], definitions, texts),
            )
            for backend, name in _BACKENDS.items()
        ),
        (
            "Cars: `vehicles`",
            _rows("vehicles.{VIN}", definitions["VehicleSettings"], definitions, texts),
        ),
        (
            "The history: `history`",
            _rows("history", definitions["HistorySettings"], definitions, texts),
        ),
        (
            "bmw2mqtt itself",
            _rows(
                "",
                {
                    "title": "Settings",
                    "properties": {name: schema["properties"][name] for name in rest},
                },
                definitions,
                texts,
            ),
        ),
    )
    return "\n".join((_INTRODUCTION, *(_section(title, rows) for title, rows in sections)))


def _section(title: str, rows: Iterator[tuple[str, ...]]) -> str:
    lines = (_COLUMNS, tuple("---" for _ in _COLUMNS), *rows)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {title}\n\n{table}\n"


def _rows(
    path: str, section: _Schema, definitions: _Schema, texts: Mapping[tuple[str, str], str]
) -> Iterator[tuple[str, ...]]:
    required = section.get("required", ())
    for name, field in section["properties"].items():
        below = _referred(field)
        full = f"{path}.{name}" if path else name
        if below:
            yield from _rows(full, definitions[below], definitions, texts)
            continue
        yield (
            f"`{full}`",
            _kind(field),
            "required" if name in required else _default(field.get("default")),
            _description(texts, section["title"], name),
        )


def _description(texts: Mapping[tuple[str, str], str], model: str, name: str) -> str:
    try:
        return texts[model, name]
    except KeyError:
        raise LookupError(
            f"describe {model}.{name} in the line below it in models.py or accounts.py"
        ) from None


def _referred(field: _Schema) -> str | None:
    """Return the name of the section that a field holds; None: it holds a single value."""
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


def descriptions() -> dict[tuple[str, str], str]:
    """Return the text below each field of models.py, by class and field."""
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
