"""`bmw2mqtt check`: what is wrong with the settings; do the broker and BMW let the bridge in?"""

import asyncio

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Account, CarDataAccount, MyBmwAccount, Settings
from bmw2mqtt.mqtt.check import try_broker
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse


def problems_in_use(settings: Settings) -> tuple[str, ...]:
    """Return what shows only when the settings are used, such as a certificate that is none."""
    try:
        Bridge(settings)
        for name, account in settings.accounts.items():
            client_context(name, account.ca_file)
    except ConfigError as error:
        return error.problems
    return ()


async def try_everything(settings: Settings) -> list[tuple[str, str, bool]]:
    """Try the broker and each login; return what was tried, how it went, and whether it is well."""
    broker = await try_broker(settings.mqtt)
    results = [("broker", broker or "connected", broker is None)]
    store = Store(settings.data_dir)
    try:
        store.open()
    except StoreInUse:
        # The running daemon has the tokens; a second login would spoil them.
        said = "in use by the running daemon: see its status topic"
        return [*results, *((f"account {name}", said, True) for name in settings.accounts)]
    try:
        for name, account in settings.accounts.items():
            results.append((f"account {name}", *await _try_login(name, account, store)))
    finally:
        store.close()
    return results


async def _try_login(name: str, settings: Account, store: Store) -> tuple[str, bool]:
    tls = await asyncio.to_thread(client_context, name, settings.ca_file)
    try:
        match settings:
            case CarDataAccount():
                from bmw2mqtt.accounts.cardata import check as cardata  # noqa: PLC0415 - heavy

                await cardata.try_login(name, settings, store, tls)
                return "logged in", True
            case MyBmwAccount():
                from bmw2mqtt.accounts.mybmw.check import try_login  # noqa: PLC0415 - the library

                cars = await try_login(name, settings, store, tls)
                return f"logged in, {cars} cars", True
    except AccountError as error:
        return str(error), False
