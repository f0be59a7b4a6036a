"""All cars and accounts as the broker shows them: whose car it is, what is current, what is left.

Accounts report to it (it is their `Listener`); it lets each device publish.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bmw2mqtt import __version__
from bmw2mqtt.accounts.account import Account
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.availability import are_silent
from bmw2mqtt.config import CarDataSettings, MyBmwSettings, Settings
from bmw2mqtt.entities import account_entities, vehicle_entities
from bmw2mqtt.entities.base import Entity, Value, iso
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_identity, vehicle_payload
from bmw2mqtt.mqtt.device import Device, dump_json
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.ownership import Ownership
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.commands import REASON_OF_STATUS, Reason
from bmw2mqtt.vehicle.errors import StoreError
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)
_OWNERS_FILE = "owners"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVehicle:
    """One car as it is shown."""

    account: str
    name: str
    is_available: bool
    """Whether what is known of it is current."""
    vehicle: Vehicle
    entities: tuple[Entity[Vehicle], ...]
    """The table of its backend."""


class DeviceRegistry:
    """Turns what accounts report into topics."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        publisher: Publisher,
        inventory: RetainedScan,
        now: Callable[[], datetime] = utc_now,
        store: Store | None = None,
    ) -> None:
        """Prepare it.

        Args:
            settings: accounts, and what is set for single cars.
            topics: where everything goes.
            publisher: what brings it there.
            inventory: what earlier runs left there.
            now: the wall clock.
            store: where it is remembered whose car it is.
        """
        self._settings = settings
        self._topics = topics
        self._publisher = publisher
        self._inventory = inventory
        self._now = now
        self._started_at = now()
        self._store = store
        self._ownership = Ownership(list(settings.accounts))
        self._saved_owners: dict[str, str] | None = None
        self._shown_by: dict[str, str] = {}
        """Whose account's snapshot of a car is shown."""
        self._vehicles: dict[str, Device[Vehicle]] = {}
        self._snapshots: dict[str, Vehicle] = {}
        self._attached: Mapping[str, Account] = {}
        self._seen_at: dict[str, datetime] = {}
        """When BMW last gave current data about a car."""
        self._unseen: set[str] = set()
        """Availability topics of cars that only an earlier run saw."""
        publisher.retain(topics.bridge_availability, b"online")
        self._publish_info()
        self._states: dict[str, AccountState] = {}
        self._bugs: dict[str, str] = {}
        """What to say of accounts that have crashed."""
        self._bug_logger = BugLogger()
        self._accounts = {name: self._account_device(name) for name in settings.accounts}

    def restore(self) -> None:
        """Take whose cars they were in an earlier run."""
        if self._store is not None:
            self._ownership.remember(self._store.load(_OWNERS_FILE))

    # What accounts tell

    def account_changed(self, state: AccountState) -> None:
        """Publish an account's new state."""
        self._states[state.name] = state
        state = self._with_bug(state)
        can_tell = state.status in {AccountStatus.STARTING, AccountStatus.OK}
        self._ownership.silent(state.name, is_silent=not can_tell)
        self._accounts[state.name].show(state)

    def account_crashed(self, name: str, message: str | None) -> None:
        """Show that an account is out of order by a bug of ours; `None`: that it runs again."""
        if message is None:
            self._bugs.pop(name, None)
        else:
            self._bugs[name] = message
        self.account_changed(self._states[name])

    def _with_bug(self, state: AccountState) -> AccountState:
        bug = self._bugs.get(state.name)
        return replace(state, status=AccountStatus.ERROR, message=bug) if bug else state

    def vehicles_listed(self, account: str, vins: frozenset[str], *, is_complete: bool) -> None:
        """Give cars to the account, and take back those that left it."""
        for vin in sorted(self._ownership.take(account, vins, is_complete=is_complete)):
            if self._shown_by.get(vin) == account:
                self._remove(vin)
                log.info("vehicle_left", account=account, vin=vin)
        if is_complete:
            self._save_owners()
            self.sweep()

    def _save_owners(self) -> None:
        owners = self._ownership.owners()
        if self._store is not None and owners != self._saved_owners:
            self._store.save_later(_OWNERS_FILE, owners, _report)
            self._saved_owners = owners

    def vehicle_changed(self, account: str, vehicle: Vehicle) -> None:
        """Publish a car's new snapshot."""
        if not self.is_wanted(account, vehicle.vin):
            return
        vin = vehicle.vin
        before = self._vehicles.get(vin)
        device = before
        if device is None or self._shown_by[vin] != account:
            device = self._vehicles[vin] = self._vehicle_device(account, vin)
            self._shown_by[vin] = account
        known, self._snapshots[vin] = self._snapshots.get(vin), vehicle
        if before is None or before is device:
            device.show(vehicle)
        else:
            before.hand_over(device, vehicle)
        if before is not device:
            self._unseen.discard(device.topics.availability)
            log.info("vehicle_found", account=account, vin=vin, model=vehicle.model)
            self.sweep()
        if known is None or before is not device or known.model != vehicle.model:
            self._publish_info()

    def vehicle_seen(self, account: str, vin: str) -> None:
        """Take it that BMW has just given current data about a car, new or not."""
        if self._ownership.owner(vin) != account:
            return
        self._seen_at[vin] = self._now()
        if device := self._vehicles.get(vin):
            device.set_available(is_available=True)

    def message_received(self, account: str, vin: str, payload: bytes) -> None:
        """Pass BMW's own message on to whoever else wants it."""
        settings = self._settings.accounts[account]
        if isinstance(settings, CarDataSettings) and settings.relay_prefix:
            self._publisher.relay(f"{settings.relay_prefix}{vin}", payload)

    def is_wanted(self, account: str, vin: str) -> bool:
        """Whether the account owns the car and the owner wants to see it."""
        configured = self._settings.vehicles.get(vin)
        is_enabled = configured is None or configured.enabled
        return is_enabled and self._ownership.owner(vin) == account

    # What commands ask

    def attach(self, accounts: Mapping[str, Account]) -> None:
        """Take the accounts that carry out commands."""
        self._attached = accounts

    def find(self, vin: str) -> Vehicle | None:
        """Return the car's last snapshot; `None` for a car that is not ours."""
        return self._snapshots.get(vin)

    def account_of(self, vin: str) -> Account:
        """Return the account of a car that `find` knows."""
        return self._attached[self._shown_by[vin]]

    def is_read_only_vehicle(self, vin: str) -> bool:
        """Whether the car's account is in read-only mode."""
        return self.is_read_only(self._shown_by[vin])

    def show_pending(self, vin: str, entity: Entity[Vehicle], value: Value) -> None:
        """Show where an entity is going."""
        if device := self._vehicles.get(vin):
            device.show_pending(entity, value)

    def end_pending(self, vin: str, entity: Entity[Vehicle]) -> None:
        """Show what the car says of an entity as soon as it says something new."""
        if device := self._vehicles.get(vin):
            device.end_pending(entity)

    def why_unknown(self, vin: str) -> tuple[Reason, str]:
        """Return why `find` does not know a car: not ours, or BMW has not told yet."""
        listed = self._ownership.listed
        waiting = [state for state in self.account_states() if state.name not in listed]
        if not waiting and self._attached and self._ownership.owner(vin) is None:
            return Reason.UNKNOWN_VEHICLE, "no account has this car"
        for state in waiting:
            if state.status is AccountStatus.PAUSED:
                return Reason.UNREACHABLE, "polling is paused: press refresh to see the cars"
            if reason := REASON_OF_STATUS.get(state.status):
                return reason, state.message or "BMW does not say which cars there are"
        return Reason.UNREACHABLE, "BMW has not told yet which cars there are"

    def show_current(self, vin: str, entity: Entity[Vehicle] | None = None) -> None:
        """Show again what the car says: of one entity, or of all."""
        if device := self._vehicles.get(vin):
            device.show_current(entity)

    # What the page asks

    def account_states(self) -> tuple[AccountState, ...]:
        """Return how every account of the configuration stands, in its order."""
        return tuple(self._with_bug(state) for state in self._states.values())

    def cars(self) -> Iterator[RegisteredVehicle]:
        """Go through the cars by account."""
        for account in self._settings.accounts:
            for vin, vehicle in self._snapshots.items():
                if self._shown_by.get(vin) == account and (device := self._vehicles.get(vin)):
                    yield RegisteredVehicle(
                        account=account,
                        name=self._name(vehicle),
                        is_available=device.is_available,
                        vehicle=vehicle,
                        entities=vehicle_entities(self._settings.accounts[account].backend),
                    )

    # Topics

    def _remove(self, vin: str) -> None:
        device = self._vehicles.pop(vin, None)
        self._snapshots.pop(vin, None)
        self._shown_by.pop(vin, None)
        if device is not None:
            device.remove()
            self._publish_info()

    def _account_device(self, name: str) -> Device[AccountState]:
        topics = self._topics.account(name)
        discovery = partial(account_payload, topics=topics)
        is_cardata = isinstance(self._settings.accounts[name], CarDataSettings)
        device = Device(
            self._publisher,
            topics,
            account_entities(has_quota=is_cardata, has_login_button=is_cardata),
            discovery=discovery if self._settings.homeassistant.enabled else None,
        )
        self._states[name] = AccountState(name=name, backend=self._settings.accounts[name].backend)
        device.show(self._states[name])
        return device

    def _vehicle_device(self, account: str, vin: str) -> Device[Vehicle]:
        topics = self._topics.vehicle(vin)
        configured = self._settings.vehicles.get(vin)
        name = configured.name if configured else None
        discovery = partial(
            vehicle_payload, topics=topics, account=self._topics.account(account), name=name
        )
        is_read_only = self.is_read_only(account)
        is_cardata = isinstance(self._settings.accounts[account], CarDataSettings)
        table = tuple(
            entity
            for entity in vehicle_entities(has_commands=not is_cardata, has_readings=is_cardata)
            if not (entity.is_commandable and is_read_only) or entity.works_read_only
        )
        return Device(
            self._publisher,
            topics,
            table,
            discovery=discovery if self._settings.homeassistant.enabled else None,
            identity=vehicle_identity,
            snapshot=partial(_snapshot, name=name),
            has_availability=True,
        )

    def is_read_only(self, account: str) -> bool:
        """Whether an account takes no commands: CarData never does."""
        settings = self._settings.accounts[account]
        return settings.read_only if isinstance(settings, MyBmwSettings) else True

    def _publish_info(self) -> None:
        accounts = {
            name: {
                "backend": account.backend,
                "region": account.region if isinstance(account, MyBmwSettings) else None,
                "read_only": self.is_read_only(name),
            }
            for name, account in self._settings.accounts.items()
        }
        vehicles = {
            vin: {"name": self._name(vehicle), "account": self._shown_by.get(vin)}
            for vin, vehicle in self._snapshots.items()
        }
        info = {
            "version": __version__,
            "started_at": iso(self._started_at),
            "accounts": accounts,
            "vehicles": vehicles,
        }
        self._publisher.retain(self._topics.bridge_info, dump_json(info))

    def _name(self, vehicle: Vehicle) -> str:
        configured = self._settings.vehicles.get(vehicle.vin)
        return (configured.name if configured else None) or vehicle.model

    # What time does

    def check_freshness(self) -> None:
        """Take back the `online` of cars about which nothing current has come for long."""
        now = self._now()
        for vin in tuple(self._vehicles):
            self._check_car(vin, now)
        self._check_unseen(now)

    def _check_car(self, vin: str, now: datetime) -> None:
        try:
            limit = self._attached[self._shown_by[vin]].stale_after
            if limit is not None and now - self._seen_at.get(vin, now) > limit:
                self._vehicles[vin].set_available(is_available=False)
        except Exception:
            self._bug_logger.exception("availability_crashed", vin=vin)

    def _check_unseen(self, now: datetime) -> None:
        """The same for cars that an earlier run saw and this one has not."""
        shown = self._publisher.retained_topics()
        for topic in self._inventory.pending():
            vin = topic.removeprefix(f"{self._topics.base}/").removesuffix("/availability")
            if not is_vin(vin) or topic in shown:
                continue
            owner = self._attached.get(self._ownership.owner(vin) or "")
            accounts = [owner] if owner else self._attached.values()
            if are_silent(accounts, started_at=self._started_at, now=now):
                self._unseen.add(topic)
                self._publisher.retain(topic, b"offline")

    # What earlier runs left

    def sweep(self) -> None:
        """Remove what earlier runs left and nothing stands for any more."""
        if not self._inventory.is_complete:
            return
        devices: dict[str, Device[Any]] = {}
        devices |= {device.topics.root: device for device in self._accounts.values()}
        devices |= {device.topics.root: device for device in self._vehicles.values()}
        for root, device in devices.items():
            if gone := self._inventory.components(root):
                device.forget(gone)
        leftovers = self._inventory.leftovers(
            self._publisher.retained_topics() - self._unseen,
            lambda root: self._is_settled(root, devices),
        )
        for topic in leftovers:
            self._publisher.clear(topic)
        if leftovers:
            log.info("leftovers_removed", topics=len(leftovers))

    def _is_settled(self, root: str, devices: Mapping[str, object]) -> bool:
        """Whether all that can be known about a device is known.

        A car that nobody has claimed may still belong to an account that cannot reach BMW.
        """
        is_account = root.startswith(f"{self._topics.base}/account/")
        if root in devices or not root or is_account:
            return True
        vin = root.removeprefix(f"{self._topics.base}/")
        configured = self._settings.vehicles.get(vin)
        if configured is not None and not configured.enabled:
            return True
        is_nobodys = self._ownership.owner(vin) is None
        return is_nobodys and self._ownership.listed >= self._settings.accounts.keys()


def _report(error: StoreError | None) -> None:
    if error:
        log.debug("owners_not_saved", reason=str(error))


def _snapshot(
    vehicle: Vehicle, values: Mapping[str, Mapping[str, Any]], *, name: str | None
) -> Mapping[str, Any]:
    """Make the whole car in one JSON document."""
    return {
        "vin": vehicle.vin,
        "name": name or vehicle.model,
        "updated_at": iso(vehicle.updated_at) if vehicle.updated_at else None,
        **values,
    }
