"""The backend `mybmw`: the BMW app's interface, with commands. Imports its library when used."""

import ssl
from typing import Final

from bmw2mqtt.accounts.account import Account, AccountListener
from bmw2mqtt.accounts.backend import Backend, Terminal
from bmw2mqtt.accounts.mybmw.traits import MYBMW_TRAITS
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings
from bmw2mqtt.config.text import captcha_token
from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.vehicle.errors import AccountError


def _make_account(
    name: str,
    settings: MyBmwSettings,
    *,
    store: Store,
    listener: AccountListener,
    tls: ssl.SSLContext,
) -> Account:
    from bmw2mqtt.accounts.mybmw.account import MyBmwAccount  # noqa: PLC0415 - heavy

    return MyBmwAccount(name, settings, store=store, listener=listener, tls=tls)


async def _try_login(
    name: str,
    settings: MyBmwSettings,
    store: Store,
    tls: ssl.SSLContext,
    token: str | None = None,
) -> str:
    from bmw2mqtt.accounts.mybmw.check import try_login  # noqa: PLC0415 - heavy

    count = await try_login(name, settings, store, tls, captcha_token=token)
    return f"logged in, {count} {'car' if count == 1 else 'cars'}"


async def _log_in(
    name: str, settings: MyBmwSettings, store: Store, tls: ssl.SSLContext, terminal: Terminal
) -> str:
    return await _try_login(name, settings, store, tls, _ask_for_token(settings, terminal))


def _ask_for_token(settings: MyBmwSettings, terminal: Terminal) -> str | None:
    from bmw2mqtt.accounts.mybmw.auth.account import captcha_page  # noqa: PLC0415 - heavy

    page = captcha_page(settings.region)
    if page is None:
        return None
    given = terminal.ask(f"1. Solve BMW's captcha: {page}\n2. Paste its token here: ")
    if not given.strip():
        raise AccountError("no token was entered; nothing was sent to BMW")
    token = captcha_token(given)
    if token is None:
        raise AccountError(
            "this is not a captcha token. Copy all of it (one long line without spaces) and try"
            " again; nothing was sent to BMW"
        )
    return token


MYBMW: Final = Backend(
    traits=MYBMW_TRAITS,
    settings=MyBmwSettings,
    entities=lambda: vehicle_entities(has_commands=True, has_readings=False),
    make_account=_make_account,
    try_login=_try_login,
    log_in=_log_in,
    ask_for_token=_ask_for_token,
)
