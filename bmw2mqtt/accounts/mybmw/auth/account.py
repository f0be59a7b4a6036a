"""The library's account for one of ours: its login, region and server."""

import ssl
from typing import Any

from bimmer_connected.account import MyBMWAccount
from bimmer_connected.api.client import MyBMWClientConfiguration
from bimmer_connected.const import Regions
from bimmer_connected.models import GPSPosition

from bmw2mqtt.accounts.mybmw.auth.attempts import LoginAttempts
from bmw2mqtt.accounts.mybmw.auth.authentication import Authentication
from bmw2mqtt.accounts.mybmw.library.region import AccountRegion
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.config import MyBmwSettings as AccountSettings

_CAPTCHA = "https://bimmer-connected.readthedocs.io/en/stable/captcha"


def captcha_page(region: str) -> str | None:
    """Return where a person solves BMW's captcha; China has none."""
    return None if region == "china" else f"{_CAPTCHA}/{region}.html"


def captcha_form(region: str) -> str | None:
    """Return the same page as a form that POSTs the token to its `redirect_uri`."""
    return None if region == "china" else f"{_CAPTCHA}/{region}_form.html"


def make_account(
    settings: AccountSettings, tls: ssl.SSLContext, state_file: StateFile
) -> tuple[MyBMWAccount, Authentication]:
    """Create the library's account; nothing is sent yet. Refused logins go to the state file."""
    region: Any = AccountRegion.register(Regions[settings.region.upper()], settings.server)
    captcha = settings.captcha_token
    authentication = Authentication(
        settings.username, settings.password.get_secret_value(), region, verify=tls
    )
    authentication.attempts = LoginAttempts(state_file, settings)
    authentication.captcha_page = captcha_page(settings.region)
    authentication.set_captcha(captcha.get_secret_value() if captcha else None)
    location = settings.location
    position = GPSPosition(location.latitude, location.longitude) if location else None
    config = MyBMWClientConfiguration(authentication, observer_position=position, verify=tls)
    return MyBMWAccount(settings.username, "", region, config=config), authentication
