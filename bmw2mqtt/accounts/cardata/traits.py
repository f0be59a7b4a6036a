"""What an account with BMW's customer API can do."""

from typing import Final

from bmw2mqtt.vehicle.account import BackendTraits, LoginKind

CARDATA_TRAITS: Final = BackendTraits(
    name="cardata",
    title="CarData",
    login=LoginKind.DEVICE_CODE,
    has_quota=True,
    has_stream=True,
)
