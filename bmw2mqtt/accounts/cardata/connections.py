"""Everything of an account that talks to BMW's servers: login, stream, REST."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.manager import LoginManager
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials, OAuthTokens
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.cardata.rest.client import RestClient
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.stream.connection import StreamConnection
from bmw2mqtt.accounts.cardata.stream.relayed import RelayedStream, Stream
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.config import CarDataSettings as AccountSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEvents:
    """What is called when something happens; nothing of it may raise, except `on_message`."""

    on_tokens: Callable[[OAuthTokens | None], None]
    """With each new set of tokens, `None` when the login is lost."""
    on_login: Callable[[], None]
    on_login_change: Callable[[], None]
    """When what the login manager reports has changed."""
    on_message: Callable[[str, bytes], None]
    """With topic and payload of each message of the stream."""
    on_relayed: Callable[[str, bytes, bool], None]
    """The same where another program passes the stream on, with whether it was retained."""
    on_stream_change: Callable[[], None]


class BmwConnections:
    """The connections of one account; they share its login."""

    def __init__(
        self,
        name: str,
        settings: AccountSettings,
        *,
        store: Store,
        state_file: StateFile,
        quota: RequestQuota,
        tls: ssl.SSLContext,
        events: ConnectionEvents,
        now: Callable[[], datetime],
    ) -> None:
        self._http = HttpClient(tls)
        oauth = OAuth(self._http, settings.auth_url, settings.client_id)
        self.credentials = Credentials(name, oauth, store, now)
        self.login = LoginManager(
            name,
            self.credentials,
            DeviceLogin(oauth, now=now),
            state_file,
            on_tokens=events.on_tokens,
            on_login=events.on_login,
            on_change=events.on_login_change,
            now=now,
        )
        self.login.is_optional = settings.stream_topics is not None
        self.relayed: RelayedStream | None = None
        """What another program passes on, in the place of BMW's stream."""
        if settings.stream_topics is not None:
            self.relayed = RelayedStream(events.on_relayed, events.on_stream_change, now)
        self.stream: Stream = self.relayed or StreamConnection(
            settings,
            state_file,
            tls=client_context(name, settings.ca_file, ssl.TLSVersion.TLSv1_3),
            on_message=events.on_message,
            on_change=events.on_stream_change,
            on_refused=self.login.renew_soon,
            now=now,
        )
        self.rest = RestClient(self._http, settings.api_url, self.credentials, quota)

    async def open(self, stack: AsyncExitStack) -> None:
        """Open the HTTP client until the stack is closed."""
        await stack.enter_async_context(self._http)
