"""The entities of an account: its status with BMW, and what a person can do about it."""

from functools import partial

from bmw2mqtt.entities.base import Attributes, BinarySensor, Button, Entity, Sensor, Switch, iso
from bmw2mqtt.vehicle.account import AccountState, AccountStatus, LoginKind


def _status(account: AccountState) -> Attributes:
    return {
        "message": account.message,
        "login_url": account.login_url,
        "user_code": account.user_code,
        "expires_at": iso(account.expires_at) if account.expires_at else None,
        "last_refresh": account.last_refresh,
    }


def _stream(account: AccountState) -> Attributes:
    return {
        "since": iso(account.stream_since) if account.stream_since else None,
        "reason": account.stream_reason,
    }


_sensor = partial(Sensor[AccountState], category="diagnostic")
_binary_sensor = partial(BinarySensor[AccountState], category="diagnostic")

ACCOUNT_ENTITIES: tuple[Entity[AccountState], ...] = (
    _sensor(
        key="status",
        name="Status",
        value=lambda account: account.status,
        attributes=_status,
        device_class="enum",
        options=tuple(AccountStatus),
        icon="mdi:account-check",
    ),
    _binary_sensor(
        key="login_required",
        name="Login required",
        value=lambda account: account.is_login_required,
        attributes=lambda account: {
            "message": account.message if account.is_login_required else None,
            "login_url": account.login_url,
        },
        device_class="problem",
    ),
    _sensor(
        key="last_update",
        name="Last update",
        value=lambda account: account.last_update,
        device_class="timestamp",
    ),
    _sensor(
        key="next_update",
        name="Next update",
        value=lambda account: account.next_update,
        device_class="timestamp",
    ),
    _sensor(
        key="requests_24h",
        name="Requests in 24 hours",
        value=lambda account: account.requests_24h,
        state_class="measurement",
        icon="mdi:counter",
    ),
    _sensor(
        key="requests_left",
        name="Requests left",
        value=lambda account: account.requests_left,
        exists=lambda account: account.backend.has_quota,
        state_class="measurement",
        icon="mdi:counter",
    ),
    _binary_sensor(
        key="stream_connected",
        name="Stream connected",
        value=lambda account: account.is_stream_connected,
        attributes=_stream,
        exists=lambda account: account.backend.has_stream,
        device_class="connectivity",
    ),
    _sensor(
        key="last_message",
        name="Last message",
        value=lambda account: account.last_message_at,
        exists=lambda account: account.backend.has_stream,
        device_class="timestamp",
    ),
    Button(key="refresh", name="Refresh", icon="mdi:refresh"),
    Button(
        key="login",
        name="Log in",
        exists=lambda account: account.backend.login is LoginKind.DEVICE_CODE,
        icon="mdi:login",
    ),
    Switch(
        key="polling",
        name="Polling",
        value=lambda account: account.is_polling,
        category="config",
        icon="mdi:cloud-sync",
    ),
)
