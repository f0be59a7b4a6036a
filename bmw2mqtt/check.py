"""`bmw2mqtt check --connect`: does the broker let the bridge in, and does BMW?"""

import asyncio

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataAccount, Settings
from bmw2mqtt.mqtt.check import try_broker
from bmw2mqtt.vehicle.errors import AccountError, ConfigError


async def try_everything(settings: Settings) -> list[tuple[str, str, bool]]:
    """Try the broker and each login; return what was tried, how it went, and whether it is well."""
    broker = await try_broker(settings.mqtt)
    results = [("broker", broker or "connected", broker is None)]
    store = Store(settings.data_dir)
    try:
        store.open()
    except ConfigError:
        # The running daemon has the tokens; a second login would spoil them.
        said = "in use by the running daemon: see its status topic"
        return [*results, *((f"account {name}", said, True) for name in settings.accounts)]
    try:
        for name, account in settings.accounts.items():
            results.append((f"account {name}", *await _try_login(name, account, store)))
    finally:
        store.close()
    return results


async def _try_login(name: str, settings: object, store: Store) -> tuple[str, bool]:
    if isinstance(settings, CarDataAccount):
        return "backend cardata is not available in this version", False
    from bmw2mqtt.accounts.mybmw.check import try_login  # noqa: PLC0415 - imports the library
    from bmw2mqtt.config import MyBmwAccount  # noqa: PLC0415

    assert isinstance(settings, MyBmwAccount)  # noqa: S101 - the only other backend
    tls = await asyncio.to_thread(client_context, name, settings.ca_file)
    try:
        cars = await try_login(name, settings, store, tls)
    except AccountError as error:
        return str(error), False
    return f"logged in, {cars} cars", True
