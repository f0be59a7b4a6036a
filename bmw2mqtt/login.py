"""`bmw2mqtt login`: a login on the terminal, beside a running daemon or without one."""

import asyncio
from collections.abc import Callable

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataAccount, MyBmwAccount, Settings
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse


def log_in(settings: Settings, name: str, ask: Callable[[str], str]) -> str:
    """Log in and store the tokens; return what to tell the person.

    Args:
        settings: the configuration.
        name: the account.
        ask: prints a prompt and returns what the person typed.

    Raises:
        ConfigError: there is no such account, or `data_dir` cannot be used.
        AccountError: BMW refuses, or cannot be reached.
        BrokerError: a daemon is running, and its broker cannot be reached.
    """
    account = settings.accounts.get(name)
    if account is None:
        known = ", ".join(settings.accounts)
        raise ConfigError([f"there is no account {name}; the configuration has: {known}"])
    if isinstance(account, CarDataAccount):
        raise ConfigError([f"accounts.{name}: backend cardata is not available in this version"])
    store = Store(settings.data_dir)
    try:
        store.open()
    except StoreInUse:
        return _hand_over(settings, name, account, ask)
    try:
        return asyncio.run(_log_in_here(name, account, store, ask))
    finally:
        store.close()


def _captcha(account: MyBmwAccount, ask: Callable[[str], str]) -> str | None:
    from bmw2mqtt.accounts.mybmw.library import captcha_page  # noqa: PLC0415 - heavy

    page = captcha_page(account.region)
    if page is None:
        return None
    token = ask(f"1. Solve BMW's captcha: {page}\n2. Paste its token here: ").strip()
    if not token:
        raise AccountError("no token was given; nothing was sent to BMW")
    return token


async def _log_in_here(
    name: str, account: MyBmwAccount, store: Store, ask: Callable[[str], str]
) -> str:
    from bmw2mqtt.accounts.mybmw.check import try_login  # noqa: PLC0415 - heavy

    token = _captcha(account, ask)
    tls = client_context(name, account.ca_file)
    count = await try_login(name, account, store, tls, captcha_token=token)
    return f"logged in, {count} cars; the tokens are in {store.directory}"


def _hand_over(
    settings: Settings, name: str, account: MyBmwAccount, ask: Callable[[str], str]
) -> str:
    """Give the token to the running daemon, which has the tokens; it says what becomes of it."""
    from bmw2mqtt.mqtt.login import hand_over  # noqa: PLC0415 - heavy

    status, message = asyncio.run(
        hand_over(
            settings.mqtt,
            settings.homeassistant.discovery_prefix,
            name,
            _captcha(account, ask) or "-",
        )
    )
    if status == "ok":
        return "the running daemon is logged in"
    raise AccountError(f"{status}: {message}" if message else f"the account is {status}")
