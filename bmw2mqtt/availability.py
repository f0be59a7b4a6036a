"""Availability of cars that an earlier run published and this one has not seen yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bmw2mqtt.accounts.account import Account

UNSEEN_FOR = timedelta(minutes=30)
"""How long the values of an earlier run count as current if there is no account to ask."""
UNSEEN_AFTER_START = timedelta(minutes=5)
"""So much time has an account after a start before cars of an earlier run turn offline."""


def are_silent(accounts: Iterable[Account], *, started_at: datetime, now: datetime) -> bool:
    """Whether none of the accounts that may have a car has had an answer for too long.

    What an account had in earlier runs counts: many short runs are one long silence. An account
    that polls only on request is never silent.
    """
    if now - started_at < UNSEEN_AFTER_START:
        return False
    limits = [(account.stale_after, account.polling.succeeded_at) for account in accounts]
    if not limits:
        return now - started_at >= UNSEEN_FOR
    return all(
        stale_after is not None and now - (succeeded_at or started_at) >= stale_after
        for stale_after, succeeded_at in limits
    )
