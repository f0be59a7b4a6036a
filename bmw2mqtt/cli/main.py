"""The command line. It imports what a command needs when the command is known."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bmw2mqtt import __version__

TYPE_CHECKING = False  # type checkers know the name; `typing` takes a while to import
if TYPE_CHECKING:
    from bmw2mqtt.config import Settings

EXIT_OK, EXIT_FAILURE, EXIT_CONFIG = 0, 1, 2
Arguments = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status (see README.md, Commands)."""
    _heed_sigterm_as_pid_1()
    parsed = _parser().parse_args(arguments)
    run: Callable[[Arguments], int] = parsed.run
    try:
        status = run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `bmw2mqtt entities | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return EXIT_FAILURE
    except Exception as error:
        from bmw2mqtt.vehicle.errors import ConfigError  # noqa: PLC0415 - not for a health check

        if not isinstance(error, ConfigError):
            raise
        _print_problems(error.problems)  # what only shows when it is used
        return EXIT_CONFIG
    return status


def _heed_sigterm_as_pid_1() -> None:
    """Let SIGTERM end the first process of a container, for which the kernel has no default.

    Without it `docker stop` waits ten seconds for a container that has only just been started.
    """
    if os.getpid() == 1:
        import signal  # noqa: PLC0415

        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bmw2mqtt", description="Brings BMW, MINI and Supra cars to any MQTT broker."
    )
    parser.add_argument("--version", action="version", version=f"bmw2mqtt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Arguments], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    with_settings = [
        add("run", _run, "the daemon"),
        check := add("check", _check, "read the configuration and say what is wrong with it"),
        login := add("login", _login, "log in to BMW and store the tokens"),
        cleanup := add("cleanup", _cleanup, "delete every topic that bmw2mqtt has published"),
        health := add("healthcheck", _healthcheck, "is the running daemon connected and alive?"),
    ]
    demo = add("demo", _demo, "everything with an embedded broker and a simulated BMW")
    add("entities", _entities, "print every entity with its topic, unit and command")
    for command in with_settings:
        command.add_argument("--config", type=Path, metavar="FILE", help="YAML file")
        command.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="override one setting, for example --option mqtt.host=broker (repeatable)",
        )
    check.add_argument(
        "--connect",
        action="store_true",
        help="try the broker and each login too; prints a report without secrets for an issue",
    )
    cleanup.add_argument(
        "--dry-run", action="store_true", help="only print the topics that would be deleted"
    )
    cleanup.add_argument(
        "--force", action="store_true", help="delete them even while the bridge is running"
    )
    health.add_argument(
        "--alive", action="store_true", help="only whether it is alive, even without its broker"
    )
    login.add_argument("account", metavar="ACCOUNT", help="its name in the configuration")
    demo.add_argument("--bind", default="127.0.0.1", help="address of the embedded broker")
    demo.add_argument("--port", type=int, default=1883, help="port of the embedded broker")
    demo.add_argument("--data-dir", type=Path, help="keep the demo's files here")
    return parser


def _load(parsed: Arguments) -> "Settings | None":
    """Load the settings, or print everything that is wrong with them."""
    from bmw2mqtt.config import load_settings  # noqa: PLC0415
    from bmw2mqtt.vehicle.errors import ConfigError  # noqa: PLC0415

    try:
        return load_settings(parsed.config, parsed.option)
    except ConfigError as error:
        _print_problems(error.problems)
        return None


def _print_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


def _run(parsed: Arguments) -> int:
    settings = _load(parsed)
    if settings is None:
        return EXIT_CONFIG
    from bmw2mqtt.daemon import run_and_leave  # noqa: PLC0415

    return run_and_leave(settings)


def _demo(parsed: Arguments) -> int:
    try:
        from bmw2mqtt.demo import DemoError, run  # noqa: PLC0415
    except ImportError as error:
        print(f"the demo needs more ({error.name}): pip install 'bmw2mqtt[demo]'", file=sys.stderr)
        return EXIT_FAILURE
    try:
        return run(bind=parsed.bind, port=parsed.port, data_dir=parsed.data_dir)
    except DemoError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE


def _check(parsed: Arguments) -> int:
    settings = _load(parsed)
    if settings is None:
        return EXIT_CONFIG
    from bmw2mqtt.cli.check import problems_in_use  # noqa: PLC0415

    if problems := problems_in_use(settings):
        _print_problems(problems)
        return EXIT_CONFIG
    for warning in settings.warnings():
        print(f"warning: {warning}")
    if parsed.connect:
        return _check_connect(settings)
    accounts = ", ".join(f"{name} ({a.backend})" for name, a in settings.accounts.items())
    print(f"configuration is valid: broker {settings.mqtt.host}:{settings.mqtt.port}, {accounts}")
    return EXIT_OK


def _check_connect(settings: "Settings") -> int:
    from bmw2mqtt import log  # noqa: PLC0415
    from bmw2mqtt.cli.check import try_everything  # noqa: PLC0415
    from bmw2mqtt.cli.status_report import report  # noqa: PLC0415
    from bmw2mqtt.daemon import leave  # noqa: PLC0415

    log.hide("settings", settings.secrets())
    log.set_up("error", "console")
    broker, accounts, has_hanging_threads = try_everything(settings)
    print(report(settings, broker, accounts))
    is_well = broker.is_well and all(account.is_well for account in accounts)
    status = EXIT_OK if is_well else EXIT_CONFIG
    return leave(status) if has_hanging_threads else status


def _login(parsed: Arguments) -> int:
    settings = _load(parsed)
    if settings is None:
        return EXIT_CONFIG
    from bmw2mqtt import log  # noqa: PLC0415
    from bmw2mqtt.accounts.backend import Terminal  # noqa: PLC0415
    from bmw2mqtt.cli.login import log_in  # noqa: PLC0415
    from bmw2mqtt.mqtt.errors import BrokerError  # noqa: PLC0415
    from bmw2mqtt.vehicle.errors import AccountError, ConfigError  # noqa: PLC0415

    log.hide("settings", settings.secrets())
    log.set_up("error", "console")
    try:
        print(log_in(settings, parsed.account, Terminal(input, partial(print, flush=True))))
    except (AccountError, BrokerError, ConfigError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    except (EOFError, KeyboardInterrupt):
        print("nothing was sent to BMW", file=sys.stderr)
        return EXIT_FAILURE
    return EXIT_OK


def _entities(_: Arguments) -> int:
    from bmw2mqtt.accounts.backends import entity_tables  # noqa: PLC0415
    from bmw2mqtt.entities.reference import reference  # noqa: PLC0415

    print(reference(entity_tables()))
    return EXIT_OK


def _cleanup(parsed: Arguments) -> int:
    settings = _load(parsed)
    if settings is None:
        return EXIT_CONFIG
    from bmw2mqtt.accounts.data_folder import is_in_use  # noqa: PLC0415
    from bmw2mqtt.mqtt.errors import BrokerError  # noqa: PLC0415
    from bmw2mqtt.mqtt.tools.cleanup import DaemonRunning, remove_everything  # noqa: PLC0415

    try:
        if not (parsed.dry_run or parsed.force) and is_in_use(settings.data_dir):
            raise DaemonRunning(f"it uses {settings.data_dir}")  # noqa: TRY301
        topics = remove_everything(
            settings.mqtt,
            settings.homeassistant.discovery_prefix,
            settings.relay_prefixes(),
            is_dry_run=parsed.dry_run,
            is_forced=parsed.force,
        )
    except DaemonRunning as sign:
        print(
            f"bmw2mqtt is running ({sign}). Stop it first. If it is not running any more, or you"
            " want to delete its topics all the same, add --force.",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    except BrokerError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    if parsed.dry_run:
        print("".join(f"{topic}\n" for topic in topics), end="")
    noun = "retained topic" if len(topics) == 1 else "retained topics"
    print(f"{len(topics)} {noun} {'would be removed' if parsed.dry_run else 'removed'}")
    return EXIT_OK


def _healthcheck(parsed: Arguments) -> int:
    """Find `data_dir` without the settings' machinery, which takes longer than the check."""
    from bmw2mqtt.health import problem  # noqa: PLC0415

    try:
        named = _option(parsed, "data_dir") or _data_dir(parsed.config)
        data_dir = Path(named.removeprefix("\ufeff").rstrip("\r\n")).expanduser()
    except (ValueError, RuntimeError) as error:
        found: str | None = str(error)
    else:
        found = problem(data_dir, needs_broker=not parsed.alive)
    if found is None:
        return EXIT_OK
    print(found, file=sys.stderr)
    return EXIT_FAILURE


def _option(parsed: Arguments, name: str) -> str | None:
    prefix = f"{name}="
    values = [o.removeprefix(prefix) for o in parsed.option if o.startswith(prefix)]
    return values[-1] if values else None


def _data_dir(config: Path | None) -> str:
    """Return what is set.

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


def _read(path: Path) -> "dict[object, object]":
    """Read a YAML file; `bmw2mqtt check` says better what is wrong with it, but takes longer."""
    import yaml  # noqa: PLC0415

    from bmw2mqtt.files import read_named  # noqa: PLC0415

    remedy = "bmw2mqtt check says more"
    try:
        document = yaml.safe_load(read_named(path).decode("utf-8-sig")) or {}
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {remedy}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 text; {remedy}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: is no YAML; {remedy}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{path}: is no mapping; {remedy}")  # noqa: TRY004 - the file's fault
    return document
