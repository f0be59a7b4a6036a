"""Publish snapshots: readings that have changed become a new snapshot, debounced.

Messages come one by one, at times thousands in a second. Each is recorded at once; a snapshot is
published when no more messages wait to be read, or after a moment at the latest. So a single
message is published without delay, and a flood costs one snapshot of each car per moment.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.guard import BugLogger

log = structlog.get_logger(__name__)

LONGEST_WAIT_S: Final = 0.2
BASIC_DATA_WAIT: Final = timedelta(minutes=2)
"""Home Assistant names entities once, after the car's model: it should be known by then."""


class SnapshotUpdater:
    """Publishes the snapshots of one account's cars."""

    def __init__(
        self,
        account: str,
        vehicles: VehicleRegistry,
        readings: ReadingStore,
        listener: AccountListener,
        *,
        bug_logger: BugLogger,
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._vehicles = vehicles
        self._readings = readings
        self._listener = listener
        self._bug_logger = bug_logger
        self._now = now
        self._log_unknown = UnknownValueLog()
        self._changed: dict[str, None] = {}
        """Cars that have changed, in the order in which they did."""
        self._changes = 0
        self._since_s = 0.0
        self._handle: asyncio.Handle | None = None

    def schedule(self, vin: str) -> None:
        """Publish a car soon: its readings, picture or basic data have changed."""
        self._changed[vin] = None
        self._changes += 1
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._debounce, self._changes)

    def publish_without_basic_data(self) -> None:
        """Hold back no car any longer: BMW was asked, and gave no basic data."""
        for vehicle in self._vehicles:
            if vehicle.held_since is not None:
                vehicle.held_since = datetime.min.replace(tzinfo=UTC)
        self.check_held_back()

    def check_held_back(self) -> None:
        """Re-check vehicles held back (no basic data yet, or owned by another account)."""
        for vehicle in self._vehicles:
            if vehicle.snapshot is None:
                self.schedule(vehicle.vin)

    def close(self) -> None:
        """Publish nothing more; what has changed is written to disk."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._readings.commit()

    def _debounce(self, changes: int) -> None:
        """Wait while more messages come."""
        loop = asyncio.get_running_loop()
        if self._changes != changes and loop.time() - self._since_s < LONGEST_WAIT_S:
            self._handle = loop.call_soon(self._debounce, self._changes)
            return
        try:
            self._readings.commit()
        except Exception:  # what cannot be saved is published all the same
            self._bug_logger.exception("readings_not_committed", account=self._account)
        self._handle = loop.call_soon(self._publish_next, list(self._changed))
        self._changed.clear()

    def _publish_next(self, vins: list[str]) -> None:
        """Publish one car in each turn of the loop, so that nothing else waits for long."""
        loop = asyncio.get_running_loop()
        if vins:
            vin = vins.pop(0)
            try:
                if (vehicle := self._vehicles.get(vin)) is not None:
                    self._publish(vehicle)
            except Exception:  # a bug with one car must not hide the others
                self._bug_logger.exception("vehicle_crashed", account=self._account, vin=vin)
        if vins:
            self._handle = loop.call_soon(self._publish_next, vins)
        elif self._changed:
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._debounce, self._changes)
        else:
            self._handle = None

    def _publish(self, vehicle: CarDataVehicle) -> None:
        vin = vehicle.vin
        if not self._listener.is_wanted(self._account, vin):
            vehicle.snapshot = None  # when it is wanted again, it is published anew
            return
        if vehicle.is_refused and not vehicle.is_known:
            return
        if vehicle.basic_data is None and not self._is_held_long(vehicle):
            return
        snapshot = to_vehicle(
            vin,
            vehicle.basic_data,
            vehicle.readings,
            previous=vehicle.snapshot,
            image=vehicle.image,
            now=self._now(),
            log_unknown=self._log_unknown,
        )
        if snapshot != vehicle.snapshot:
            vehicle.snapshot = snapshot
            self._listener.vehicle_changed(self._account, snapshot)

    def _is_held_long(self, vehicle: CarDataVehicle) -> bool:
        """Return whether BMW has not given a car's basic data for long."""
        now = self._now()
        if vehicle.held_since is None:
            vehicle.held_since = now
        return now - vehicle.held_since >= BASIC_DATA_WAIT
