"""What an account with the BMW app's login can do."""

from typing import Final

from bmw2mqtt.vehicle.account import BackendTraits, LoginKind

MYBMW_TRAITS: Final = BackendTraits(
    name="mybmw",
    title="MyBMW",
    login=LoginKind.CAPTCHA,
    has_commands=True,
    lists_capabilities=True,
)
