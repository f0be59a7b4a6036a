"""What the bridge and an account know of each other."""

from datetime import timedelta
from typing import Protocol

from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.commands import Executor
from bmw2mqtt.vehicle.snapshot import Vehicle


class AccountListener(Protocol):
    """The bridge, as an account sees it."""

    def account_changed(self, state: AccountState) -> None:
        """Take the account's new state."""

    def vehicles_listed(self, account: str, vins: frozenset[str], *, is_complete: bool) -> None:
        """Take the list of cars; if it is complete, whoever is missing has left the account."""

    def vehicle_changed(self, account: str, vehicle: Vehicle) -> None:
        """Take a car's new snapshot; it differs from the one before."""

    def vehicle_seen(self, account: str, vin: str) -> None:
        """Take it that BMW has just given current data about a car, new or not."""

    def message_received(self, account: str, vin: str, payload: bytes) -> None:
        """Take BMW's own message about a car, as it came."""

    def is_wanted(self, account: str, vin: str) -> bool:
        """Whether this account is to ask BMW about this car."""


class Account(Protocol):
    """One login at BMW."""

    name: str
    polling: PollScheduler

    @property
    def requests(self) -> RequestCounter:
        """The requests it has made."""

    @property
    def state(self) -> AccountState:
        """How it stands now."""

    @property
    def executor(self) -> Executor | None:
        """What carries out commands; `None`: the account has none."""

    @property
    def stale_after(self) -> timedelta | None:
        """How long a car's data counts as current; `None`: for ever."""

    async def run(self) -> None:
        """Ask BMW from time to time until cancelled; never raises for what BMW does."""

    def refresh(self) -> None:
        """Ask BMW now, because a person wants to know."""

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume; survives a restart."""

    def log_in(self, captcha_token: str | None) -> None:
        """Try to log in now; what becomes of it shows in the status.

        Args:
            captcha_token: what BMW's app API wants; CarData gives a new code to confirm instead.
        """
