"""`bmw2mqtt check`: what is wrong with the settings; do the broker and BMW let the bridge in?"""

import asyncio
from typing import NamedTuple

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Account, CarDataAccount, MyBmwAccount, Settings
from bmw2mqtt.mqtt.check import BrokerReport, try_broker
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse

WELL = {"ok", "starting", "paused"}
"""A running account's status with which nobody has to do anything."""


class AccountReport(NamedTuple):
    """What was found out about one account."""

    name: str
    result: str
    is_well: bool


def problems_in_use(settings: Settings) -> tuple[str, ...]:
    """Return what shows only when the settings are used, such as a certificate that is none."""
    try:
        Bridge(settings)
        for name, account in settings.accounts.items():
            client_context(name, account.ca_file)
    except ConfigError as error:
        return error.problems
    return ()


async def try_everything(settings: Settings) -> tuple[BrokerReport, list[AccountReport]]:
    """Try the broker and each login; an account that a daemon looks after is only asked about."""
    broker = await try_broker(
        settings.mqtt,
        Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix),
        settings.accounts,
        discovery=settings.homeassistant.enabled,
    )
    store = Store(settings.data_dir)
    try:
        store.open()
    except StoreInUse:
        # The running daemon has the tokens; a second login would spoil them.
        return broker, [_of_running_daemon(name, broker) for name in settings.accounts]
    accounts = []
    try:
        for name, account in settings.accounts.items():
            accounts.append(AccountReport(name, *await _try_login(name, account, store)))
    finally:
        store.close()
    return broker, accounts


def _of_running_daemon(name: str, broker: BrokerReport) -> AccountReport:
    if name not in broker.accounts:
        why = "in use by the running daemon, whose status topic cannot be read; see its log"
        return AccountReport(name, why, is_well=broker.problem is None)
    status, message = broker.accounts[name]
    said = f"the running daemon says {status}" + (f": {message}" if message else "")
    return AccountReport(name, said, is_well=status in WELL)


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
