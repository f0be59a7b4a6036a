"""Checks whether the broker lets the bridge do what the daemon does, and reads its limits.

The same client as the daemon's, with its last will, its subscriptions, and a message in each part
of the topic tree that it writes: published, read back, and removed again.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from bmw2mqtt.config import Mqtt, Settings
from bmw2mqtt.mqtt.client import Client
from bmw2mqtt.mqtt.errors import describe
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.tools.daemon_accounts import daemon_accounts, daemon_topics
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.mqtt.transport import tls_context
from bmw2mqtt.mqtt_reason import MqttReason, reason_number
from bmw2mqtt.vehicle.errors import ConfigError

VERSION_TOPIC = "$SYS/broker/version"
QUIET_S = 1.0
"""A broker that has something retained sends it at once."""
READ_AT_MOST_S = 5.0
ANSWER_S = 5.0
LIMIT_S = 20.0
"""Time for the check from the page."""
_CHECK_ACCOUNT = "connection_check"
"""Topics of an account that does not exist: the daemon and `cleanup` remove what may be left."""
CONNECTING, SUBSCRIBING = "connecting", "subscribing"
_LIBRARY_TIMEOUT = "timed out"
_WILL_WITHOUT: Mapping[int, Mapping[str, Any]] = {
    MqttReason.RETAIN_REFUSED: {"will_retain": False},
    MqttReason.QOS_REFUSED: {"will_qos": 0},
}
_FAILURE = 0x80
"""SUBACK codes from here on are refusals."""


@dataclass(slots=True)
class BrokerReport:
    """The result of the check."""

    problem: str | None = None
    """Why it cannot be used; `None`: connected."""
    step: str = CONNECTING
    """The last step of the check."""
    is_beside_daemon: bool = False
    """Whether a daemon is running, so that another client id and no last will were used."""
    daemon_known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once that is known, or the broker does not say."""
    version: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """The limits in its CONNACK, by the names of MQTT 5; empty with MQTT 3.1.1."""
    refused: tuple[str, ...] = ()
    """Topics the bridge may not write; known only with MQTT 5."""
    not_read: tuple[str, ...] = ()
    """Topics whose message did not come back."""
    not_retained: tuple[str, ...] = ()
    """Topics whose message came back once and was not retained."""
    not_subscribed: tuple[str, ...] = ()
    """Filters to which the bridge may not subscribe."""
    accounts: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Status and message of each account, as a daemon publishes them."""
    daemon_accounts: frozenset[str] | None = None
    """Names of the running daemon's accounts; `None`: unknown."""

    @property
    def is_well(self) -> bool:
        """Whether the bridge can work with it."""
        faults = (self.refused, self.not_read, self.not_retained, self.not_subscribed)
        return self.problem is None and not any(faults)

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each thing that the broker does not allow."""
        for topic in self.refused:
            yield f"no permission to publish to `{topic}`: allow it in the broker's access list"
        for topic in self.not_read:
            yield (
                f"a message on `{topic}` did not come back: allow publishing and subscribing to it"
                " in the broker's access list"
            )
        for topic in self.not_retained:
            yield f"`{topic}` was not retained: allow retained messages on the broker"
        for topic in self.not_subscribed:
            yield f"no permission to subscribe to `{topic}`: allow it in the broker's access list"


async def try_broker(report: BrokerReport, settings: Settings, *, is_daemon_running: bool) -> None:
    """Fill a report; nothing that is sent stays on the broker.

    What is known so far is in it, also if this is cancelled. `is_daemon_running`: it is known
    already that a daemon is running.
    """
    mqtt, topics = settings.mqtt, _topics(settings)
    tls = tls_context(mqtt.tls)
    second = f"{mqtt.client_id}-check"  # the daemon's own id would end its connection
    report.is_beside_daemon = is_daemon_running
    try:
        if not is_daemon_running:
            probe = make_client(mqtt, tls, availability_topic=None, client_id=second)
            try:
                async with probe:
                    report.step = SUBSCRIBING
                    report.is_beside_daemon = await _is_online(probe, topics)
            except aiomqtt.MqttError as error:
                if report.step != CONNECTING or _is_silence(error):
                    raise
                # The broker may allow only the daemon's own id.
        report.daemon_known.set()
        will = None if report.is_beside_daemon else topics.bridge_availability
        client_id = second if report.is_beside_daemon else None
        options: dict[str, Any] = {}
        while True:
            client = make_client(mqtt, tls, availability_topic=will, client_id=client_id, **options)
            report.step = CONNECTING
            try:
                async with client:
                    await _BrokerCheck(client, report, settings).run()
                    report.step = "disconnecting"
                    return
            except aiomqtt.MqttError as error:  # the daemon leaves it out of its will too
                adapted = _WILL_WITHOUT.get(reason_number(error) or 0, {})
                if report.step != CONNECTING or adapted.items() <= options.items():
                    raise
                options |= adapted
    except (aiomqtt.MqttError, TimeoutError) as error:
        place = f"{mqtt.host}:{mqtt.port}"
        report.problem = _what_happened(place, report.step, error)


async def broker_problems(settings: Settings, mqtt: Mqtt, *, is_daemon_running: bool) -> list[str]:
    """Return what is wrong with a broker; an empty list if bmw2mqtt can work with it.

    The settings name the topics. `is_daemon_running`: this process is connected to a broker.
    """
    report = BrokerReport()
    problems = await check_broker(report, settings, mqtt, is_daemon_running=is_daemon_running)
    return problems or list(report.faults())


async def check_broker(
    report: BrokerReport, settings: Settings, mqtt: Mqtt, *, is_daemon_running: bool
) -> list[str]:
    """Fill a report of a broker in time; return why it cannot be used at all, if so."""
    settings = settings.model_copy(update={"mqtt": mqtt})
    try:
        async with asyncio.timeout(LIMIT_S):
            await try_broker(report, settings, is_daemon_running=is_daemon_running)
    except TimeoutError:
        place = f"{mqtt.host}:{mqtt.port}"
        return [f"{place} did not answer in time ({report.step})"]
    except ConfigError as error:
        return list(error.problems)
    return [report.problem] if report.problem is not None else []


def _topics(settings: Settings) -> Topics:
    return Topics(settings.mqtt.base_topic, settings.homeassistant.discovery_prefix)


def _what_happened(place: str, step: str, error: Exception) -> str:
    if _is_silence(error):
        return f"{place} does not answer ({step})"
    if step == CONNECTING:
        return f"{place} cannot be used: {describe(error)}"
    return f"{place} ends the connection ({step}): {describe(error)}"


def _is_silence(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or _LIBRARY_TIMEOUT in str(error)


async def _is_online(client: Client, topics: Topics) -> bool:
    """Return whether a daemon with our `base_topic` is connected to the broker."""
    await client.subscribe([(topics.bridge_availability, 1)])
    received = await _Inbox(client).read({topics.bridge_availability}, QUIET_S)
    return any(message.payload == b"online" for message in received)


class _Inbox:
    """Reads messages, for a limited time."""

    def __init__(self, client: Client) -> None:
        self._messages: Any = aiter(client.messages)

    async def read(self, wanted: Iterable[str], quiet_s: float) -> list[aiomqtt.Message]:
        """Return messages on these topics: until each had a retained one, or nothing comes."""
        loop = asyncio.get_running_loop()
        wanted, missing = set(wanted), set(wanted)
        found: list[aiomqtt.Message] = []
        last_s = loop.time() + READ_AT_MOST_S
        quiet_at_s = loop.time() + quiet_s
        while missing and (left_s := min(quiet_at_s, last_s) - loop.time()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    message = await anext(self._messages)
            except TimeoutError:
                break
            if message.topic.value in wanted:
                found.append(message)
                if message.retain:
                    missing.discard(message.topic.value)
            if message.retain:
                quiet_at_s = loop.time() + quiet_s
        return found


class _BrokerCheck:
    """One connection on which everything is tried."""

    def __init__(self, client: Client, report: BrokerReport, settings: Settings) -> None:
        self._client = client
        self._report = report
        self._settings = settings
        self._topics = _topics(settings)
        self._inbox = _Inbox(client)

    async def run(self) -> None:
        """Try everything.

        Raises:
            aiomqtt.MqttError: the connection is lost.
            TimeoutError: the broker does not acknowledge a message.
        """
        report, device = self._report, self._topics.account(_CHECK_ACCOUNT)
        report.limits = self._client.limits
        report.step = SUBSCRIBING
        await self._subscribe()
        await self._try_state(device.state("sensor", "status"))
        if self._settings.homeassistant.enabled:
            await self._try_discovery(device.discovery)
        for prefix in sorted(self._settings.relay_prefixes()):
            await self._send(f"{prefix}check", b"", retain=False)
        report.step = "reading what is retained"
        await self._read_accounts()

    async def _subscribe(self) -> None:
        """Subscribe as the daemon does, and to what is read here."""
        filters = [*self._topics.commands(), *self._topics.retained()]
        if self._settings.homeassistant.enabled:
            filters.append(self._settings.homeassistant.status_topic)
        if self._report.limits.get("WildcardSubscriptionAvailable", 1) == 0:
            filters = [topic for topic in filters if not set(topic) & set("+#")]
        granted = await self._client.subscribe([(topic, 1) for topic in filters])
        codes: Sequence[Any] = [getattr(code, "value", code) for code in granted]
        codes = [*codes, *[_FAILURE] * (len(filters) - len(codes))]
        self._report.not_subscribed = tuple(
            topic for topic, code in zip(filters, codes, strict=False) if code >= _FAILURE
        )

    async def _send(self, topic: str, payload: bytes, *, retain: bool = True) -> bool:
        """Publish; return whether the broker accepts it, as far as it says."""
        self._report.step = f"publishing on {topic}"
        async with asyncio.timeout(ANSWER_S):
            message = Message(topic=topic, payload=payload, retain=retain)
            is_allowed = await self._client.send(message)
        if not is_allowed and topic not in self._report.refused:
            self._report.refused += (topic,)
        return is_allowed

    async def _try_state(self, topic: str) -> None:
        """Publish a value, read what is then retained, and remove it."""
        if not await self._send(topic, b"check"):
            return
        await self._client.subscribe([(topic, 1)])
        received = await self._inbox.read({topic}, QUIET_S)
        await self._send(topic, b"")
        if not received:
            self._report.not_read += (topic,)
        elif self._report.limits.get("RetainAvailable", 1) and not any(m.retain for m in received):
            self._report.not_retained += (topic,)

    async def _try_discovery(self, topic: str) -> None:
        """Publish the empty message that removes a device: Home Assistant must not get one."""
        await self._client.subscribe([(topic, 1)])
        if await self._send(topic, b"") and not await self._inbox.read({topic}, QUIET_S):
            self._report.not_read += (topic,)

    async def _read_accounts(self) -> None:
        """Read the broker's version, and what a daemon publishes about its accounts."""
        topics, names = self._topics, self._settings.accounts
        daemon: dict[str, bytes] = {}
        status = {topics.account(name).state("sensor", "status"): name for name in names}
        attributes = {topics.account(name).attributes("sensor", "status"): name for name in names}
        messages: dict[str, str | None] = {}
        words: dict[str, str] = {}
        wanted = (VERSION_TOPIC, *daemon_topics(topics), *status, *attributes)
        await self._client.subscribe([(topic, 1) for topic in wanted])
        for message in await self._inbox.read(wanted, QUIET_S):
            topic = message.topic.value
            payload = bytes(message.payload)
            text = payload.decode(errors="replace")
            if topic == VERSION_TOPIC:
                self._report.version = text
            elif topic in status:
                words[status[topic]] = text
            elif topic in attributes:
                messages[attributes[topic]] = _message(text)
            else:
                daemon[topic] = payload
        self._report.accounts = {name: (word, messages.get(name)) for name, word in words.items()}
        self._report.daemon_accounts = daemon_accounts(topics, daemon)


def _message(attributes: str) -> str | None:
    with suppress(ValueError, AttributeError, RecursionError):
        found = json.loads(attributes).get("message")
        return str(found) if found else None
    return None
