"""An account's cars as the bridge sees them: readings become snapshots, and snapshots are told.

Messages come one by one, at times thousands in a second. Each is taken at once; a car is shown
when no more is waiting to be read, or after a moment at the latest. So a single message is seen
without delay, and of a flood only the last value of each key is worked on.
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
    """Shows the cars of one account."""

    def __init__(
        self,
        account: str,
        vehicles: VehicleRegistry,
        values: ReadingStore,
        listener: AccountListener,
        *,
        bug_logger: BugLogger,
        now: Callable[[], datetime],
    ) -> None:
        self._account = account
        self._vehicles = vehicles
        self._values = values
        self._listener = listener
        self._bug_logger = bug_logger
        self._now = now
        self._report_word = UnknownValueLog()
        self._waiting: dict[str, None] = {}
        """Cars that have changed, in the order in which they did."""
        self._arrivals = 0
        self._since_s = 0.0
        self._handle: asyncio.Handle | None = None

    def schedule(self, vin: str) -> None:
        """Publish this car soon: its readings, its picture or what is known of it has changed."""
        self._waiting[vin] = None
        self._arrivals += 1
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._look, self._arrivals)

    def wait_no_longer(self) -> None:
        """Publish cars without basic data: BMW was asked, and did not send it."""
        for vehicle in self._vehicles:
            if vehicle.awaited_since is not None:
                vehicle.awaited_since = datetime.min.replace(tzinfo=UTC)
        self.recheck()

    def recheck(self) -> None:
        """Re-check the cars that are not published: no basic data yet, or another account's."""
        for vehicle in self._vehicles:
            if vehicle.snapshot is None:
                self.schedule(vehicle.vin)

    def close(self) -> None:
        """Show nothing more; what has changed is written down."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._values.commit()

    def _look(self, arrivals: int) -> None:
        """Wait while more is coming."""
        loop = asyncio.get_running_loop()
        if self._arrivals != arrivals and loop.time() - self._since_s < LONGEST_WAIT_S:
            self._handle = loop.call_soon(self._look, self._arrivals)
            return
        try:
            self._values.commit()
        except Exception:  # what cannot be kept is shown all the same
            self._bug_logger.exception("values_not_kept", account=self._account)
        self._handle = loop.call_soon(self._show_next, list(self._waiting))
        self._waiting.clear()

    def _show_next(self, vins: list[str]) -> None:
        """Show one car in each turn of the loop: somebody else may want to do something."""
        loop = asyncio.get_running_loop()
        if vins:
            vin = vins.pop(0)
            try:
                if (vehicle := self._vehicles.get(vin)) is not None:
                    self._show(vehicle)
            except Exception:  # a bug with one car must not hide the others
                self._bug_logger.exception("vehicle_crashed", account=self._account, vin=vin)
        if vins:
            self._handle = loop.call_soon(self._show_next, vins)
        elif self._waiting:
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._look, self._arrivals)
        else:
            self._handle = None

    def _show(self, vehicle: CarDataVehicle) -> None:
        vin = vehicle.vin
        if not self._listener.is_wanted(self._account, vin):
            vehicle.snapshot = None  # when it is wanted again, it is published anew
            return
        if vehicle.is_refused and not vehicle.is_known:
            return
        if vehicle.basic_data is None and not self._is_awaited_long(vehicle):
            return
        snapshot = to_vehicle(
            vin,
            vehicle.basic_data,
            vehicle.readings,
            previous=vehicle.snapshot,
            image=vehicle.image,
            now=self._now(),
            report=self._report_word,
        )
        if snapshot != vehicle.snapshot:
            vehicle.snapshot = snapshot
            self._listener.vehicle_changed(self._account, snapshot)

    def _is_awaited_long(self, vehicle: CarDataVehicle) -> bool:
        """Whether BMW has not said for long what kind of car it is."""
        now = self._now()
        if vehicle.awaited_since is None:
            vehicle.awaited_since = now
        return now - vehicle.awaited_since >= BASIC_DATA_WAIT
