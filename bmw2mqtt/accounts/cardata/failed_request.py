"""A REST request that failed: each try costs quota, so the next one waits, longer each time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from bmw2mqtt.backoff import Backoff
from bmw2mqtt.vehicle.errors import AccountError

FIRST_RETRY_S = 600
LONGEST_RETRY_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """Why a request failed, and how long it is not repeated."""

    error: AccountError
    wait: timedelta
    since: datetime
    backoff: Backoff

    @classmethod
    def after(cls, previous: Self | None, error: AccountError, now: datetime) -> Self:
        """Return the next failure of a request, or the first one."""
        if previous:
            backoff = previous.backoff
        else:  # without jitter: polls come at random times already
            backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S, jitter=0)
        return cls(error, timedelta(seconds=backoff.fail()), now, backoff)

    @property
    def until(self) -> datetime:
        """When it may be sent again."""
        return self.since + self.wait

    def is_waiting(self, now: datetime) -> bool:
        """Whether it must not be sent yet; a wait that seems longer comes from a wrong clock."""
        return timedelta() < self.until - now <= self.wait
