"""Composition root of the daemon: builds its parts, runs them together, stops them in order."""

import asyncio
import gc
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from bmw2mqtt import __version__
from bmw2mqtt.account_commands import AccountCommands
from bmw2mqtt.accounts.account import Account
from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.relay_input import RelayInput, RelayReader
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import Settings, is_home_assistant_app
from bmw2mqtt.devices import DeviceRegistry
from bmw2mqtt.guard import BugLogger, run_guarded
from bmw2mqtt.health import BEAT_S, Heartbeat
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.mqtt.commands import Commands
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.retained_repair import RetainedRepair
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.mqtt.topics import COMMAND_SUFFIXES, Topics
from bmw2mqtt.recording import Recording
from bmw2mqtt.removal import Removal
from bmw2mqtt.vehicle.deadline import Clock, elapsed_s
from bmw2mqtt.vehicle.errors import ConfigError
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.listener import WebListener
from bmw2mqtt.web.setup.service import Setup

log = structlog.get_logger(__name__)

CONNECT_FIRST_S: Final = 1.0
"""Longest wait for the first broker connection before the slow imports of BMW's libraries."""
AVAILABILITY_CHECK_S: Final = 60
DRAIN_S: Final = 2.0


class Bridge:
    """One daemon."""

    def __init__(
        self, settings: Settings, clock: Clock = elapsed_s, setup: Setup | None = None
    ) -> None:
        """Build everything; nothing is sent before `run`.

        Args:
            settings: the configuration.
            clock: measures how old messages are; it must count while the host is suspended.
            setup: the page's setup; `None`: the page has none.

        Raises:
            ConfigError: what shows only when it is used, such as a certificate that is not one.
        """
        self._settings = settings
        self._setup = setup
        self._bug_logger = BugLogger()
        self._topics = Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)
        self._store = Store(settings.data_dir)
        self._heartbeat = Heartbeat(settings.data_dir)
        self._heartbeat_errors = LogOnce()
        self.publisher = Publisher(clock)
        scan = RetainedScan(self._topics)
        self._registry = DeviceRegistry(
            settings, self._topics, self.publisher, scan, store=self._store
        )
        self._recording = Recording(settings, self._registry, self._topics)
        self._measured_topics = frozenset(self._recording.filters)
        self._relays = {
            name: RelayInput(account.stream_topics)
            for name, account in settings.accounts.items()
            if account.stream_topics is not None
        }
        """Where accounts read BMW's stream from another program instead of from BMW."""
        self._repair = RetainedRepair(
            self.publisher, scan, self._topics.retained(), self._retained_read
        )
        self._accounts: dict[str, Account] = {}
        self._tls: dict[Path | None, ssl.SSLContext] = {}
        self._making = asyncio.Lock()
        """Accounts are made one at a time: their imports and files are not thread-safe."""
        self._registry.attach(self._accounts)
        self._commands = Commands(self._registry, self._topics, self.publisher, clock)
        self._account_commands = AccountCommands(self._accounts, self.publisher)
        self._session = Session(
            settings.mqtt,
            self.publisher,
            availability_topic=self._topics.bridge_availability,
            filters=self._filters(),
            on_message=self._receive,
            on_subscribed=self._subscribed,
            on_disconnected=partial(self._set_relays_available, is_available=False),
            clock=clock,
        )
        self._removal = Removal(settings, self._session)
        self._page = WebListener(settings.http, self._page_context())

    def _subscribed(self) -> None:
        """Go on once the broker has confirmed the subscriptions."""
        self._repair.subscribed()
        self._set_relays_available(is_available=True)

    def _set_relays_available(self, *, is_available: bool) -> None:
        for relay in self._relays.values():
            relay.set_available(is_available=is_available)

    def _retained_read(self) -> None:
        """Use what earlier runs have left on the broker, then remove what is stale."""
        self._bug_logger.guarded("history_crashed", self._recording.retained_read)()
        self._registry.remove_stale_topics()

    def _filters(self) -> list[str]:
        filters = [*self._topics.commands(), *self._topics.retained(), *self._recording.filters]
        filters += sorted({relay.filter for relay in self._relays.values()})
        if self._settings.homeassistant.enabled:
            filters.append(self._settings.homeassistant.status_topic)
        return filters

    def _page_context(self) -> PageContext:
        return PageContext(
            accounts=self._accounts,
            devices=self._registry,
            topics=self._topics,
            commands=self._commands,
            statistics=self.publisher.statistics,
            settings=self._settings,
            is_connected=self._session.connected.is_set,
            broker_problem=lambda: self._session.problem,
            removal=self._removal if is_home_assistant_app() else None,
            history_file=self._recording.file,
            history=self._recording.history,
            retained=self.publisher.retained_payload,
            setup=self._setup,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then publish that the bridge is offline, and return.

        Raises:
            ConfigError: `data_dir` cannot be used.
        """
        self._store.open()
        try:
            if self._settings.accounts:
                await self._run(stop)
            else:
                await self._wait_for_setup(stop)
        finally:
            self._store.writer.submit(self._heartbeat.stop, lambda _: None)
            await self._store.flushed()
            self._store.close()
        log.info("stopped")

    async def _run(self, stop: asyncio.Event) -> None:
        self._registry.restore()
        log.info("started", version=__version__, accounts=list(self._settings.accounts))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._guarded("broker connection", self._session.run))
            history = tasks.create_task(self._guarded("history", self._recording.run))
            work = tasks.create_task(self._work())
            await stop.wait()
            log.info("stopping")
            self._commands.stop()
            work.cancel()
            await asyncio.wait({work}, timeout=DRAIN_S)
            self._recording.stop()
            history.cancel()
            await self._drain()
            self._session.stop()

    async def _wait_for_setup(self, stop: asyncio.Event) -> None:
        """Serve the page's setup. The broker is not connected: it may be somebody else's."""
        log.info("started", version=__version__, accounts=[])
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(self._guarded("heartbeat", self._beat)),
                tasks.create_task(self._guarded("page", self._page.run)),
            ]
            await stop.wait()
            for task in work:
                task.cancel()

    async def _drain(self) -> None:
        """Wait until the broker has acknowledged the last values, but not long."""
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
                ("retained topics", partial(self._repair.run, self._session)),
                ("commands", self._commands.run),
                ("page", self._page.run),
                ("availability", self._check_availability),
            ):
                tasks.create_task(self._guarded(task_name, task))
            await self._wait_for_first_connection()
            await self._recording.opened()
            for name in self._settings.accounts:
                tasks.create_task(
                    run_guarded(
                        f"account {name}",
                        partial(self._run_account, name),
                        bug_logger=self._bug_logger,
                        on_bug=partial(self._registry.account_crashed, name),
                        fatal=ConfigError,
                    )
                )

    async def _guarded(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        await run_guarded(name, task, bug_logger=self._bug_logger)

    async def _wait_for_first_connection(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_FIRST_S):
                await self._session.tried.wait()
        except TimeoutError:
            log.debug("broker_is_slow")

    async def _run_account(self, name: str) -> None:
        async with self._making:
            if name not in self._accounts:
                self._accounts[name] = await asyncio.to_thread(self._make_account, name)
                if len(self._accounts) == len(self._settings.accounts):
                    gc.freeze()  # modules stay for good: the collector need not visit them again
        await self._accounts[name].run()

    def _make_account(self, name: str) -> Account:
        """Import the backend's libraries and build an account."""
        settings = self._settings.accounts[name]
        ca_file = settings.certificate_authority
        if ca_file not in self._tls:
            self._tls[ca_file] = client_context(name, ca_file)
        account = BACKENDS[settings.backend].make_account(
            name, settings, store=self._store, listener=self._registry, tls=self._tls[ca_file]
        )
        if isinstance(account, RelayReader) and name in self._relays:
            account.read_relay(self._relays[name])
        return account

    async def _beat(self) -> None:
        """Record for the health check that the event loop runs, and whether the broker is there."""
        while True:
            is_connected = self._session.connected.is_set()
            is_waiting = not self._settings.accounts
            beat = partial(self._heartbeat.beat, is_connected=is_connected, is_waiting=is_waiting)
            error = await self._store.writer.run(beat)
            if error is None:
                self._heartbeat_errors.reset()
            elif self._heartbeat_errors.is_new("heartbeat"):
                log.warning(
                    "health_not_saved",
                    reason=str(error),
                    remedy="make data_dir writable; the health check looks elsewhere meanwhile",
                )
            if self._session.connected.is_set():
                await asyncio.sleep(BEAT_S)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._session.connected.wait()

    async def _check_availability(self) -> None:
        while True:
            await asyncio.sleep(AVAILABILITY_CHECK_S)
            self._registry.check_availability()
            self._registry.publish_times()

    def _receive(self, message: Received) -> None:
        """Route a message of the broker."""
        if message.topic in self._measured_topics:
            self._recording.measured(message.topic, message.payload)
        if message.topic == self._settings.homeassistant.status_topic:
            if message.payload == b"online" and not message.retain:
                log.info("homeassistant_started")
                self._repair.homeassistant_started()
            return
        if self._is_relayed(message):
            return
        command = self._topics.parse_command(message.topic)
        if account := self._topics.parse_login(message.topic):
            self._account_commands.receive_login(account, message)
        elif command is not None and command.account is not None:
            self._account_commands.receive(command, message)
        elif command is not None:
            self._commands.receive(command, message)
        elif message.topic.endswith(COMMAND_SUFFIXES):
            log.warning("command_refused", topic=message.topic, reason="not a command topic")
        elif message.retain:
            self._recording.received(message.topic, message.payload)
            self._repair.received(message.topic, message.payload)

    def _is_relayed(self, message: Received) -> bool:
        """Pass a message on to the accounts that read its topic; return whether there are any."""
        is_relayed = False
        for relay in self._relays.values():
            is_relayed |= relay.receive(message.topic, message.payload, is_retained=message.retain)
        return is_relayed
