"""Publish snapshots: readings that have changed become a new snapshot, debounced.

Messages come one by one, at times thousands in a second. Each is recorded at once; a snapshot is
published when no more messages wait to be read, or after a moment at the latest. So a single
message is published without delay, and a flood costs one snapshot of each car per moment.

What the car reports of a charge is judged only after its burst of messages has settled: BMW sends
the parts of a moment one by one and in any order.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bmw2mqtt.accounts.account import AccountListener
from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.charging_tracker import ChargingTracker
from bmw2mqtt.accounts.cardata.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.cardata.snapshot.climate import changes_at
from bmw2mqtt.accounts.cardata.snapshot.drive_train import drive_train
from bmw2mqtt.accounts.cardata.snapshot.driving import battery_12v_v, driving
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicle import CarDataVehicle
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.unknown_values import UnknownValueLog
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import DriveTrain, Vehicle

log = structlog.get_logger(__name__)

LONGEST_WAIT_S: Final = 0.5
SETTLING_S: Final = 1.0
"""How long after its first message a burst is over."""
QUIET_S: Final = 0.25
"""How long after its last one at the earliest, for another may have begun meanwhile."""
LONGEST_BURST_S: Final = 2.0
"""How long after its first message it is over at the latest."""
CLOCK_RESOLUTION_S: Final = 0.001
SHORTEST_TIMER_S: Final = 0.1
LONGEST_TIMER_S: Final = 60.0
"""Clocks are set and computers sleep, so due work is checked at least this often."""
OBSERVE_EVERY: Final = timedelta(minutes=5)
"""How often a car that charges is published though it reports nothing: its curve needs points."""
BASIC_DATA_WAIT: Final = timedelta(minutes=2)
"""Home Assistant names entities once, after the car's model: it should be known by then."""


@dataclass(slots=True, kw_only=True)
class _Burst:
    """Messages about a charge that are not judged yet; times are those of the loop."""

    began_s: float
    news: int = 0
    settled_at_s: float = 0.0


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
        self.waits_for_basic_data = True
        """Whether BMW is asked for basic data, so that a car is held back until they come."""
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
        self._bursts: dict[str, _Burst] = {}
        """What has not settled yet, by VIN."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """When to check a car again though nothing is reported."""
        self._due_at: dict[str, datetime] = {}
        """When to publish a car again though nothing is reported."""

    def schedule(self, vin: str) -> None:
        """Publish a car soon: its readings, picture or basic data have changed."""
        self._changed[vin] = None
        self._changes += 1
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._since_s = loop.time()
            self._handle = loop.call_soon(self._debounce, self._changes)

    def publish_without_basic_data(self) -> None:
        """Publish held-back cars: BMW has answered, without basic data."""
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
        for timer in self._timers.values():
            timer.cancel()
        for vehicle in self._vehicles:
            self._save_charging(vehicle, is_last=True)
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
        now = self._now()
        kind = drive_train(
            vehicle.basic_data or BasicData(),
            vehicle.readings.lookup(self._log_unknown),
            vehicle.snapshot.drive_train if vehicle.snapshot else None,
            self._log_unknown,
        )
        tracker = self._tracker(vehicle, now)
        is_settled = self._is_settled(vehicle)
        transitions = self._judge(vehicle, tracker, kind, now) if is_settled else ()
        charge = tracker.machine.state(now)
        snapshot = to_vehicle(vehicle, kind, charge, now=now, log_unknown=self._log_unknown)
        self._plan(snapshot, tracker, now)
        if snapshot != vehicle.snapshot:
            vehicle.snapshot = snapshot
            self._listener.vehicle_changed(self._account, snapshot)
        if is_settled:
            observed = self._observed(vehicle, snapshot, tracker, charge, transitions, now)
            self._listener.vehicle_observed(self._account, observed)

    def _is_held_long(self, vehicle: CarDataVehicle) -> bool:
        """Return whether BMW has not given a car's basic data for long, or is not asked."""
        if not self.waits_for_basic_data:
            return True
        now = self._now()
        if vehicle.held_since is None:
            vehicle.held_since = now
        return now - vehicle.held_since >= BASIC_DATA_WAIT

    # Charging

    def _tracker(self, vehicle: CarDataVehicle, now: datetime) -> ChargingTracker:
        """Return what follows a car's charging, from its first snapshot on."""
        if vehicle.charging_tracker is None:
            vehicle.charging_tracker = ChargingTracker(
                vehicle.readings,
                self._readings.pop_charging_state(vehicle.vin),
                log_unknown=self._log_unknown,
                now=now,
            )
        return vehicle.charging_tracker

    def _judge(
        self,
        vehicle: CarDataVehicle,
        tracker: ChargingTracker,
        kind: DriveTrain | None,
        now: datetime,
    ) -> tuple[Transition, ...]:
        """Judge a car's charge now that its messages have settled; return what happened."""
        model = vehicle.basic_data.model if vehicle.basic_data else None
        lookup = vehicle.readings.lookup(self._log_unknown)
        transitions = tracker.judge(
            lookup,
            drive_train=kind,
            model=model,
            now=now,
            configured_kwh=self._listener.battery_capacity_kwh(vehicle.vin),
        )
        self._save_charging(vehicle)
        return transitions

    def _observed(
        self,
        vehicle: CarDataVehicle,
        snapshot: Vehicle,
        tracker: ChargingTracker,
        charge: ChargingState,
        transitions: tuple[Transition, ...],
        now: datetime,
    ) -> ObservedVehicle:
        """Return what the history records of a car."""
        session, lookup = tracker.machine.session, vehicle.readings.lookup(self._log_unknown)
        return ObservedVehicle(
            vin=vehicle.vin,
            at=now,
            transitions=transitions,
            session=session,
            driving=driving(
                lookup,
                vehicle.readings.position,
                charge,
                session,
                drive_train=snapshot.drive_train,
                capacity_kwh=tracker.capacity_kwh,
                now=now,
            ),
            power_kw=charge.power_kw,
            range_km=snapshot.charging.range_km or snapshot.range_km,
            battery_12v_v=battery_12v_v(lookup),
        )

    def _is_settled(self, vehicle: CarDataVehicle) -> bool:
        """Return whether the charging can be judged; if not, the car is published again then."""
        vin, now_s = vehicle.vin, asyncio.get_running_loop().time()
        news = len(vehicle.readings.charging_news)
        if vehicle.snapshot is None or not news:
            self._bursts.pop(vin, None)
            return True
        burst = self._bursts.setdefault(vin, _Burst(began_s=now_s))
        if news != burst.news:
            burst.news = news
            settled_at_s = max(burst.began_s + SETTLING_S, now_s + QUIET_S)
            burst.settled_at_s = min(settled_at_s, burst.began_s + LONGEST_BURST_S)
        if now_s < burst.settled_at_s - CLOCK_RESOLUTION_S:
            self._wake_at(vin, burst.settled_at_s)
            return False
        del self._bursts[vin]
        return True

    def _save_charging(self, vehicle: CarDataVehicle, *, is_last: bool = False) -> None:
        if vehicle.charging_tracker is None:
            return
        now = self._now()
        document = vehicle.charging_tracker.unsaved_document(now, is_last=is_last)
        if document is not None:
            self._readings.save_charging_state(vehicle.vin, document, now)
            self._readings.commit()

    # What time alone changes

    def _plan(self, snapshot: Vehicle, tracker: ChargingTracker, now: datetime) -> None:
        """Publish a car again when something of it is over, unknown, or to be saved."""
        times = (tracker.due_at, tracker.save_due_at, changes_at(snapshot.climate, now))
        moments = [at for at in times if at is not None]
        if moments:
            observed_at = now - (now - NEVER) % OBSERVE_EVERY + OBSERVE_EVERY
            self._due_at[snapshot.vin] = due_at = min(*moments, observed_at)
            self._check_at(snapshot.vin, due_at, now)

    def _check_at(self, vin: str, due_at: datetime, now: datetime) -> None:
        wait_s = (due_at - now).total_seconds()
        wait_s = min(max(wait_s, SHORTEST_TIMER_S), LONGEST_TIMER_S)
        self._wake_at(vin, asyncio.get_running_loop().time() + wait_s)

    def _wake_at(self, vin: str, at_s: float) -> None:
        timer = self._timers.get(vin)
        if timer is not None:
            if timer.when() <= at_s:
                return
            timer.cancel()
        self._timers[vin] = asyncio.get_running_loop().call_at(at_s, self._wake, vin)

    def _wake(self, vin: str) -> None:
        """Publish a car if its burst has settled or something is due; else check again later."""
        del self._timers[vin]
        now = self._now()
        due_at = self._due_at.get(vin, now)
        is_early = timedelta() < due_at - now <= OBSERVE_EVERY  # else the clock was set back
        if is_early and vin not in self._bursts:
            self._check_at(vin, due_at, now)
        else:
            self.schedule(vin)
