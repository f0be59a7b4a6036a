"""Does BMW let an account in?"""

import ssl

from bmw2mqtt.accounts.mybmw.auth.tokens import TokenFile
from bmw2mqtt.accounts.mybmw.library import installation_id as identity
from bmw2mqtt.accounts.mybmw.library.account import make_account
from bmw2mqtt.accounts.mybmw.vehicle import list_cars
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
    """List the account's cars, logging in if needed; return how many there are.

    Raises:
        AccountError: BMW refuses or cannot be reached.
    """
    identity.keep(store)
    library, authentication = make_account(settings, tls, StateFile(store, name))
    TokenFile(store, name, authentication).restore()
    if captcha_token is not None:
        authentication.access_token = None  # a person wants a login, not what is left of the last
        authentication.give_captcha(captcha_token)
    try:
        return len((await list_cars(library)).brands)
    finally:
        await store.flushed()
