"""Availability of cars that an earlier run published and this one has no data of yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bmw2mqtt.accounts.account import Account

STALE_WITHOUT_ACCOUNT = timedelta(minutes=30)
"""How long the values of an earlier run count as current if no account reaches BMW."""
GRACE_AFTER_START = timedelta(minutes=5)
"""How long after a start no car of an earlier run turns offline."""


def are_silent(accounts: Iterable[Account], *, started_at: datetime, now: datetime) -> bool:
    """Whether none of the accounts that may have a car has had an answer for too long.

    Answers in earlier runs count: many short runs are one long silence. An account that polls only
    on request is never silent.
    """
    if now - started_at < GRACE_AFTER_START:
        return False
    limits = [(account.stale_after, account.polling.succeeded_at) for account in accounts]
    if not limits:
        return now - started_at >= STALE_WITHOUT_ACCOUNT
    return all(
        stale_after is not None and now - (succeeded_at or started_at) >= stale_after
        for stale_after, succeeded_at in limits
    )
