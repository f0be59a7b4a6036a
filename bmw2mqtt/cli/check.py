"""`bmw2mqtt check`: is the configuration valid, and can the broker and BMW be reached with it?"""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence

from bmw2mqtt import log
from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.data_folder import folder_problem
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.check_mark import mark
from bmw2mqtt.cli.main import EXIT_CONFIG, EXIT_OK, print_problems
from bmw2mqtt.cli.status import HEALTHY
from bmw2mqtt.config import AccountSettings, Settings, load_settings
from bmw2mqtt.daemon import DaemonThreads, leave
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport, try_broker
from bmw2mqtt.support_report import AccountReport, report
from bmw2mqtt.translations import without_next_try
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    ConfigError,
    LoginRequired,
    StoreInUse,
)

LIMIT_S = 25.0
"""Time for all checks together; with start and end the command takes less than 30 s."""
CANCEL_S = 1.0
DAEMON_KNOWN_S = 5.0
"""Longest wait for the broker's message whether a daemon is running."""
_CHECK_BROKER = (
    "Check that the broker is running, and mqtt.host and mqtt.port in the configuration."
)
_RESTART = "restart bmw2mqtt with this configuration"


def run(arguments: argparse.Namespace) -> int:
    """Print errors and warnings, and what the connections do; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    if problems := problems_in_use(settings):
        print_problems(problems)
        return EXIT_CONFIG
    if arguments.report:
        return _connect(settings, report)
    for warning in settings.warnings():
        print(f"warning: {warning}")
    if arguments.connect:
        return _connect(settings, result_for_owner)
    accounts = ", ".join(f"{name} ({a.backend})" for name, a in settings.accounts.items())
    print(f"configuration is valid: broker {settings.mqtt.host}:{settings.mqtt.port}, {accounts}")
    return EXIT_OK


def _connect(
    settings: Settings,
    describe: Callable[[Settings, BrokerReport, Sequence[AccountReport]], str],
) -> int:
    log.hide("settings", settings.secrets())
    log.set_up("error", "console")
    threads = DaemonThreads()
    broker, accounts = asyncio.run(_try_connections(settings, threads))
    print(describe(settings, broker, accounts))
    is_well = broker.is_well and all(account.is_well for account in accounts)
    status = EXIT_OK if is_well else EXIT_CONFIG
    return leave(status) if threads.are_hanging() else status  # a DNS lookup may hang


def problems_in_use(settings: Settings) -> tuple[str, ...]:
    """Return errors that appear only when the settings are used, such as a broken certificate."""
    if folder := folder_problem(settings.data_dir):
        return (f"data_dir: {folder}",)
    try:
        Bridge(settings)
        for name, account in settings.accounts.items():
            client_context(name, account.certificate_authority)
    except ConfigError as error:
        return error.problems
    return ()


async def _try_connections(
    settings: Settings, threads: DaemonThreads
) -> tuple[BrokerReport, list[AccountReport]]:
    """Try the broker and each login; read the account status of a running daemon instead.

    Takes less than 30 s, whatever the broker and BMW do.
    """
    loop = asyncio.get_running_loop()
    loop.set_default_executor(threads)
    end_s = loop.time() + LIMIT_S
    found = BrokerReport()
    store = Store(settings.data_dir)
    is_running = False
    try:
        store.open()
    except StoreInUse:
        is_running = True
    try:
        broker = asyncio.create_task(try_broker(found, settings, is_daemon_running=is_running))
        is_running |= await _is_beside_daemon(found, broker)
        logins = {
            name: asyncio.create_task(_try_login(name, account, store))
            for name, account in settings.accounts.items()
            if not is_running  # a second login would invalidate the daemon's tokens
        }
        tasks = (broker, *logins.values())
        await asyncio.wait(tasks, timeout=max(0.0, end_s - loop.time()))
        is_broker_silent = not broker.done()
        results = {name: _result(name, task) for name, task in logins.items()}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=CANCEL_S)
    finally:
        store.close()
    if is_broker_silent:
        place = f"{settings.mqtt.host}:{settings.mqtt.port}"
        found.problem = f"{place} did not answer in time ({found.step})"
    elif not broker.cancelled() and (error := broker.exception()):
        raise error
    if is_running:
        return found, [_of_running_daemon(name, found) for name in settings.accounts]
    return found, list(results.values())


async def _is_beside_daemon(report: BrokerReport, broker: asyncio.Task[None]) -> bool:
    """Return whether the broker reports a running daemon, but do not wait long for it."""
    known = asyncio.create_task(report.daemon_known.wait())
    await asyncio.wait((known, broker), timeout=DAEMON_KNOWN_S, return_when=asyncio.FIRST_COMPLETED)
    known.cancel()
    return report.is_beside_daemon


def _result(name: str, login: asyncio.Task[AccountReport]) -> AccountReport:
    if login.done():
        return login.result()
    step = "check the internet connection of this machine, or try again later"
    return AccountReport(name, "BMW did not answer in time", is_well=False, next_step=step)


def _log_in(name: str) -> str:
    return f"run bmw2mqtt login {name}, or log in on the page"


def _next_step(name: str, error: AccountError) -> str | None:
    if isinstance(error, LoginRequired):
        return _log_in(name)
    if isinstance(error, BadAnswer):
        return "please report it, with the output of bmw2mqtt check --report"
    return None


def _of_running_daemon(name: str, broker: BrokerReport) -> AccountReport:
    if broker.daemon_accounts is not None and name not in broker.daemon_accounts:
        why = "the running bmw2mqtt does not have this account"
        return AccountReport(name, why, is_well=False, next_step=_RESTART)
    if name not in broker.accounts:
        why = "in use by the running daemon, but its status topic cannot be read; see its log"
        return AccountReport(name, why, is_well=broker.problem is None)
    status, message = broker.accounts[name]
    result = f"the running daemon reports {status}" + (f": {message}" if message else "")
    step = _log_in(name) if status == LoginRequired.status else None
    return AccountReport(name, result, is_well=status in HEALTHY, next_step=step)


async def _try_login(name: str, settings: AccountSettings, store: Store) -> AccountReport:
    tls = await asyncio.to_thread(client_context, name, settings.certificate_authority)
    try:
        result = await BACKENDS[settings.backend].try_login(name, settings, store, tls)
    except AccountError as error:
        step = _next_step(name, error)
        return AccountReport(name, without_next_try(str(error)), is_well=False, next_step=step)
    return AccountReport(name, result, is_well=True)


def result_for_owner(
    settings: Settings, broker: BrokerReport, accounts: Sequence[AccountReport]
) -> str:
    """Return ✔ or ✘ for the broker and each account, and the next step."""
    lines = [*_broker_lines(settings, broker)]
    for account in accounts:
        lines += _account_lines(settings, account)
    failed = sum(not account.is_well for account in accounts) + (not broker.is_well)
    lines.append("")
    if failed:
        total = len(accounts) + 1
        lines.append(
            f"{failed} of {total} checks failed. To report a problem, put the output of"
            " bmw2mqtt check --report into an issue."
        )
    elif broker.is_beside_daemon:
        lines.append("Everything is well, and bmw2mqtt is running.")
    else:
        lines.append("Everything is well. Start bmw2mqtt with: bmw2mqtt run")
    return "\n".join(lines)


def _broker_lines(settings: Settings, broker: BrokerReport) -> Iterator[str]:
    place = f"MQTT broker {settings.mqtt.host}:{settings.mqtt.port}"
    if broker.problem is not None:
        problem = broker.problem.removeprefix(f"{settings.mqtt.host}:{settings.mqtt.port} ")
        yield f"{mark(is_well=False)} {place}: {problem}"
        if "mqtt." not in broker.problem:
            yield f"    → {_CHECK_BROKER}"
        return
    version = f" ({broker.version})" if broker.version else ""
    yield f"{mark(is_well=broker.is_well)} {place}: connected{version}"
    for fault in broker.faults():
        yield f"    → {fault[:1].upper()}{fault[1:]}."


def _account_lines(settings: Settings, account: AccountReport) -> Iterator[str]:
    backend = settings.accounts[account.name].backend
    yield f"{mark(is_well=account.is_well)} Account {account.name} ({backend}): {account.result}"
    if account.next_step:
        yield f"    → {account.next_step[:1].upper()}{account.next_step[1:]}."
