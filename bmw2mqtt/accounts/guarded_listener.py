"""Guarded listener: a bug in whatever listens to an account must not end the account."""

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.account import AccountState
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle


class GuardedListener:
    """Wraps an `AccountListener`: logs each of its bugs once and never raises."""

    def __init__(self, listener: AccountListener, bug_logger: BugLogger) -> None:
        self._listener = listener
        self._bug_logger = bug_logger

    def account_changed(self, state: AccountState) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=state.name):
            self._listener.account_changed(state)

    def vehicles_listed(self, account: str, vins: frozenset[str], *, is_complete: bool) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account):
            self._listener.vehicles_listed(account, vins, is_complete=is_complete)

    def vehicle_changed(self, account: str, vehicle: Vehicle) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account, vin=vehicle.vin):
            self._listener.vehicle_changed(account, vehicle)

    def vehicle_seen(self, account: str, vin: str) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account, vin=vin):
            self._listener.vehicle_seen(account, vin)

    def vehicle_observed(self, account: str, observed: ObservedVehicle) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account, vin=observed.vin):
            self._listener.vehicle_observed(account, observed)

    def is_recorded(self, account: str, vin: str) -> bool:
        """Pass the question on; where it fails the car is not recorded."""
        try:
            return self._listener.is_recorded(account, vin)
        except Exception:
            self._bug_logger.exception("update_crashed", account=account, vin=vin)
            return False

    def charges_read(self, account: str, vin: str, records: tuple[ChargeRecord, ...]) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account, vin=vin):
            self._listener.charges_read(account, vin, records)

    def message_received(self, account: str, vin: str, payload: bytes) -> None:
        """Pass the call on."""
        with self._bug_logger.caught("update_crashed", account=account, vin=vin):
            self._listener.message_received(account, vin, payload)

    def is_wanted(self, account: str, vin: str) -> bool:
        """Pass the question on; where it fails the car is not wanted."""
        try:
            return self._listener.is_wanted(account, vin)
        except Exception:
            self._bug_logger.exception("update_crashed", account=account, vin=vin)
            return False

    def battery_capacity_kwh(self, vin: str) -> float | None:
        """Pass the question on; where it fails nothing is configured."""
        try:
            return self._listener.battery_capacity_kwh(vin)
        except Exception:
            self._bug_logger.exception("update_crashed", vin=vin)
            return None
