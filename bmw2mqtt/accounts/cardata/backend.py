"""The backend `cardata`: BMW's customer API, state only. Imports its libraries when used."""

import ssl
from typing import Final

from bmw2mqtt.accounts.account import Account, AccountListener
from bmw2mqtt.accounts.backend import Backend, Terminal
from bmw2mqtt.accounts.cardata.traits import CARDATA_TRAITS
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import CarDataSettings
from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.vehicle.errors import LoginRequired


def _make_account(
    name: str,
    settings: CarDataSettings,
    *,
    store: Store,
    listener: AccountListener,
    tls: ssl.SSLContext,
) -> Account:
    from bmw2mqtt.accounts.cardata.account import CarDataAccount  # noqa: PLC0415 - heavy

    return CarDataAccount(name, settings, store=store, listener=listener, tls=tls)


async def _try_login(
    name: str, settings: CarDataSettings, store: Store, tls: ssl.SSLContext
) -> str:
    from bmw2mqtt.accounts.cardata.check import try_login  # noqa: PLC0415 - heavy

    try:
        await try_login(name, settings, store, tls)
    except LoginRequired:
        if settings.stream_topics is None:
            raise
        return f"reads {settings.stream_topics}#; not logged in, which is optional here"
    return "logged in"


async def _log_in(
    name: str, settings: CarDataSettings, store: Store, tls: ssl.SSLContext, terminal: Terminal
) -> str:
    from bmw2mqtt.accounts.cardata.check import log_in  # noqa: PLC0415 - heavy

    await log_in(name, settings, store, tls, terminal)
    return "logged in"


CARDATA: Final = Backend(
    traits=CARDATA_TRAITS,
    settings=CarDataSettings,
    entities=lambda: vehicle_entities(has_commands=False, has_readings=True),
    make_account=_make_account,
    try_login=_try_login,
    log_in=_log_in,
)
