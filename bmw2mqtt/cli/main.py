"""The arguments of the command line. Each command has a module of its own with `run(arguments)`.

A command's module is imported once the command is known, and argparse is the only other import, so
that `--version`, `--help` and `healthcheck` are fast.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bmw2mqtt import __version__

EXIT_OK, EXIT_FAILURE, EXIT_CONFIG = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status (see docs/commands.md)."""
    _exit_on_sigterm_as_pid_1()
    known = parser()
    parsed = known.parse_args(arguments)
    if parsed.command is None:
        known.print_help()
        return EXIT_OK
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack characters such as ✔
    try:
        status: int = importlib.import_module(f"bmw2mqtt.cli.{parsed.command}").run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe: `bmw2mqtt entities | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return EXIT_FAILURE
    except Exception as error:
        from bmw2mqtt.vehicle import errors  # noqa: PLC0415 - not for a health check

        if isinstance(error, errors.ConfigError):
            print_problems(error.problems)
            return EXIT_CONFIG
        if not isinstance(error, errors.Bmw2MqttError):
            raise
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    return status


def print_problems(problems: Sequence[str]) -> None:
    """Print one line per configuration error on standard error."""
    for problem in problems:
        print(problem, file=sys.stderr)


def _exit_on_sigterm_as_pid_1() -> None:
    """End on SIGTERM even as the first process of a container, which has no default handler.

    Without this `docker stop` waits ten seconds for a container that has only just started.
    """
    if os.getpid() == 1:
        import signal  # noqa: PLC0415 - not for a health check

        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


GUIDE = "https://github.com/bmw2mqtt/bmw2mqtt"
_EPILOG = f"""\
configuration, highest precedence first:
  --option KEY=VALUE, environment variables such as BMW2MQTT_MQTT__HOST, files in /run/secrets, the
  YAML file (--config FILE, else $BMW2MQTT_CONFIG, else ./config.yaml, else /config/config.yaml),
  settings.yaml in data_dir, which the setup in the browser writes; the defaults

exit status:
  0  success
  1  failure
  2  error in the configuration or on the command line

{GUIDE}
"""
_CONFIG_HELP = "YAML file (default: $BMW2MQTT_CONFIG, ./config.yaml or /config/config.yaml)"
_STATUS = {
    "run": "0 after SIGTERM or Ctrl-C, 2 wrong configuration, 1 internal error",
    "check": "0 everything is well, 2 wrong configuration or a failed connection",
    "login": "0 logged in, 1 not logged in, 2 wrong configuration",
    "cleanup": "0 deleted, 1 bmw2mqtt is running or the broker refuses, 2 wrong configuration",
    "healthcheck": "0 alive and connected, 1 not, 2 wrong command line",
    "export": "0 printed, 1 there is no history, 2 wrong configuration",
    "dashboard": "0 printed, 1 no bmw2mqtt is running, or it has no car, 2 wrong configuration",
    "status": "0 everything is well, 1 not running, not connected, or an account needs attention,"
    " 2 wrong configuration",
    "demo": "0 after Ctrl-C, 1 the demo cannot start, 2 wrong command line",
    "entities": "0 printed, 2 wrong command line",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="bmw2mqtt",
        description="Brings BMW, MINI and Supra cars to any MQTT broker.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"bmw2mqtt {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.",
            epilog=f"exit status: {_STATUS[name]}",
        )

    with_settings = [
        add("run", "run the daemon"),
        check := add("check", "check the configuration; list every error and how to fix it"),
        login := add("login", "log in to BMW and save the tokens"),
        status := add("status", "show accounts, cars and next requests of the running daemon"),
        export := add("export", "print charging sessions, trips or their sums per month"),
        dashboard := add("dashboard", "print a Home Assistant dashboard for your cars"),
        cleanup := add("cleanup", "delete every topic that bmw2mqtt has published"),
        health := add("healthcheck", "check that the running daemon is alive and connected"),
    ]
    demo = add("demo", "run everything with an embedded broker and a simulated BMW")
    entities = add("entities", "print every entity with its topic, unit and command")
    for command in with_settings:
        command.add_argument("--config", type=Path, metavar="FILE", help=_CONFIG_HELP)
        command.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="override one setting, for example --option mqtt.host=broker (repeatable)",
        )
    _add_check(check)
    _add_export(export)
    _add_demo(demo)
    cleanup.add_argument(
        "--dry-run", action="store_true", help="only print the topics that would be deleted"
    )
    cleanup.add_argument(
        "--force", action="store_true", help="delete them even while bmw2mqtt is running"
    )
    health.add_argument(
        "--alive", action="store_true", help="only check that it is alive, even without its broker"
    )
    dashboard.add_argument(
        "--language", choices=("en", "de"), default="en", help="language of texts (default: en)"
    )
    login.add_argument("account", metavar="ACCOUNT", help="name of the account")
    for command in (status, entities):
        command.add_argument("--json", action="store_true", help="print JSON for programs")
    return top


def _add_check(check: argparse.ArgumentParser) -> None:
    check.add_argument("--connect", action="store_true", help="also try the broker and each login")
    check.add_argument(
        "--report",
        action="store_true",
        help="the same, printed as a report without secrets for an issue",
    )


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address of broker and page, 0.0.0.0 for the whole network (default: %(default)s)",
    )
    for name, what, port in (("port", "broker", 1883), ("page-port", "page", 8099)):
        demo.add_argument(
            f"--{name}",
            type=_port,
            default=port,
            metavar="PORT",
            help=f"port of the {what}; if it is in use, the next free one (default: %(default)s)",
        )
    demo.add_argument(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="keep the demo's files here (default: a temporary folder)",
    )


def _port(text: str) -> int:
    """Return a port.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    from bmw2mqtt.demo.broker import LAST_PORT  # noqa: PLC0415 - for the demo only

    if not text.isdecimal() or not 1 <= int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(
            f"{text} is not a valid port; use a number from 1 to {LAST_PORT}"
        )
    return int(text)


def _day(text: str) -> object:
    """Return a date; `ValueError` if it is none."""
    from datetime import date  # noqa: PLC0415 - not for a health check

    return date.fromisoformat(text)


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument(
        "what",
        choices=("charges", "trips", "readings"),
        help="charging sessions, trips, or sums per month",
    )
    export.add_argument("--vin", type=str.upper, help="only this car")
    for name, text in (("from", "first"), ("to", "last")):
        export.add_argument(
            f"--{name}",
            dest=f"{name}_date",
            type=_day,
            metavar="YYYY-MM-DD",
            help=f"the {text} day",
        )
    export.add_argument(
        "--format", choices=("csv", "json"), default="csv", help="json: lines (default: csv)"
    )
    export.add_argument(
        "--locale",
        choices=("en", "de"),
        default="en",
        help="de: CSV for a German Excel (default: en)",
    )
