"""Device registry: turns account updates into MQTT devices, and removes stale retained topics.

It also publishes whether what is known of a car is current. Accounts report to it (it is their
`AccountListener`). Each car and each account is one `Device`, which publishes its own topics.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from bmw2mqtt.accounts.account import Account
from bmw2mqtt.accounts.backend import Backend
from bmw2mqtt.accounts.backends import BACKENDS
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.appeared import AppearedEntities
from bmw2mqtt.availability import are_silent
from bmw2mqtt.bridge_info import bridge_info
from bmw2mqtt.config import Settings
from bmw2mqtt.entities import ACCOUNT_ENTITIES
from bmw2mqtt.entities.base import Entity, Event
from bmw2mqtt.entities.sensor.history import rounded
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.homeassistant.discovery import account_payload, vehicle_identity, vehicle_payload
from bmw2mqtt.mqtt.device import Device, dump_json
from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.retained_scan import RetainedScan
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.mqtt.vehicle_snapshot import vehicle_snapshot
from bmw2mqtt.ownership import Ownership
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.vehicle.account import AccountState, AccountStatus
from bmw2mqtt.vehicle.commands import REASON_OF_STATUS, Reason
from bmw2mqtt.vehicle.errors import StoreError
from bmw2mqtt.vehicle.history import HistoryEvent, VehicleHistory
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle, VehicleRecorder
from bmw2mqtt.vehicle.report_time import ReportThrottle
from bmw2mqtt.vehicle.snapshot import Vehicle
from bmw2mqtt.vehicle.vin import is_vin

log = structlog.get_logger(__name__)
_OWNERS_FILE: Final = "owners"


class DeviceRegistry:
    """All accounts and cars, each with the device that publishes it."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        publisher: Publisher,
        scan: RetainedScan,
        now: Callable[[], datetime] = utc_now,
        store: Store | None = None,
    ) -> None:
        """Prepare it.

        Args:
            settings: the accounts, and what is set for single cars.
            topics: where everything is published.
            publisher: publishes it.
            scan: what earlier runs have left on the broker.
            now: the wall clock.
            store: keeps the owners of the cars over a restart.
        """
        self._settings = settings
        self._topics = topics
        self._publisher = publisher
        self._scan = scan
        self._now = now
        self._started_at = now()
        self._store = store
        self._ownership = Ownership(list(settings.accounts))
        self._appeared = AppearedEntities(store)
        self._saved_owners: dict[str, str] | None = None
        self.recorder: VehicleRecorder | None = None
        """Records the cars' past."""
        self._histories: dict[str, VehicleHistory] = {}
        self._vehicles: dict[str, RegisteredVehicle] = {}
        self._accounts: Mapping[str, Account] = {}
        self._current_at: dict[str, datetime] = {}
        """When BMW last sent current data of a car, by VIN; also before its first snapshot."""
        self._report_throttle = ReportThrottle()
        self._unseen: set[str] = set()
        """Availability topics of cars that only an earlier run has published."""
        publisher.retain(topics.bridge_availability, b"online")
        self._publish_info()
        self._states: dict[str, AccountState] = {}
        self._bugs: dict[str, str] = {}
        """Messages about accounts that have crashed."""
        self._bug_logger = BugLogger()
        self._account_devices = {name: self._account_device(name) for name in settings.accounts}

    def restore(self) -> None:
        """Restore what an earlier run has saved."""
        if self._store is not None:
            self._ownership.restore(self._store.load(_OWNERS_FILE))
        self._appeared.restore()

    def attach(self, accounts: Mapping[str, Account]) -> None:
        """Use these accounts; the mapping may grow."""
        self._accounts = accounts

    # What accounts report

    def account_changed(self, state: AccountState) -> None:
        """Publish an account's new state."""
        self._states[state.name] = state
        state = self._with_bug(state)
        can_list = state.status in {AccountStatus.STARTING, AccountStatus.OK}
        owners = self._ownership.owners()
        self._ownership.set_available(state.name, is_available=can_list)
        self._refresh_new_owners(owners, state.name)
        self._account_devices[state.name].publish(state)

    def account_crashed(self, name: str, message: str | None) -> None:
        """Publish that a bug has ended an account; `None`: it runs again."""
        if message is None:
            self._bugs.pop(name, None)
        else:
            self._bugs[name] = message
        self.account_changed(self._states[name])

    def _with_bug(self, state: AccountState) -> AccountState:
        bug = self._bugs.get(state.name)
        return replace(state, status=AccountStatus.ERROR, message=bug) if bug else state

    def vehicles_listed(self, account: str, vins: frozenset[str], *, is_complete: bool) -> None:
        """Record the cars of an account, and remove those that have left it."""
        owners = self._ownership.owners()
        for vin in sorted(self._ownership.update(account, vins, is_complete=is_complete)):
            if (registered := self._vehicles.get(vin)) and registered.account == account:
                self._remove(registered)
        self._refresh_new_owners(owners, account)
        if is_complete:
            self._save_owners()
            self.remove_stale_topics()

    def _refresh_new_owners(self, before: Mapping[str, str], reporter: str) -> None:
        """Let accounts that own a car now by what another reported poll it: they left it out."""
        for name in self._ownership.new_owners(before) & self._accounts.keys() - {reporter}:
            self._accounts[name].refresh()

    def _save_owners(self) -> None:
        owners = self._ownership.owners()
        if self._store is not None and owners != self._saved_owners:
            self._store.save_later(_OWNERS_FILE, owners, _log_save_error)
            self._saved_owners = owners

    def _remove(self, registered: RegisteredVehicle) -> None:
        vin = registered.vehicle.vin
        del self._vehicles[vin]
        registered.device.remove()
        self._appeared.forget(registered.account, vin)
        self._publish_info()
        log.info("vehicle_left", account=registered.account, vin=vin)

    def vehicle_changed(self, account: str, vehicle: Vehicle) -> None:
        """Publish a car's new snapshot."""
        if not self.is_wanted(account, vehicle.vin):
            return
        vehicle = replace(vehicle, history=self._histories.get(vehicle.vin))
        vehicle = vehicle.with_capacity(self.battery_capacity_kwh(vehicle.vin))
        vehicle = self._report_throttle.apply(vehicle, self._now())
        registered = self._vehicles.get(vehicle.vin)
        if registered is None or registered.account != account:
            self._register(account, vehicle, registered)
            return
        is_renamed = registered.vehicle.model != vehicle.model
        registered.vehicle = vehicle
        registered.device.publish(vehicle)
        if is_renamed:
            self._publish_info()

    def _register(self, account: str, vehicle: Vehicle, before: RegisteredVehicle | None) -> None:
        """Publish a car that is new, or that another account has published so far."""
        name = self._settings.vehicle(vehicle.vin).name
        device = self._vehicle_device(account, vehicle.vin, name)
        self._vehicles[vehicle.vin] = RegisteredVehicle(
            account=account,
            vehicle=vehicle,
            device=device,
            is_read_only=self.is_read_only(account),
            configured_name=name,
            accounts=self._accounts,
        )
        if before is None:
            device.publish(vehicle)
        else:
            before.device.hand_over(device, vehicle)
        self._unseen.discard(device.topics.availability)
        log.info("vehicle_found", account=account, vin=vehicle.vin, model=vehicle.model)
        self.remove_stale_topics()
        self._publish_info()

    def vehicle_seen(self, account: str, vin: str) -> None:
        """Record that BMW has just sent current data of a car, changed or not."""
        if self._ownership.owner(vin) != account:
            return
        self._current_at[vin] = self._now()
        if registered := self._vehicles.get(vin):
            registered.device.set_available(is_available=True)

    def vehicle_observed(self, account: str, observed: ObservedVehicle) -> None:
        """Pass on what the history needs, of the account that publishes the car."""
        if self.recorder is not None and self.is_wanted(account, observed.vin):
            self.recorder.observe(observed)

    def is_recorded(self, account: str, vin: str) -> bool:
        """Whether the account's record of the car's charges is wanted."""
        is_recording = self.recorder is not None and self.recorder.is_recording
        return is_recording and self.is_wanted(account, vin)

    def charges_read(self, account: str, vin: str, records: tuple[ChargeRecord, ...]) -> None:
        """Pass on BMW's own record of a car's charges."""
        if self.recorder is not None and self.is_wanted(account, vin):
            self.recorder.import_records(vin, records)

    def history_changed(self, vin: str, history: VehicleHistory) -> None:
        """Publish what is known of a car's past."""
        self._histories[vin] = history
        if registered := self._vehicles.get(vin):
            registered.vehicle = replace(registered.vehicle, history=history)
            registered.device.publish(registered.vehicle)

    def send_event(self, vin: str, event: HistoryEvent) -> None:
        """Publish that something has begun or ended."""
        topic = self._topics.vehicle(vin).state(Event.platform, event.platform_key)
        attributes = {name: rounded(value) for name, value in event.attributes.items()}
        document = {"event_type": event.event_type, **attributes}
        self._publisher.send(topic, dump_json(document))

    def message_received(self, account: str, vin: str, payload: bytes) -> None:
        """Publish BMW's own message about a car, where that is set."""
        if prefix := self._settings.accounts[account].relay_topics:
            self._publisher.relay(f"{prefix}{vin}", payload)

    def is_wanted(self, account: str, vin: str) -> bool:
        """Whether the account owns the car and its owner has not disabled it."""
        return self._settings.vehicle(vin).enabled and self._ownership.owner(vin) == account

    def battery_capacity_kwh(self, vin: str) -> float | None:
        """Return the usable capacity that the owner has configured; `None` without one."""
        return self._settings.vehicle(vin).battery_capacity_kwh

    # What commands and the page read

    def find(self, vin: str) -> RegisteredVehicle | None:
        """Return a car; `None`: it is not ours, or BMW has sent nothing about it yet."""
        return self._vehicles.get(vin)

    def why_unknown(self, vin: str) -> tuple[Reason, str]:
        """Return why `find` does not know a car: not ours, or BMW has not listed it yet."""
        listed = self._ownership.listed
        waiting = [state for state in self.account_states() if state.name not in listed]
        if not waiting and self._accounts and self._ownership.owner(vin) is None:
            return Reason.UNKNOWN_VEHICLE, "no account has this car"
        for state in waiting:
            if state.status is AccountStatus.PAUSED:
                return Reason.UNREACHABLE, "polling is paused: press refresh to see the cars"
            if reason := REASON_OF_STATUS.get(state.status):
                return reason, state.message or "BMW has not listed the account's cars"
        return Reason.UNREACHABLE, "BMW has not listed the account's cars yet"

    def account_states(self) -> tuple[AccountState, ...]:
        """Return the state of every account of the configuration, in its order."""
        return tuple(self._with_bug(state) for state in self._states.values())

    def vehicles(self) -> Iterator[RegisteredVehicle]:
        """Yield the cars by account, in the order of the configuration."""
        for account in self._settings.accounts:
            yield from (car for car in tuple(self._vehicles.values()) if car.account == account)

    def is_read_only(self, account: str) -> bool:
        """Whether an account carries out no commands."""
        return self._settings.accounts[account].is_read_only

    # Devices

    def _backend(self, account: str) -> Backend[Any]:
        return BACKENDS[self._settings.accounts[account].backend]

    def _account_device(self, name: str) -> Device[AccountState]:
        topics = self._topics.account(name)
        discovery = self._discovery(account_payload, topics=topics)
        device = Device(self._publisher, topics, ACCOUNT_ENTITIES, discovery=discovery)
        self._states[name] = AccountState(name=name, backend=self._backend(name).traits)
        device.publish(self._states[name])
        return device

    def _vehicle_device(self, account: str, vin: str, name: str | None) -> Device[Vehicle]:
        topics = self._topics.vehicle(vin)
        via = self._topics.account(account)
        lists_capabilities = self._backend(account).traits.lists_capabilities
        return Device(
            self._publisher,
            topics,
            self._vehicle_entities(account),
            discovery=self._discovery(vehicle_payload, topics=topics, account=via, name=name),
            identity=vehicle_identity,
            snapshot=vehicle_snapshot(name),
            has_availability=True,
            appeared=self._appeared.of(account, vin, waits_for_all=not lists_capabilities),
        )

    def _discovery(
        self, payload: Callable[..., bytes], **of_device: Any
    ) -> Callable[..., bytes] | None:
        settings = self._settings.homeassistant
        of_device["language"] = settings.language
        return partial(payload, **of_device) if settings.enabled else None

    def _vehicle_entities(self, account: str) -> tuple[Entity[Vehicle], ...]:
        """Return the table of an account's cars; in read-only mode almost without commands."""
        table = self._backend(account).entities()
        if not self.is_read_only(account):
            return table
        return tuple(row for row in table if row.works_read_only or not row.is_commandable)

    def _publish_info(self) -> None:
        info = bridge_info(self._settings, self._started_at, self._vehicles.values())
        self._publisher.retain(self._topics.bridge_info, dump_json(info))

    # Availability

    def check_availability(self) -> None:
        """Publish `offline` for cars of which nothing current has come for too long."""
        now = self._now()
        for vin, registered in tuple(self._vehicles.items()):
            try:
                limit = self._accounts[registered.account].stale_after
                if limit is not None and now - self._current_at.get(vin, now) > limit:
                    registered.device.set_available(is_available=False)
            except Exception:
                self._bug_logger.exception("availability_crashed", vin=vin)
        self._check_unseen(now)

    def publish_times(self) -> None:
        """Publish measured times that are newer; to be called once a minute."""
        for registered in self._vehicles.values():
            registered.vehicle = self._report_throttle.apply(registered.vehicle, self._now())
            registered.device.publish_times(registered.vehicle)

    def _check_unseen(self, now: datetime) -> None:
        """Do the same for cars that an earlier run has published and this one has not."""
        published = self._publisher.retained_topics()
        for topic in self._scan.undecided():
            vin = topic.removeprefix(f"{self._topics.base}/").removesuffix("/availability")
            if not is_vin(vin) or topic in published:
                continue
            owner = self._accounts.get(self._ownership.owner(vin) or "")
            accounts = [owner] if owner else self._accounts.values()
            if are_silent(accounts, started_at=self._started_at, now=now):
                self._unseen.add(topic)
                self._publisher.retain(topic, b"offline")

    # Stale topics of earlier runs

    def remove_stale_topics(self) -> None:
        """Remove the retained topics of earlier runs that nothing publishes any more."""
        if not self._scan.is_complete:
            return
        devices: dict[str, Device[Any]] = {}
        devices |= {device.topics.root: device for device in self._account_devices.values()}
        devices |= {car.device.topics.root: car.device for car in self._vehicles.values()}
        for root, device in devices.items():
            if gone := self._scan.pop_components(root):
                device.forget(gone)
        stale = self._scan.pop_stale(
            self._publisher.retained_topics() - self._unseen,
            lambda root: self._is_settled(root, devices),
        )
        for topic in stale:
            self._publisher.clear(topic)
        if stale:
            log.info("stale_topics_removed", topics=len(stale))

    def _is_settled(self, root: str, devices: Mapping[str, object]) -> bool:
        """Whether all topics of a device root are known by now.

        A car that no account has listed may still belong to one that cannot reach BMW.
        """
        is_account = root.startswith(f"{self._topics.base}/account/")
        if root in devices or not root or is_account:
            return True
        vin = root.removeprefix(f"{self._topics.base}/")
        if not self._settings.vehicle(vin).enabled:
            return True
        has_no_owner = self._ownership.owner(vin) is None
        return has_no_owner and self._ownership.listed >= self._settings.accounts.keys()


def _log_save_error(error: StoreError | None) -> None:
    if error:
        log.debug("owners_not_saved", reason=str(error))
