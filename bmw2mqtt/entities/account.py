"""The entities of an account: its status with BMW, and what a person can do about it."""

from functools import cache

from bmw2mqtt.entities.base import Attributes, BinarySensor, Button, Entity, Sensor, Switch, iso
from bmw2mqtt.vehicle.account import AccountState, AccountStatus


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


_COMMON: tuple[Entity[AccountState], ...] = (
    Sensor(
        key="status",
        name="Status",
        value=lambda account: account.status,
        attributes=_status,
        device_class="enum",
        options=tuple(AccountStatus),
        category="diagnostic",
        icon="mdi:account-check",
    ),
    BinarySensor(
        key="login_required",
        name="Login required",
        value=lambda account: account.is_login_required,
        attributes=lambda account: {
            "message": account.message if account.is_login_required else None,
            "login_url": account.login_url,
        },
        device_class="problem",
        category="diagnostic",
    ),
    Sensor(
        key="last_update",
        name="Last update",
        value=lambda account: account.last_update,
        device_class="timestamp",
        category="diagnostic",
    ),
    Sensor(
        key="next_update",
        name="Next update",
        value=lambda account: account.next_update,
        device_class="timestamp",
        category="diagnostic",
    ),
    Sensor(
        key="requests_24h",
        name="Requests in 24 hours",
        value=lambda account: account.requests_24h,
        state_class="measurement",
        category="diagnostic",
        icon="mdi:counter",
    ),
    Button(key="refresh", name="Refresh", icon="mdi:refresh"),
    Switch(
        key="polling",
        name="Polling",
        value=lambda account: account.is_polling,
        category="config",
        icon="mdi:cloud-sync",
    ),
)

_QUOTA: tuple[Entity[AccountState], ...] = (
    Sensor(
        key="requests_left",
        name="Requests left",
        value=lambda account: account.requests_left,
        state_class="measurement",
        category="diagnostic",
        icon="mdi:counter",
    ),
)

_STREAM: tuple[Entity[AccountState], ...] = (
    BinarySensor(
        key="stream_connected",
        name="Stream connected",
        value=lambda account: account.is_stream_connected,
        attributes=_stream,
        device_class="connectivity",
        category="diagnostic",
    ),
    Sensor(
        key="last_message",
        name="Last message",
        value=lambda account: account.last_message_at,
        device_class="timestamp",
        category="diagnostic",
    ),
)

_LOGIN: tuple[Entity[AccountState], ...] = (Button(key="login", name="Log in", icon="mdi:login"),)

ACCOUNT_ENTITIES: tuple[Entity[AccountState], ...] = (*_COMMON, *_QUOTA, *_STREAM, *_LOGIN)
"""Everything an account can have."""


@cache
def account_entities(
    *, has_quota: bool, has_stream: bool, has_login_button: bool
) -> tuple[Entity[AccountState], ...]:
    """Return the entities of a backend's accounts.

    Args:
        has_quota: whether BMW limits its requests.
        has_stream: whether BMW sends it messages.
        has_login_button: whether a person can start a login there.
    """
    return (
        *_COMMON,
        *(_QUOTA if has_quota else ()),
        *(_STREAM if has_stream else ()),
        *(_LOGIN if has_login_button else ()),
    )
