"""`bmw2mqtt healthcheck`: is the running daemon alive and connected?

Runs every half minute in a container, so it finds `data_dir` without loading the settings, which
would take longer than the check itself.
"""

import argparse
import os
import sys
from pathlib import Path

from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.health import is_waiting_for_setup, problem


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong, if anything; return the exit status."""
    try:
        named = _option(arguments, "data_dir") or _data_dir(arguments.config)
        data_dir = Path(named.removeprefix("\ufeff").rstrip("\r\n")).expanduser()
    except (ValueError, RuntimeError) as error:
        found: str | None = str(error)
    else:
        found = problem(data_dir, needs_broker=not arguments.alive)
    if found is None:
        if sys.stdout.isatty():
            print(f"bmw2mqtt is running{'' if arguments.alive else _state(data_dir)}")
        return EXIT_OK
    print(found, file=sys.stderr)
    return EXIT_FAILURE


def _state(data_dir: Path) -> str:
    if is_waiting_for_setup(data_dir):
        return " and waits for its setup in the browser; its log shows the link"
    return " and connected to the MQTT broker"


def _option(arguments: argparse.Namespace, name: str) -> str | None:
    prefix = f"{name}="
    values = [o.removeprefix(prefix) for o in arguments.option if o.startswith(prefix)]
    return values[-1] if values else None


def _data_dir(config: Path | None) -> str:
    """Return the configured data folder.

    Raises:
        ValueError: the YAML file cannot be used; the message says why.
    """
    if directory := os.environ.get("BMW2MQTT_DATA_DIR"):
        return directory
    named = config or os.environ.get("BMW2MQTT_CONFIG")
    for path in [Path(named)] if named else [Path("config.yaml"), Path("/config/config.yaml")]:
        if path.is_file():
            return str(_read(path).get("data_dir") or "data")
    return "data"


def _read(path: Path) -> dict[object, object]:
    """Read a YAML file. `bmw2mqtt check` reports errors in more detail, but takes longer."""
    import yaml  # noqa: PLC0415 - not needed if a variable or an option names the folder

    from bmw2mqtt.files import read_named  # noqa: PLC0415

    remedy = "run bmw2mqtt check for details"
    try:
        document = yaml.safe_load(read_named(path).decode("utf-8-sig")) or {}
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {remedy}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 text; {remedy}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: is not valid YAML; {remedy}") from error
    if not isinstance(document, dict):
        raise ValueError(  # noqa: TRY004 - the file's fault
            f"{path}: does not contain settings; {remedy}"
        )
    return document
