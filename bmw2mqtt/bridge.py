"""The daemon: builds its parts, runs them together, stops them in order."""

import asyncio
import gc
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from bmw2mqtt import __version__
from bmw2mqtt.account_commands import AccountCommands
from bmw2mqtt.accounts.account import Account
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings, MyBmwSettings, Settings
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.guard import BugLogger, run_guarded
from bmw2mqtt.health import BEAT_S, Heartbeat
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.retained_repair import RetainedRepair
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES, Topics
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.listener import WebListener

log = structlog.get_logger(__name__)

CONNECT_FIRST_S = 1.0
"""How long the broker goes before BMW's libraries, which are heavy to import."""
FRESHNESS_S = 60
DRAIN_S = 2.0


class Bridge:
    """One daemon."""

    def __init__(self, settings: Settings) -> None:
        """Build everything; nothing is sent before `run`.

        Raises:
            ConfigError: what only shows when it is used, as a certificate that cannot be read.
        """
        self._settings = settings
        self._topics = Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)
        self._store = Store(settings.data_dir)
        self._heartbeat = Heartbeat(settings.data_dir)
        self.publisher = Publisher()
        self._inventory = RetainedScan(self._topics)
        self._fleet = DeviceRegistry(
            settings, self._topics, self.publisher, self._inventory, store=self._store
        )
        self._commands = Commands(self._fleet, self._topics, self.publisher)
        self._bug_logger = BugLogger()
        self._accounts: dict[str, Account] = {}
        self._tls: dict[Path | None, ssl.SSLContext] = {}
        self._making = asyncio.Lock()
        """One account is made at a time: imports and files are not for two threads."""
        self._fleet.attach(self._accounts)
        self._controls = AccountCommands(self._accounts, self.publisher)
        self._repair = RetainedRepair(self.publisher, self._topics.retained())
        filters = [*self._topics.commands(), *self._topics.retained()]
        if settings.homeassistant.enabled:
            filters.append(settings.homeassistant.status_topic)
        self._session = Session(
            settings.mqtt,
            self.publisher,
            availability_topic=self._topics.bridge_availability,
            filters=filters,
            on_message=self._bug_logger.guarded("message_crashed", self._take),
            on_subscribed=self._repair.subscribed,
        )
        context = PageContext(
            accounts=self._accounts,
            devices=self._fleet,
            topics=self._topics,
            commands=self._commands,
            statistics=self.publisher.statistics,
            broker=f"{settings.mqtt.host}:{settings.mqtt.port}",
            is_connected=self._session.connected.is_set,
        )
        self._page = WebListener(settings.http, context)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; then say so on the broker and leave.

        Raises:
            ConfigError: `data_dir` cannot be used.
        """
        self._store.open()
        self._fleet.restore()
        log.info("started", version=__version__, accounts=list(self._settings.accounts))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._guarded("broker connection", self._session.run))
                work = tasks.create_task(self._work())
                await stop.wait()
                log.info("stopping")
                self._commands.stop()
                work.cancel()
                await self._drain()
                self._session.stop()
        finally:
            self._store.writer.submit(self._heartbeat.stop, lambda _: None)
            await self._store.flushed()
            self._store.close()
        log.info("stopped")

    async def _drain(self) -> None:
        """Let the broker have what was said last."""
        if self._session.connected.is_set():
            try:
                async with asyncio.timeout(DRAIN_S):
                    await self.publisher.drained()
            except TimeoutError:
                log.warning("broker_is_slow", remedy="the last values may not have arrived")

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for task_name, task in (
                ("heartbeat", self._beat),
                ("retained topics", self._take_inventory),
                ("commands", self._commands.run),
                ("page", self._page.run),
                ("availability", self._watch_freshness),
            ):
                tasks.create_task(self._guarded(task_name, task))
            await self._let_broker_go_first()
            for name in self._settings.accounts:
                tasks.create_task(
                    run_guarded(
                        f"account {name}",
                        partial(self._run_account, name),
                        bug_logger=self._bug_logger,
                        on_bug=partial(self._fleet.account_crashed, name),
                        fatal=ConfigError,
                    )
                )

    async def _guarded(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        await run_guarded(name, task, bug_logger=self._bug_logger)

    async def _let_broker_go_first(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_FIRST_S):
                await self._session.tried.wait()
        except TimeoutError:
            log.debug("broker_is_slow")

    async def _run_account(self, name: str) -> None:
        """Make an account and run it."""
        async with self._making:
            if name not in self._accounts:
                self._accounts[name] = await asyncio.to_thread(self._make_account, name)
                if len(self._accounts) == len(self._settings.accounts):
                    gc.freeze()  # what was imported stays: the collector need not look at it again
        await self._accounts[name].run()

    def _make_account(self, name: str) -> Account:
        """Import the backend and make an account of it."""
        settings = self._settings.accounts[name]
        if settings.ca_file not in self._tls:
            self._tls[settings.ca_file] = client_context(name, settings.ca_file)
        tls = self._tls[settings.ca_file]
        match settings:
            case MyBmwSettings():
                from bmw2mqtt.accounts.mybmw.account import MyBmwAccount  # noqa: PLC0415

                return MyBmwAccount(
                    name, settings, store=self._store, listener=self._fleet, tls=tls
                )
            case CarDataSettings():
                from bmw2mqtt.accounts.cardata.account import CarDataAccount  # noqa: PLC0415

                return CarDataAccount(
                    name, settings, store=self._store, listener=self._fleet, tls=tls
                )

    async def _beat(self) -> None:
        """Show that the loop turns and the broker is there."""
        has_trouble = False
        while True:
            is_connected = self._session.connected.is_set()
            beat = partial(self._heartbeat.beat, is_connected=is_connected)
            trouble = await self._store.writer.run(beat)
            if trouble and not has_trouble:
                log.warning(
                    "health_not_saved",
                    reason=str(trouble),
                    remedy="make data_dir writable; the health check looks elsewhere meanwhile",
                )
            has_trouble = trouble is not None
            if self._session.connected.is_set():
                await asyncio.sleep(BEAT_S)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._session.connected.wait()

    async def _take_inventory(self) -> None:
        await self._inventory.settle(self._session)
        await self._session.unsubscribe(self._topics.retained())
        self._fleet.sweep()
        await self._repair.run(self._session)

    async def _watch_freshness(self) -> None:
        while True:
            await asyncio.sleep(FRESHNESS_S)
            self._fleet.check_freshness()

    def _take(self, message: Received) -> None:
        """Take what came in from the broker."""
        if message.topic == self._settings.homeassistant.status_topic:
            if message.payload == b"online" and not message.retain:
                log.info("homeassistant_started")
                self._repair.homeassistant_started()
            return
        command = self._topics.parse_command(message.topic)
        if account := self._topics.parse_login(message.topic):
            self._controls.take_login(account, message)
        elif command is not None and command.account is not None:
            self._controls.take(command, message)
        elif command is not None:
            self._commands.take(command, message)
        elif message.topic.endswith(COMMAND_SUFFIXES):
            log.warning("command_refused", topic=message.topic, reason="not a command topic")
        elif message.retain:
            self._repair.received(message.topic)
            if not self._inventory.is_complete:
                self._inventory.take(message.topic, message.payload)
