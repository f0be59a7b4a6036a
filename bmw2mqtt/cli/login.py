"""`bmw2mqtt login`: log in on the terminal, with or without a running daemon."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial

from bmw2mqtt import log
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.config import Account, CarDataSettings, MyBmwSettings, Settings, load_settings
from bmw2mqtt.config.text import captcha_token
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse

Ask = Callable[[str], str]
Say = Callable[[str], None]


def run(arguments: argparse.Namespace) -> int:
    """Log in and print the result; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    log.hide("settings", settings.secrets())
    log.set_up("error", "console")
    try:
        print(log_in(settings, arguments.account, input, partial(print, flush=True)))
    except (AccountError, BrokerError, ConfigError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    except (EOFError, KeyboardInterrupt):
        print("nothing was sent to BMW", file=sys.stderr)
        return EXIT_FAILURE
    return EXIT_OK


def log_in(settings: Settings, name: str, ask: Ask, say: Say) -> str:
    """Log in and save the tokens; return the result for the person.

    Args:
        settings: the configuration.
        name: the account.
        ask: prints a prompt and returns what the person typed.
        say: prints a line.

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
        return _hand_over(settings, name, account, ask, say)
    try:
        return asyncio.run(_log_in_here(name, account, store, ask, say))
    finally:
        store.close()


def _captcha(account: MyBmwSettings, ask: Ask) -> str | None:
    from bmw2mqtt.accounts.mybmw.auth.account import captcha_page  # noqa: PLC0415 - heavy

    page = captcha_page(account.region)
    if page is None:
        return None
    given = ask(f"1. Solve BMW's captcha: {page}\n2. Paste its token here: ")
    if not given.strip():
        raise AccountError("no token was entered; nothing was sent to BMW")
    token = captcha_token(given)
    if token is None:
        raise AccountError(
            "this is not a captcha token. Copy all of it (one long line without spaces) and try"
            " again; nothing was sent to BMW"
        )
    return token


def _show_code(say: Say, url: str, user_code: str, expires_at: datetime | str | None) -> None:
    until = f" (until {expires_at:%H:%M} UTC)" if isinstance(expires_at, datetime) else ""
    say(f"1. Open {url}\n2. Log in, check that it shows {user_code}{until}, and confirm")
    say("3. Wait for BMW's success page …")


async def _log_in_here(name: str, account: Account, store: Store, ask: Ask, say: Say) -> str:
    tls = client_context(name, account.ca_file)
    match account:
        case MyBmwSettings():
            from bmw2mqtt.accounts.mybmw.check import try_login  # noqa: PLC0415 - heavy

            token = _captcha(account, ask)
            count = await try_login(name, account, store, tls, captcha_token=token)
            return f"logged in, {count} cars; the tokens are in {store.directory}"
        case CarDataSettings():
            from bmw2mqtt.accounts.cardata import check  # noqa: PLC0415 - heavy

            await check.log_in(
                name,
                account,
                store,
                tls,
                lambda codes: _show_code(
                    say, codes.verification_url, codes.user_code, codes.expires_at
                ),
            )
            return f"logged in; the tokens are in {store.directory}"


def _hand_over(settings: Settings, name: str, account: Account, ask: Ask, say: Say) -> str:
    """Let the running daemon log in, because it has the tokens; return the result."""
    from bmw2mqtt.mqtt.tools.daemon_login import DaemonLogin  # noqa: PLC0415 - heavy

    talk = DaemonLogin(settings.mqtt, settings.homeassistant.discovery_prefix, name)
    if isinstance(account, CarDataSettings):
        status, message = asyncio.run(
            talk.ask_for_code(lambda url, code: _show_code(say, url, code, None))
        )
        also = "" if status == "ok" else f"; the account is {status}"
        return f"the running daemon is logged in{also}" + (
            f": {message}" if also and message else ""
        )
    status, message = asyncio.run(talk.hand_over(_captcha(account, ask) or "-"))
    if status == "ok":
        return "the running daemon is logged in"
    raise AccountError(f"{status}: {message}" if message else f"the account is {status}")
