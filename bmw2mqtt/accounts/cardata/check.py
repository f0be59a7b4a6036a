"""The check of an account's login, and the login on the terminal."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bmw2mqtt.accounts.backend import Terminal
from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.tokens import Credentials
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import CarDataSettings as AccountSettings


async def try_login(
    name: str, settings: AccountSettings, store: Store, tls: ssl.SSLContext
) -> None:
    """Check the login, and renew it if it is due; costs no REST request.

    Raises:
        AccountError: BMW requires a login, refuses or cannot be reached.
    """
    async with _login(name, settings, store, tls) as (_, credentials):
        credentials.restore()
        await credentials.fresh()


async def log_in(
    name: str, settings: AccountSettings, store: Store, tls: ssl.SSLContext, terminal: Terminal
) -> None:
    """Get a code, show it to a person, wait until it is confirmed, and store the tokens.

    Raises:
        AccountError: BMW refuses or cannot be reached, or the person declines.
    """
    async with _login(name, settings, store, tls) as (oauth, credentials):
        login = DeviceLogin(oauth)
        codes = await login.begin()
        terminal.show_code(codes.verification_url, codes.user_code, codes.expires_at)
        await credentials.replace(await login.wait(codes))


@asynccontextmanager
async def _login(
    name: str, settings: AccountSettings, store: Store, tls: ssl.SSLContext
) -> AsyncIterator[tuple[OAuth, Credentials]]:
    async with HttpClient(tls) as session:
        oauth = OAuth(session, settings.auth_url, settings.client_id)
        credentials = Credentials(name, oauth, store)
        try:
            yield oauth, credentials
        finally:
            await credentials.close()
            await store.flushed()
