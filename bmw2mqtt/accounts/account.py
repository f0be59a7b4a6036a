"""The interfaces between an account and the bridge."""

from datetime import timedelta
from typing import Protocol

from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.vehicle.account import AccountState, StreamedData
from bmw2mqtt.vehicle.commands import Executor
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle


class AccountListener(Protocol):
    """Gets what an account finds out."""

    def account_changed(self, state: AccountState) -> None:
        """Called with each new state of the account."""

    def vehicles_listed(self, account: str, vins: frozenset[str], *, is_complete: bool) -> None:
        """Called with the account's vehicles; if complete, one that is missing has left."""

    def vehicle_changed(self, account: str, vehicle: Vehicle) -> None:
        """Called with each snapshot that differs from the one before."""

    def vehicle_seen(self, account: str, vin: str) -> None:
        """Called when what is known of a vehicle is confirmed as current, changed or not."""

    def vehicle_observed(self, account: str, observed: ObservedVehicle) -> None:
        """Called with what the history needs, after `vehicle_changed`, changed or not."""

    def is_recorded(self, account: str, vin: str) -> bool:
        """Whether this vehicle's charges are recorded, so that BMW's record of them is wanted."""

    def charges_read(self, account: str, vin: str, records: tuple[ChargeRecord, ...]) -> None:
        """Called with finished sessions of BMW's own charging history, known ones too."""

    def message_received(self, account: str, vin: str, payload: bytes) -> None:
        """Called with each stream message of a vehicle, unchanged."""

    def is_wanted(self, account: str, vin: str) -> bool:
        """Whether this account is to request data of this vehicle."""

    def battery_capacity_kwh(self, vin: str) -> float | None:
        """Return the usable capacity that the owner has configured; `None` without one."""


class Account(Protocol):
    """One login at BMW."""

    name: str
    polling: PollScheduler

    @property
    def requests(self) -> RequestCounter:
        """Counts its requests to BMW."""

    @property
    def state(self) -> AccountState:
        """Its current state."""

    @property
    def executor(self) -> Executor | None:
        """What carries out commands; `None`: the account has none."""

    @property
    def stale_after(self) -> timedelta | None:
        """How long a vehicle's data counts as current; `None`: for ever."""

    def streamed(self, vin: str) -> StreamedData | None:
        """Return what BMW's stream has brought of a car; `None` for accounts without a stream."""

    async def run(self) -> None:
        """Poll or listen to BMW until cancelled; never raises for what BMW answers."""

    def refresh(self) -> None:
        """Poll now: a person has requested a refresh."""

    def set_polling(self, *, is_polling: bool) -> None:
        """Pause or resume polling; survives a restart."""

    def log_in(self, captcha_token: str | None) -> None:
        """Try to log in now; the status reports the outcome.

        Args:
            captcha_token: the token of BMW's captcha (`mybmw`); `cardata` ignores it and requests a
                new code to confirm.
        """
