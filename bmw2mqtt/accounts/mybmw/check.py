"""Checks whether BMW accepts an account's login."""

import ssl

from bmw2mqtt.accounts.mybmw.auth.account import make_account
from bmw2mqtt.accounts.mybmw.auth.tokens import SavedTokens
from bmw2mqtt.accounts.mybmw.library.installation_id import use_kept_installation_id
from bmw2mqtt.accounts.mybmw.vehicle import list_vehicles
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwSettings as AccountSettings


async def try_login(
    name: str,
    settings: AccountSettings,
    store: Store,
    tls: ssl.SSLContext,
    captcha_token: str | None = None,
) -> int:
    """List the account's vehicles, logging in if needed; return how many there are.

    Raises:
        AccountError: BMW refuses or cannot be reached.
    """
    use_kept_installation_id(store)
    library, authentication = make_account(settings, tls, StateFile(store, name))
    SavedTokens(store, name, authentication).restore()
    if captcha_token is not None:
        authentication.access_token = None  # a person wants a new login
        authentication.set_captcha(captcha_token)
    try:
        return len((await list_vehicles(library)).brands)
    finally:
        await store.flushed()
