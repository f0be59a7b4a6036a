"""`bmw2mqtt login`: log in on the terminal, with or without a running daemon."""

import argparse
import asyncio
import sys
from functools import partial

from bmw2mqtt import log
from bmw2mqtt.accounts.backend import Terminal
from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.config import AccountSettings, Settings, load_settings
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.translations import without_next_try
from bmw2mqtt.vehicle.account import LoginKind
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse


def run(arguments: argparse.Namespace) -> int:
    """Log in and print the result; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    log.hide("settings", settings.secrets())
    log.set_up("error", "console")
    try:
        print(log_in(settings, arguments.account, Terminal(input, partial(print, flush=True))))
    except (AccountError, BrokerError) as error:
        print(without_next_try(str(error)), file=sys.stderr)
        return EXIT_FAILURE
    except (EOFError, KeyboardInterrupt):
        print("nothing was sent to BMW", file=sys.stderr)
        return EXIT_FAILURE
    return EXIT_OK


def log_in(settings: Settings, name: str, terminal: Terminal) -> str:
    """Log in and save the tokens; return the result for the person.

    Raises:
        ConfigError: there is no such account, or `data_dir` cannot be used.
        AccountError: BMW refuses, or cannot be reached.
        BrokerError: a daemon is running, and its broker cannot be reached.
    """
    account = settings.accounts.get(name)
    if account is None:
        known = ", ".join(settings.accounts)
        raise ConfigError([f"no account is named {name}; the configuration has: {known}"])
    store = Store(settings.data_dir)
    try:
        store.open()
    except StoreInUse:
        return _log_in_with_daemon(settings, name, account, terminal)
    tls = client_context(name, account.certificate_authority)
    backend = BACKENDS[account.backend]
    try:
        result = asyncio.run(backend.log_in(name, account, store, tls, terminal))
    finally:
        store.close()
    return f"{result}; the tokens are in {store.directory}"


def _log_in_with_daemon(
    settings: Settings, name: str, account: AccountSettings, terminal: Terminal
) -> str:
    """Let the running daemon log in, because it has the tokens; return the result."""
    from bmw2mqtt.mqtt.tools.daemon_login import DaemonLogin  # noqa: PLC0415 - heavy

    backend = BACKENDS[account.backend]
    daemon = DaemonLogin(settings.mqtt, settings.homeassistant.discovery_prefix, name)
    daemon.verify_account()
    if backend.traits.login is LoginKind.DEVICE_CODE:
        status, message = asyncio.run(daemon.ask_for_code(terminal.show_code))
        also = "" if status == "ok" else f"; the account is {status}"
        return f"the running daemon is logged in{also}" + (
            f": {message}" if also and message else ""
        )
    token = backend.ask_for_token(account, terminal)
    status, message = asyncio.run(daemon.hand_over(token or "-"))
    if status == "ok":
        return "the running daemon is logged in"
    raise AccountError(f"{status}: {message}" if message else f"the account is {status}")
