"""`bmw2mqtt check`: what is wrong with the settings; do the broker and BMW let the bridge in?"""

import asyncio
from typing import NamedTuple

from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import AccountSettings, Settings
from bmw2mqtt.daemon import DaemonThreads
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport, Plan, try_broker
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.errors import AccountError, ConfigError, StoreInUse

WELL = {"ok", "starting", "paused"}
"""A running account's status with which nobody has to do anything."""
LIMIT_S = 25.0
"""How long everything together may take; the rest of half a minute is for starting and leaving."""
LEAVE_S = 1.0
DAEMON_KNOWN_S = 5.0
"""How long the broker may take to tell whether a daemon is running."""


class AccountReport(NamedTuple):
    """What was found out about one account."""

    name: str
    result: str
    is_well: bool


class Findings(NamedTuple):
    """What was found out by connecting."""

    broker: BrokerReport
    accounts: list[AccountReport]
    has_hanging_threads: bool
    """Whether a look-up of a host's name still hangs, for which the process need not wait."""


def problems_in_use(settings: Settings) -> tuple[str, ...]:
    """Return what shows only when the settings are used, such as a certificate that is none."""
    try:
        Bridge(settings)
        for name, account in settings.accounts.items():
            client_context(name, account.certificate_authority)
    except ConfigError as error:
        return error.problems
    return ()


def try_everything(settings: Settings) -> Findings:
    """Try the broker and each login; an account that a running daemon has is only asked about.

    Ends in less than half a minute, whatever the broker and BMW do.

    Raises:
        ConfigError: `data_dir` cannot be used.
    """
    threads = DaemonThreads()

    async def run() -> tuple[BrokerReport, list[AccountReport]]:
        asyncio.get_running_loop().set_default_executor(threads)
        return await _try_everything(settings)

    broker, accounts = asyncio.run(run())
    return Findings(broker, accounts, threads.are_hanging())


async def _try_everything(settings: Settings) -> tuple[BrokerReport, list[AccountReport]]:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + LIMIT_S
    report = BrokerReport()
    store = Store(settings.data_dir)
    is_running = False
    try:
        store.open()
    except StoreInUse:
        is_running = True
    try:
        broker = asyncio.create_task(
            try_broker(report, settings.mqtt, _plan(settings), is_daemon_running=is_running)
        )
        is_running |= await _is_beside_daemon(report, broker)
        logins = {
            name: asyncio.create_task(_try_login(name, account, store))
            for name, account in settings.accounts.items()
            if not is_running  # it has the tokens; a second login would spoil them
        }
        tasks = (broker, *logins.values())
        await asyncio.wait(tasks, timeout=max(0.0, end_s - loop.time()))
        is_broker_silent = not broker.done()
        results = {name: _result(task) for name, task in logins.items()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=LEAVE_S)
    finally:
        store.close()
    if is_broker_silent:
        place = f"{settings.mqtt.host}:{settings.mqtt.port}"
        report.problem = f"{place} does not answer in time ({report.step})"
    elif not broker.cancelled() and (error := broker.exception()):
        raise error
    if is_running:
        return report, [_of_running_daemon(name, report) for name in settings.accounts]
    return report, [AccountReport(name, *result) for name, result in results.items()]


async def _is_beside_daemon(report: BrokerReport, broker: asyncio.Task[None]) -> bool:
    """Return whether the broker knows a running daemon; a silent broker is not waited for."""
    known = asyncio.create_task(report.daemon_known.wait())
    await asyncio.wait((known, broker), timeout=DAEMON_KNOWN_S, return_when=asyncio.FIRST_COMPLETED)
    known.cancel()
    return report.is_beside_daemon


def _plan(settings: Settings) -> Plan:
    topics = Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)
    filters = [*topics.commands(), *topics.retained()]
    if settings.homeassistant.enabled:
        filters.append(settings.homeassistant.status_topic)
    return Plan(
        topics=topics,
        accounts=tuple(settings.accounts),
        filters=tuple(filters),
        is_discovery_used=settings.homeassistant.enabled,
        relay_prefixes=tuple(sorted(settings.relay_prefixes())),
    )


def _result(login: asyncio.Task[tuple[str, bool]]) -> tuple[str, bool]:
    if login.done():
        return login.result()
    return "BMW does not answer in time", False


def _of_running_daemon(name: str, broker: BrokerReport) -> AccountReport:
    if name not in broker.accounts:
        why = "in use by the running daemon, whose status topic cannot be read; see its log"
        return AccountReport(name, why, is_well=broker.problem is None)
    status, message = broker.accounts[name]
    said = f"the running daemon says {status}" + (f": {message}" if message else "")
    return AccountReport(name, said, is_well=status in WELL)


async def _try_login(name: str, settings: AccountSettings, store: Store) -> tuple[str, bool]:
    tls = await asyncio.to_thread(client_context, name, settings.certificate_authority)
    try:
        return await BACKENDS[settings.backend].try_login(name, settings, store, tls), True
    except AccountError as error:
        return str(error), False
