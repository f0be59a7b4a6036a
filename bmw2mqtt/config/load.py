"""Read all sources and report every error at once."""

import os
import secrets
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bmw2mqtt.config.accounts import ACCOUNT_SETTINGS
from bmw2mqtt.config.keys import KeyPath, backend_keys, keys
from bmw2mqtt.config.layers import (
    Entry,
    Layer,
    dotted,
    read_environment,
    read_options,
    read_secret_files,
    variable,
)
from bmw2mqtt.config.mistakes import example_values, misspelt_account
from bmw2mqtt.config.models import (
    HomeAssistant,
    Mqtt,
    Settings,
    SettingsWithoutAccounts,
    is_home_assistant_app,
    is_loopback,
)
from bmw2mqtt.config.settings_file import read_settings_file
from bmw2mqtt.config.values import expanded, quoted
from bmw2mqtt.config.yamlfile import DEFAULT_FILES, Unreadable, find_file, read_yaml
from bmw2mqtt.vehicle.errors import ConfigError

SECRETS_DIR: Final = Path("/run/secrets")
OPTIONS_FILE: Final = "options.json"
"""Home Assistant's name for the file with an app's options."""

_MISSING: Final = {
    "username": "add the e-mail address of the BMW login (china: phone number with the 86 prefix)",
    "client_id": "add the CarData client ID from BMW's customer portal",
    "latitude": "set both latitude and longitude, or neither",
    "longitude": "set both latitude and longitude, or neither",
}
_ACCOUNTS: Final = ("accounts",)
_HTTP_ENABLED: Final = ("http", "enabled")
_HTTP_HOST: Final = ("http", "host")
_HTTP_TOKEN: Final = ("http", "token")
_OFF: Final = frozenset({"false", "no", "off", "0", "n", "f"})
_BASE_TOPIC: Final = ("mqtt", "base_topic")
_DISCOVERY_PREFIX: Final = ("homeassistant", "discovery_prefix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings, and where they come from."""

    settings: Settings
    """Without accounts if none is configured."""
    fixed: Mapping[KeyPath, str]
    """The place of each value that the setup cannot change, because another source sets it."""
    is_broker_offered: bool = False
    """Whether the broker is the one that Home Assistant's Supervisor offers."""
    new_token: str | None = None
    """The page's token if one had to be made; it has to be saved in `settings.yaml`."""


@dataclass(frozen=True, slots=True)
class _Sources:
    """All sources, the layer with the highest precedence first."""

    above: Sequence[Layer]
    """Those that have precedence over `settings.yaml`."""
    saved: Layer
    """`settings.yaml`."""
    offered: Sequence[Layer]
    """What the Supervisor offers."""
    file: Layer | None
    is_app: bool
    new_token: str | None

    @property
    def layers(self) -> list[Layer]:
        return [*self.above, self.saved, *self.offered]

    def mention(self, path: KeyPath) -> bool:
        return any(layer.mentions(path) for layer in self.layers)


def load_settings(
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] = os.environ,
    secrets_dir: Path = SECRETS_DIR,
) -> Settings:
    """Load the settings from every source; highest first.

    `overrides`, environment, secret files, YAML, `settings.yaml` in `data_dir`, defaults.

    Args:
        config_file: The YAML file; None: `$BMW2MQTT_CONFIG`, `./config.yaml`, or
            `/config/config.yaml`, if one of them exists.
        overrides: From the command line, each `mqtt.host=broker`.
        environ: The environment, with `BMW2MQTT_…` variables.
        secrets_dir: A folder with secrets in files named like their variables.

    Raises:
        ConfigError: Lists every error; no account is one.
    """
    sources = _read_sources(config_file, overrides, environ, secrets_dir)
    file = sources.file
    if file and sources.is_app and not file.problems and not sources.mention(_ACCOUNTS):
        from bmw2mqtt.config.app import no_account  # noqa: PLC0415

        file.problems[_ACCOUNTS] = no_account()
    return _Check(sources.layers, file).settings()


def load_configuration(
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] = os.environ,
    secrets_dir: Path = SECRETS_DIR,
) -> Configuration:
    """Load the settings as `load_settings`, but accept that no account is configured yet.

    Raises:
        ConfigError: Lists every error.
    """
    sources = _read_sources(config_file, overrides, environ, secrets_dir)
    model: type[Settings] = Settings
    if not sources.mention(_ACCOUNTS):
        model = SettingsWithoutAccounts
        for layer in sources.offered:
            layer.problems.clear()  # the setup asks for a broker
    fixed = {
        path: entry.place
        for layer in reversed(sources.above)
        for path, entry in layer.entries.items()
    }
    check = _Check(sources.layers, sources.file)
    settings = check.settings(model)
    if not settings.accounts and not settings.http.enabled:
        settings = check.settings()  # without a page there is no setup: no account is an error
    is_broker_offered = any(layer.mentions(("mqtt", "host")) for layer in sources.offered)
    return Configuration(
        settings=settings,
        fixed=fixed,
        is_broker_offered=is_broker_offered,
        new_token=sources.new_token,
    )


def _read_sources(
    config_file: Path | None,
    overrides: Iterable[str],
    environ: Mapping[str, str],
    secrets_dir: Path,
) -> _Sources:
    above = [
        read_options(overrides),
        read_environment(environ),
        read_secret_files(environ, secrets_dir),
    ]
    offered: list[Layer] = []
    try:
        file = find_file(config_file, environ)
        is_app = file is not None and file.name == OPTIONS_FILE
        in_file = [read_yaml(file, keys())] if file is not None and not is_app else []
        saved = read_settings_file(_data_dir([*above, *in_file]))
        if file is not None and is_app:
            from bmw2mqtt.config.app import read_app  # noqa: PLC0415

            is_broker_set = any(layer.mentions(("mqtt", "host")) for layer in (*above, saved))
            in_file, offered = read_app(file, environ, is_broker_set=is_broker_set)
    except Unreadable as error:
        raise ConfigError([str(error), *_lines(above)]) from error
    above += in_file
    new_token = _add_token(above, saved)
    return _Sources(above, saved, offered, in_file[0] if in_file else None, is_app, new_token)


def _add_token(above: Sequence[Layer], saved: Layer) -> str | None:
    """Make a token for a page that is open to the network and has none; return it."""
    entries = ChainMap(*(layer.entries for layer in (*above, saved)))
    host = entries.get(_HTTP_HOST)
    if host is None or is_loopback(str(host.value)) or _HTTP_TOKEN in entries:
        return None
    enabled = entries.get(_HTTP_ENABLED)
    if is_home_assistant_app() or (enabled and str(enabled.value).lower() in _OFF):
        return None
    token = secrets.token_urlsafe(24)
    saved.entries[_HTTP_TOKEN] = Entry(token, saved.spell(_HTTP_TOKEN))
    return token


def _data_dir(layers: Sequence[Layer]) -> Path:
    """Return the folder with `settings.yaml`; if its path is not valid, that is reported later."""
    for layer in layers:
        if entry := layer.entries.get(("data_dir",)):
            with suppress(ValueError, RuntimeError):
                return expanded(Path(entry.value))
    default: Path = Settings.model_fields["data_dir"].default
    return default


def _lines(layers: Sequence[Layer]) -> Iterator[str]:
    for layer in reversed(layers):
        yield from layer.problems.values()


class _Check:
    """Builds the settings from the layers, or one line per error."""

    def __init__(self, layers: Sequence[Layer], file_layer: Layer | None) -> None:
        self._layers = layers
        self._file = file_layer
        self._entries = ChainMap(*(layer.entries for layer in layers))

    def settings(self, model: type[Settings] = Settings) -> Settings:
        problems = [
            *_lines(self._layers),
            *example_values(self._entries),
            *self._shared_topics(),
            *self._shared_client(),
        ]
        settings = None
        try:
            settings = model.from_layers(*(layer.nested() for layer in self._layers))
        except ValidationError as error:
            problems += [self._line(found) for found in error.errors() if not self._known(found)]
        if settings is None or problems:
            # Pydantic's error is not chained: it holds the values, and so the secrets.
            raise ConfigError(problems) from None
        return settings

    def _shared_topics(self) -> Iterator[str]:
        """Not a validator of the model: that would run only when everything else is valid."""
        base = self._entries.get(
            _BASE_TOPIC, Entry(Mqtt.model_fields["base_topic"].default, dotted(_BASE_TOPIC))
        )
        prefix = self._entries.get(
            _DISCOVERY_PREFIX, Entry(HomeAssistant.model_fields["discovery_prefix"].default, "")
        )
        if base.value == prefix.value:
            place = base.place if _BASE_TOPIC in self._entries else prefix.place
            yield (
                f"{place}: mqtt.base_topic and homeassistant.discovery_prefix are both"
                f" {quoted(base.value)}; give them different topics"
            )
        owners = ((_BASE_TOPIC, str(base.value)), (_DISCOVERY_PREFIX, str(prefix.value)))
        yield from self._relays_among_own_topics(owners)
        yield from self._relays_read_by_ourselves()

    def _of_accounts(self, name: str) -> list[tuple[str, Entry]]:
        """Return a setting of all accounts, each with its full name."""
        return [
            (dotted(path), entry)
            for path, entry in self._entries.items()
            if path[:1] == ("accounts",) and path[2:] == (name,) and entry.value
        ]

    def _relays_among_own_topics(self, owners: Sequence[tuple[KeyPath, str]]) -> Iterator[str]:
        for key, owner in owners:
            where = f"{dotted(key)}, where bmw2mqtt's own topics are"
            for _, relay in self._of_accounts("relay_prefix"):
                if str(relay.value).startswith(f"{owner}/"):
                    yield (
                        f"{relay.place}: {quoted(relay.value)} is inside {where};"
                        " choose another, for example bmw/"
                    )
            for _, source in self._of_accounts("stream_topic"):
                topics = _below(source)
                if topics.startswith(f"{owner}/") or owner.startswith(topics):
                    yield (
                        f"{source.place}: {quoted(source.value)} overlaps {where};"
                        " write the topic below which the other program publishes"
                    )

    def _relays_read_by_ourselves(self) -> Iterator[str]:
        """A message that is read where it was relayed would go round for ever."""
        for name, source in self._of_accounts("stream_topic"):
            topics = _below(source)
            for _, relay in self._of_accounts("relay_prefix"):
                prefix = str(relay.value)
                if prefix.startswith(topics) or topics.startswith(prefix):
                    yield (
                        f"{relay.place}: {quoted(prefix)} overlaps {name}"
                        f" {quoted(source.value)}; choose another prefix, or remove it"
                    )

    def _shared_client(self) -> Iterator[str]:
        """BMW limits stream connections and daily requests per client ID."""
        first: dict[str, str] = {}
        for path, entry in sorted(self._entries.items()):
            if path[0] != "accounts" or path[2:] != ("client_id",):
                continue
            client = str(entry.value).lower()
            if client in first:
                yield (
                    f"{entry.place}: already used by account {first[client]}; remove one of them"
                )
            first.setdefault(client, path[1])

    def _known(self, error: ErrorDetails) -> bool:
        """Return whether a layer has reported this value's own error already."""
        path = _path(error)
        bad = {path for layer in self._layers for path in layer.problems}
        if path == ("accounts",):
            return any(key[0] == "accounts" for key in bad)
        return any(path[:length] in bad for length in range(1, len(path) + 1))

    def _line(self, error: ErrorDetails) -> str:
        path, text = _path(error), error["msg"]
        if path == ("accounts",) and self._file is None:
            text += f" (no file was found; looked for {' and '.join(map(str, DEFAULT_FILES))})"
        if error["type"] == "missing":
            text = f"missing; {self._how_to_add(path)}"
        elif error["type"] == "union_tag_not_found":
            if hint := misspelt_account(self._entries, path[1]):
                return hint
            choices = " or ".join(f"{n} ({model.summary})" for n, model in ACCOUNT_SETTINGS.items())
            text = f"missing; use {choices}"
        elif error["type"] == "union_tag_invalid":
            value = quoted(self._entries[path].value)
            text = f"{value} is not a valid backend; use {' or '.join(ACCOUNT_SETTINGS)}"
        elif error["type"] == "extra_forbidden":
            other = next(name for name, known in backend_keys().items() if path[-1] in known)
            text = f"belongs to backend {other}; remove it or set backend: {other}"
        return f"{self._place(path)}: {text}"

    def _how_to_add(self, path: KeyPath) -> str:
        remedy = _MISSING.get(path[-1], "add it")
        if path[-1] == "password":
            return f"{remedy}, or set {variable(path)} or {variable(path)}_FILE"
        return remedy

    def _place(self, path: KeyPath) -> str:
        """Return where the value is, or where it should be: next to its neighbours."""
        if path in self._entries:
            return self._entries[path].place
        if len(path) > 1:
            for layer in reversed(self._layers):
                if layer.mentions(path[:-1]):
                    return layer.spell(path)
        return self._file.spell(path) if self._file else dotted(path)


def _path(error: ErrorDetails) -> KeyPath:
    """Return the path of the bad key, without the parts that pydantic inserts."""
    path = [str(part) for part in error["loc"] if part != "[key]"]
    if path[0] == "accounts" and path[2:3] and path[2] in ACCOUNT_SETTINGS:
        del path[2]
    if error["type"].startswith("union_tag"):
        path.append("backend")
    return tuple(path)


def _below(source: Entry) -> str:
    """Return the topics that `stream_topic` means, as `CarDataSettings.stream_topics` does."""
    return f"{str(source.value).rstrip('/')}/"
