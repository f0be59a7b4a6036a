"""The connection to BMW's stream, an MQTT broker: one per account, renewed with each new token.

BMW accepts a current id token as the password, and closes the connection when the token expires or
when another connection of the same account is made. Silence is normal, a parked car sends nothing
for days, so silence is never treated as a fault.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Self

import aiomqtt
import structlog

from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.stream.disconnect_reasons import (
    NO_TOPIC,
    DisconnectKind,
    DisconnectReason,
    read_refusal,
)
from bmw2mqtt.accounts.cardata.stream.reconnect_policy import ReconnectPolicy
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.config import CarDataSettings as AccountSettings
from bmw2mqtt.guard import BugLogger, bug_message
from bmw2mqtt.vehicle.errors import AccountError

log = structlog.get_logger(__name__)

KEEPALIVE_S: Final = 30
"""BMW drops a client after about a minute without a packet."""
TIMEOUT_S: Final = 15
GAP_S: Final = 2.0
"""Between two connections, if BMW does not accept the new one beside the old one."""
HANG_UP_S: Final = 3.0
"""How long BMW may take to end the old connection once it has accepted the new one."""
KEEPALIVE_CHECK_S: Final = 15.0
"""How often to check whether a ping is due; aiomqtt's own second only wakes the machine."""
CHECK_EVERY_S: Final = 60.0
"""How often a pause is compared with the wall clock: hosts are suspended."""
_FAILURE: Final = 0x80
"""SUBACK codes from here on are refusals."""

_OLD_ONE_BLOCKS: Final = {DisconnectKind.REFUSED, DisconnectKind.ODD, DisconnectKind.SUBSCRIPTION}
"""Refusals of a new connection for which the old one may be the reason."""

OnMessage = Callable[[str, bytes], None]


class _Client(aiomqtt.Client):
    """MQTT client of one connection: passes messages on at once, and leaves nothing open.

    Messages are not queued: a queue would grow with a flood.
    """

    def __init__(
        self, *args: Any, on_message: OnMessage, bug_logger: BugLogger, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._on_received = on_message
        self._bug_logger = bug_logger
        self._client.connect_timeout = TIMEOUT_S
        self._guard = threading.Lock()
        self._is_connecting = False
        """A thread connects, which nothing can interrupt."""
        self._is_closed = False

    def _on_message(self, _: Any, __: Any, message: Any) -> None:
        try:
            self._on_received(message.topic, message.payload)
        except Exception:  # a bug with one message must not end the connection
            self._bug_logger.exception("stream_message_crashed")

    def _on_socket_register_write(self, _: Any, __: Any, connection: Any) -> None:
        # A thread may call it, so the loop does the work; by then the socket may be closed.
        self._loop.call_soon_threadsafe(self._watch_for_writing, connection)

    def _watch_for_writing(self, connection: Any) -> None:
        """Write what waits, unless the socket was closed: another one may have its number by now.

        aiomqtt does not look: the loop would call the closed connection for ever.
        """
        if connection.fileno() >= 0:
            self._loop.add_writer(connection.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - the socket broke
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == 0:  # noqa: ASYNC110 - paho cannot be waited for
            await asyncio.sleep(KEEPALIVE_CHECK_S)

    async def __aenter__(self) -> Self:
        self._is_connecting = True
        return await super().__aenter__()

    def _client_connect(self) -> None:
        """Connect, in a thread; close it at once if it is no longer wanted."""
        try:
            super()._client_connect()
        finally:
            with self._guard:
                self._is_connecting = False
                is_closed = self._is_closed
            if is_closed:
                try:
                    self._loop.call_soon_threadsafe(self._shut)
                except RuntimeError:  # the loop has been closed meanwhile
                    self._shut()

    def close(self) -> None:
        """Close the connection and all that belongs to it, also what a thread is about to open."""
        with self._guard:
            self._is_closed = True
            is_connecting = self._is_connecting
        if not is_connecting:
            self._loop.call_soon(self._shut)  # after what the thread has left to the loop to do

    def _shut(self) -> None:
        self._client.on_disconnect = None  # aiomqtt's fails after a connect that was cancelled
        with suppress(Exception):
            self._client.disconnect()  # BMW might still let it in
        self._client._sock_close()  # noqa: SLF001 - it stays open if the goodbye cannot be sent

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done once the connection is lost; its exception is the reason."""
        return self._disconnected


class StreamConnection:
    """One account's connection."""

    def __init__(
        self,
        settings: AccountSettings,
        state_file: StateFile,
        *,
        tls: ssl.SSLContext,
        on_message: OnMessage,
        on_change: Callable[[], None],
        on_refused: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare a connection; nothing is sent before `run` and `use`.

        Args:
            settings: where BMW's broker is.
            state_file: keeps the history of connects over a restart.
            tls: TLS 1.3, and which certificates to trust.
            on_message: called with topic and payload of each message; must be quick.
            on_change: called when `is_connected` or `problem` may have changed.
            on_refused: called when BMW does not accept the token, whatever its expiry.
            now: the wall clock.
        """
        self._settings = settings
        self._tls = tls
        self._bug_logger = BugLogger()
        self._on_message = on_message
        self._on_change = self._bug_logger.guarded("update_crashed", on_change)
        self._on_refused = on_refused
        self._policy = ReconnectPolicy(state_file, now)
        self._now = now
        self.since: datetime | None = None
        """Since when the stream is connected, or not; `None` before the first attempt."""
        self._was_connected: bool | None = None
        self._tokens: OAuthTokens | None = None
        self._wake = asyncio.Event()
        self._client: _Client | None = None
        self._token_in_use: str | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the stream is connected and subscribed."""
        return self._client is not None

    @property
    def problem(self) -> AccountError | None:
        """What to report to the owner; `None` while all is well or no stream is wanted."""
        return self._policy.problem() if self._tokens else None

    @property
    def disconnect_reason(self) -> str | None:
        """Why the last connection was lost or not made; `None`: it was not, or is up again."""
        return self._policy.last_sentence

    def use(self, tokens: OAuthTokens | None) -> None:
        """Connect with these tokens from now on; `None`: disconnect."""
        self._tokens = tokens
        self._wake.set()

    async def run(self) -> None:
        """Stay connected as far as BMW allows it, until cancelled."""
        self._policy.restore()
        try:
            while True:
                self._wake.clear()
                await self._step_safely()
                self._track_since()
                self._on_change()
                _raise_if_cancelled()
                await self._wait()
        finally:
            await self._disconnect()

    def _track_since(self) -> None:
        if self.is_connected is not self._was_connected:
            self._was_connected, self.since = self.is_connected, self._now()

    async def _step_safely(self) -> None:
        """Take the next step; a bug must not end the other accounts."""
        try:
            await self._step()
        except Exception as error:
            self._bug_logger.exception("stream_crashed")
            self._policy.crashed(bug_message(error))

    async def _step(self) -> None:
        """Record a lost connection, then connect or disconnect as wanted."""
        client = self._client
        if client is not None and client.lost.done():
            self._client = self._token_in_use = None
            client.close()
            self._record(self._policy.lost, read_refusal(client.lost.exception(), is_connect=False))
        if self._tokens is None:
            await self._disconnect()
        elif self._tokens.id_token != self._token_in_use and not self._policy.wait_s():
            await self._connect(self._tokens)

    async def _wait(self) -> None:
        """Wait for other tokens, for the end of the connection, or of a pause."""
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._wake.wait())}
        if self._client is not None:
            waits.add(self._client.lost)
        timeout_s = None
        if self._tokens is not None and self._tokens.id_token != self._token_in_use:
            timeout_s = min(self._policy.wait_s(), CHECK_EVERY_S)
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits - {self._client.lost if self._client else None}:
                wait.cancel()

    async def _connect(self, tokens: OAuthTokens) -> None:
        """Connect beside the old connection, which BMW then drops; if it refuses, without it.

        If BMW is not even reached, the old connection stays for as long as it lasts.
        """
        refusal = await self._try(tokens)
        old = self._client
        if refusal is not None and old is not None:
            is_blocked_by_old = refusal.kind in _OLD_ONE_BLOCKS
            if is_blocked_by_old or old.lost.done():  # it has made room for the new one
                await self._disconnect()
            if is_blocked_by_old:
                await asyncio.sleep(GAP_S)
                refusal = await self._try(tokens)
        if refusal is not None:
            self._record(self._policy.failed, refusal)

    async def _try(self, tokens: OAuthTokens) -> DisconnectReason | None:
        """Connect once; return why not."""
        self._policy.connecting()
        client = self._make_client(tokens)
        try:
            await client.__aenter__()
        except BaseException as error:
            client.close()
            if isinstance(error, aiomqtt.MqttError | UnicodeError):  # or a host's name is none
                return read_refusal(error, is_connect=True)
            raise
        try:
            codes = await client.subscribe(f"{tokens.gcid}/+", qos=0)
        except BaseException as error:
            await _disconnect(client)
            if isinstance(error, aiomqtt.MqttError):
                return read_refusal(error, is_connect=False)
            raise
        if any(_number(code) >= _FAILURE for code in codes):
            await _disconnect(client)
            return NO_TOPIC
        old, self._client, self._token_in_use = self._client, client, tokens.id_token
        self._policy.connected()
        log.debug("stream_connected", host=self._settings.stream_host)
        if old is not None:
            await _read_out(old, f"{tokens.gcid}/+")
        return None

    def _make_client(self, tokens: OAuthTokens) -> _Client:
        return _Client(
            self._settings.stream_host,
            self._settings.stream_port,
            on_message=self._on_message,
            bug_logger=self._bug_logger,
            username=tokens.gcid,
            password=tokens.id_token,
            identifier=self._settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            keepalive=KEEPALIVE_S,
            tls_context=self._tls,
            timeout=TIMEOUT_S,
        )

    def _record(
        self, record: Callable[[DisconnectReason], None], refusal: DisconnectReason
    ) -> None:
        record(refusal)
        log.debug("stream_disconnected", kind=refusal.kind.name.lower(), reason=refusal.sentence)
        if refusal.kind is DisconnectKind.REFUSED:
            self._on_refused()

    async def _disconnect(self) -> None:
        client, self._client, self._token_in_use = self._client, None, None
        if client is not None:
            await _disconnect(client)
            self._policy.closed()


def _raise_if_cancelled() -> None:
    """Raise a cancellation that was lost: before Python 3.12, `asyncio.wait_for` can swallow one.

    It does so when what it waits for is done at that moment; aiomqtt uses it to disconnect.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _read_out(old: _Client, topic: str) -> None:
    """Process what was sent to a connection before another one replaced it, then close it.

    BMW ends the old connection when it lets the new one in, after all that it has sent. Should it
    keep both, nothing follows its answer to UNSUBSCRIBE.
    """
    try:
        await asyncio.wait([old.lost], timeout=HANG_UP_S)
        if not old.lost.done():
            with suppress(aiomqtt.MqttError):
                await old.unsubscribe(topic)
    finally:
        await _disconnect(old)


async def _disconnect(client: _Client) -> None:
    """Disconnect and close; the connection may be lost already."""
    try:
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
    finally:
        client.close()
    if client.lost.done() and not client.lost.cancelled():
        client.lost.exception()  # retrieved: nobody else waits for it


def _number(code: Any) -> int:
    return int(getattr(code, "value", code))
