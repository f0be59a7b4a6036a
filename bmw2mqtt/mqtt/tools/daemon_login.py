"""A login through the running daemon: requests it over MQTT and waits for the result."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from bmw2mqtt.config import Mqtt
from bmw2mqtt.mqtt.client import Client
from bmw2mqtt.mqtt.errors import BrokerError
from bmw2mqtt.mqtt.message import Message
from bmw2mqtt.mqtt.tools.daemon_accounts import daemon_accounts, daemon_topics
from bmw2mqtt.mqtt.tools.retained_reader import read_retained
from bmw2mqtt.mqtt.tools.tool_client import tool_client
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.vehicle.account import NEW_LOGIN_FAILED
from bmw2mqtt.vehicle.errors import AccountError

PATIENCE_S = 120.0
"""A login is four requests to BMW, and it succeeds only once the cars are read."""
PATIENCE_WITH_A_PERSON_S = 360.0
"""A code can be confirmed for five minutes."""
SETTLE_S = 1.0
"""A status and its attributes come one after the other."""

Result = tuple[str, str | None]
"""The account's status and message."""


class DaemonLogin:
    """One login of one account."""

    def __init__(self, settings: Mqtt, discovery_prefix: str, account: str) -> None:
        self._settings = settings
        self._account = account
        self._topics = topics = Topics(settings.base_topic, discovery_prefix)
        device = topics.account(account)
        self._captcha_topic = topics.login(account)
        self._button_topic = device.command("button", "login", "press")
        self._status_topic = device.state("sensor", "status")
        self._attributes_topic = device.attributes("sensor", "status")
        self._status = ""
        self._attributes: dict[str, Any] = {}

    def verify_account(self) -> None:
        """Make sure that the daemon has the account, as far as its topics say.

        Raises:
            AccountError: it does not.
            BrokerError: the broker cannot be reached.
        """
        retained = read_retained(self._settings, daemon_topics(self._topics), name="login")
        known = daemon_accounts(self._topics, retained)
        if known is not None and self._account not in known:
            raise AccountError(
                f"the running bmw2mqtt does not have the account {self._account}; restart it with"
                " this configuration"
            )

    async def hand_over(self, token: str) -> Result:
        """Send a captcha's token; return the account's status after the login.

        Raises:
            BrokerError: the broker cannot be reached, or nothing is heard of the account.
        """
        has_begun = False
        async with self._connected(PATIENCE_S) as client:
            message = Message(topic=self._captcha_topic, payload=token.encode(), retain=False)
            async for _ in self._changes(client, message):
                has_begun |= self._status == "starting"
                if has_begun and self._status not in {"", "starting"}:
                    return await self._end(client)
            raise BrokerError("the connection was lost")

    async def ask_for_code(self, show: Callable[[str, str], None]) -> Result:
        """Request a code that a person confirms at BMW; return the account's status afterwards.

        `show` gets BMW's page and the code, again for a code that replaces the first.

        Raises:
            AccountError: the login failed.
            BrokerError: the broker cannot be reached, or nothing is heard of the account.
        """
        shown, has_begun = None, False
        async with self._connected(PATIENCE_WITH_A_PERSON_S) as client:
            message = Message(topic=self._button_topic, payload=b"PRESS", retain=False)
            async for _ in self._changes(client, message):
                code = self._attributes.get("user_code")
                if has_begun and not code and self._status != "starting":
                    status, sentence = await self._end(client)
                    code = self._attributes.get("user_code")
                    if not code and self._status != "starting":
                        is_failed = status == "login_required" or not shown
                        if is_failed or (sentence or "").startswith(NEW_LOGIN_FAILED):
                            raise AccountError(f"{status}: {sentence}" if sentence else status)
                        return status, sentence
                has_begun |= bool(code) or self._status == "starting"
                if code and code != shown:
                    shown = code
                    show(str(self._attributes.get("login_url")), str(code))
            raise BrokerError("the connection was lost")

    @asynccontextmanager
    async def _connected(self, patience_s: float) -> AsyncIterator[Client]:
        try:
            async with (
                asyncio.timeout(patience_s),
                tool_client(self._settings, name="login") as client,
            ):
                await client.subscribe([(self._status_topic, 1), (self._attributes_topic, 1)])
                yield client
        except TimeoutError as error:
            raise BrokerError("the running daemon does not answer; see its log") from error

    async def _changes(self, client: Client, message: Message) -> AsyncIterator[None]:
        """Send a message, then yield each change of the account's status."""
        await client.send(message)
        async for received in client.messages:
            # What was retained is from before, but stays as it is if nothing changes.
            self._update(received)
            if not received.retain or self._attributes.get("user_code"):
                yield

    async def _end(self, client: Client) -> Result:
        """Wait a moment for the message that belongs to the status, and the other way round."""
        try:
            async with asyncio.timeout(SETTLE_S):
                async for received in client.messages:
                    self._update(received)
                    if self._attributes.get("user_code"):
                        break  # it is not the end
        except TimeoutError:
            pass
        return self._status, self._attributes.get("message")

    def _update(self, received: aiomqtt.Message) -> None:
        """Note the status of the account, or what is known beside it."""
        if received.topic.value == self._attributes_topic:
            self._attributes = json.loads(received.payload)
        else:
            self._status = received.payload.decode()
