"""Does BMW let an account in?"""

import ssl

from bmw2mqtt.accounts.memory import Memory
from bmw2mqtt.accounts.mybmw import identity
from bmw2mqtt.accounts.mybmw.cars import list_cars
from bmw2mqtt.accounts.mybmw.library import make_account
from bmw2mqtt.accounts.mybmw.tokens import Tokens
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.config import MyBmwAccount as AccountSettings


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
    library, authentication = make_account(settings, tls, Memory(store, name))
    Tokens(store, name, authentication).restore()
    if captcha_token is not None:
        authentication.access_token = None  # a person wants a login, not what is left of the last
        authentication.give_captcha(captcha_token)
    try:
        return len((await list_cars(library)).brands)
    finally:
        await store.flushed()
