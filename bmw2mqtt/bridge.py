"""The daemon: builds its parts, runs them together, stops them in order."""

import asyncio
import gc
import random
import ssl
from contextlib import suppress
from pathlib import Path

import structlog

from bmw2mqtt import __version__
from bmw2mqtt.accounts.base import Account
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import Account as AccountSettings
from bmw2mqtt.config import CarDataAccount as CarDataSettings
from bmw2mqtt.config import MyBmwAccount as MyBmwSettings
from bmw2mqtt.config import Settings
from bmw2mqtt.controls import Controls
from bmw2mqtt.fleet import Fleet
from bmw2mqtt.health import BEAT_S, Heartbeat
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.inventory import Inventory
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES, Topics
from bmw2mqtt.web.page import Page
from bmw2mqtt.web.sources import Sources

log = structlog.get_logger(__name__)

BIRTH_DELAY_S = (1.0, 10.0)
"""Home Assistant asks everybody at once; answers come at random."""
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
        self._inventory = Inventory(self._topics)
        self._fleet = Fleet(
            settings, self._topics, self.publisher, self._inventory, store=self._store
        )
        self._commands = Commands(self._fleet, self._topics, self.publisher)
        self._accounts: dict[str, Account] = {}
        self._fleet.attach(self._accounts)
        self._controls = Controls(self._accounts, self.publisher)
        self._birth: asyncio.TimerHandle | None = None
        filters = [*self._topics.commands(), *self._topics.retained()]
        if settings.homeassistant.enabled:
            filters.append(settings.homeassistant.status_topic)
        self._session = Session(
            settings.mqtt,
            self.publisher,
            availability_topic=self._topics.bridge_availability,
            filters=filters,
            on_message=self._take,
        )
        sources = Sources(
            accounts=self._accounts,
            fleet=self._fleet,
            commands=self._commands,
            statistics=self.publisher.statistics,
            broker=f"{settings.mqtt.host}:{settings.mqtt.port}",
            is_connected=self._session.connected.is_set,
        )
        self._page = Page(settings.http, sources)

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
                tasks.create_task(self._session.run())
                work = tasks.create_task(self._work())
                await stop.wait()
                log.info("stopping")
                self._commands.stop()
                work.cancel()
                await self._drain()
                self._session.stop()
        finally:
            self._heartbeat.stop()
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
            tasks.create_task(self._beat())
            tasks.create_task(self._take_inventory())
            tasks.create_task(self._commands.run())
            tasks.create_task(self._page.run())
            await self._let_broker_go_first()
            self._accounts.update(await asyncio.to_thread(self._make_accounts))
            gc.freeze()  # what was imported stays: the collector need not look at it again
            for account in self._accounts.values():
                tasks.create_task(account.run())
            tasks.create_task(self._watch_freshness())

    async def _let_broker_go_first(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_FIRST_S):
                await self._session.tried.wait()
        except TimeoutError:
            log.debug("broker_is_slow")

    def _make_accounts(self) -> dict[str, Account]:
        """Import only the backends that are used."""
        accounts: dict[str, Account] = {}
        contexts: dict[Path | None, ssl.SSLContext] = {}
        for name, settings in self._settings.accounts.items():
            if settings.ca_file not in contexts:
                contexts[settings.ca_file] = client_context(name, settings.ca_file)
            tls = contexts[settings.ca_file]
            accounts[name] = self._make_account(name, settings, tls)
        return accounts

    def _make_account(self, name: str, settings: AccountSettings, tls: ssl.SSLContext) -> Account:
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
            trouble = self._heartbeat.beat(is_connected=self._session.connected.is_set())
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

    async def _watch_freshness(self) -> None:
        while True:
            await asyncio.sleep(FRESHNESS_S)
            self._fleet.check_freshness()

    def _take(self, message: Received) -> None:
        """Take what came in from the broker."""
        if message.topic == self._settings.homeassistant.status_topic:
            if message.payload == b"online" and not message.retain:
                self._answer_birth()
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
            self._inventory.take(message.topic, message.payload)

    def _answer_birth(self) -> None:
        """Say everything again: Home Assistant has just started."""
        log.info("homeassistant_started")
        if self._birth is not None:
            self._birth.cancel()
        delay_s = random.uniform(*BIRTH_DELAY_S)
        self._birth = asyncio.get_running_loop().call_later(delay_s, self.publisher.repeat)
