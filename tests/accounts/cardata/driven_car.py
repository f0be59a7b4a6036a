"""A CarData car in virtual time: its messages go one by one through store and updater."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from bmw2mqtt.accounts.cardata.basic_data import BasicData
from bmw2mqtt.accounts.cardata.snapshot import updater
from bmw2mqtt.accounts.cardata.snapshot.updater import SnapshotUpdater
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.cardata.vehicles import VehicleRegistry
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.guard import BugLogger
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.vehicle.charging.scenario import LAG, T0, WORDS, after, value_of
from tests.virtual_time import VirtualLoop

VIN = "WBA00000000000001"
SPACING_S = 0.05
SETTLED_S = 1.2
"""After so long a burst is judged."""
LATE_S = 0.2
"""So late a timer may be."""
_ENGINE = "vehicle.drivetrain.electricEngine."
_BATTERY = "vehicle.powertrain.electric.battery."
_LOCATION = "vehicle.cabin.infotainment.navigation.currentLocation."
DESCRIPTORS = {
    "ST": f"{_ENGINE}charging.status",
    "HV": f"{_ENGINE}charging.hvStatus",
    "HD": "vehicle.drivetrain.batteryManagement.header",
    "LV": f"{_ENGINE}charging.level",
    "PW": f"{_BATTERY}charging.power",
    "V": f"{_ENGINE}charging.acVoltage",
    "A": f"{_ENGINE}charging.acAmpere",
    "PH": f"{_ENGINE}charging.phaseNumber",
    "TR": f"{_ENGINE}charging.timeRemaining",
    "TG": f"{_BATTERY}stateOfCharge.target",
    "PL": "vehicle.body.chargingPort.status",
    "CS": f"{_ENGINE}charging.connectorStatus",
    "ME": "vehicle.drivetrain.batteryManagement.maxEnergy",
    "OD": "vehicle.vehicle.travelledDistance",
    "MV": "vehicle.isMoving",
    "PC": f"{_BATTERY}preconditioning.state",
    "DO": "vehicle.cabin.door.row1.driver.isOpen",
    "FL": "vehicle.drivetrain.fuelSystem.remainingFuel",
}
_WORDS = {
    "PL": {"C": "CONNECTED", "D": "DISCONNECTED", "?": "INVALID"},
    "CS": {"C": "CONNECTED", "D": "DISCONNECTED", "?": "INVALID"},
    "ST": WORDS,
    "PC": {"true": "AUTOMATIC_ON", "false": "OFF"},
}
_UNITS = {"OD": "km", "PW": "W", "FL": "l"}


class _Bridge:
    """What an account knows of the bridge."""

    def __init__(
        self, configured_kwh: float | None, on_observed: Callable[[ObservedVehicle], None]
    ) -> None:
        self._configured_kwh = configured_kwh
        self._on_observed = on_observed

    def is_wanted(self, *_: str) -> bool:
        return True

    def battery_capacity_kwh(self, _: str) -> float | None:
        return self._configured_kwh

    def vehicle_changed(self, *_: object) -> None:
        """Ignore it: the car keeps its snapshot."""

    def vehicle_observed(self, _: str, observed: ObservedVehicle) -> None:
        self._on_observed(observed)


def now() -> datetime:
    return datetime.now(UTC)


def messages_of(line: str, received_at: datetime) -> list[dict[str, Any]]:
    """Return one message for each descriptor in a line of `tests.vehicle.charging.scenario`."""
    messages = []
    for part in line.split()[1:]:
        name, _, rest = part.partition("=")
        text, _, stamp = rest.partition("@")
        timestamp: str | None = (received_at - LAG if not stamp else T0).isoformat()
        if stamp == "1990":
            timestamp = datetime(1990, 1, 1, tzinfo=UTC).isoformat()
        elif stamp:
            timestamp = None if stamp == "none" else after(stamp).isoformat()
        values = {DESCRIPTORS.get(name, ""): _WORDS.get(name, {}).get(text, text)}
        if name == "POS":
            place = value_of(name, text)
            values = {f"{_LOCATION}{axis}": getattr(place, axis) for axis in place.__slots__}
        messages += [
            {descriptor: {"value": value, "unit": _UNITS.get(name), "timestamp": timestamp}}
            for descriptor, value in values.items()
        ]
    return messages


class DrivenCar:
    """One car with the store and the updater of its account."""

    def __init__(
        self,
        folder: Path,
        *,
        drive_train: str = "BEV",
        seed: int | None = None,
        on_observed: Callable[[ObservedVehicle], None] = lambda _: None,
        configured_kwh: float | None = None,
    ) -> None:
        """Start the account.

        Args:
            folder: for its files.
            drive_train: BMW's word.
            seed: shuffles the messages of a burst; `None`: they come in order.
            on_observed: gets what the history needs.
            configured_kwh: the capacity of the battery that the owner has configured.
        """
        self._configured_kwh = configured_kwh
        self._folder = folder
        self._on_observed = on_observed
        self._basic = BasicData.parse({"driveTrain": drive_train, "modelName": "X"})
        self._random = None if seed is None else random.Random(seed)
        self.start()

    def start(self) -> None:
        """Start the account, as after a restart."""
        self._store = ReadingStore(self._folder / "readings.db")
        self._store.open()
        bugs = BugLogger()
        vehicles = VehicleRegistry("home", Store(self._folder), self._store, bugs)
        self._vehicle = vehicles.add(VIN)
        self._vehicle.basic_data = self._basic
        self._updater = SnapshotUpdater(
            "home",
            vehicles,
            self._store,
            _Bridge(self._configured_kwh, self._on_observed),  # type: ignore[arg-type]
            bug_logger=bugs,
            now=now,
        )
        self._updater.schedule(VIN)

    def stop(self) -> None:
        """Stop it."""
        self._updater.close()
        self._store.close()

    async def play(self, line: str) -> Vehicle:
        """Let a burst arrive, or time pass (`wait h:mm`, `restart` or `kill h:mm h:mm`)."""
        word, *times = line.split()
        if word == "wait":
            await self._until(after(times[0]) + timedelta(seconds=LATE_S))
        elif word in {"restart", "kill"}:
            await self._until(after(times[0]))
            if word == "kill":
                self._updater.close = lambda: None  # type: ignore[method-assign]
                self._store.close = self._store._database.close  # type: ignore[method-assign]
            self.stop()
            await self._until(after(times[1]))
            self.start()
            await asyncio.sleep(LATE_S)
        else:
            received_at = after(word)
            await self._until(received_at)
            await self.send(messages_of(line, received_at))
        return self.shown

    async def wait(self, seconds: float) -> Vehicle:
        """Let time pass."""
        await asyncio.sleep(seconds)
        return self.shown

    async def send(self, messages: list[dict[str, Any]], *, settled_s: float = SETTLED_S) -> None:
        """Let a burst of messages arrive, and settle."""
        if self._random is not None:
            self._random.shuffle(messages)
        for data in messages:
            if self._store.add(VIN).record(data, now()):
                self._updater.schedule(VIN)
            await asyncio.sleep(SPACING_S)
        await asyncio.sleep(settled_s)

    @property
    def charging_session(self) -> ChargingSession | None:
        """The open or the last session."""
        tracker = self._vehicle.charging_tracker
        return tracker.machine.session if tracker else None

    @property
    def shown(self) -> Vehicle:
        """The last snapshot."""
        assert self._vehicle.snapshot is not None
        return self._vehicle.snapshot

    async def _until(self, moment: datetime) -> None:
        await asyncio.sleep(max(0.0, (moment - now()).total_seconds()))


@contextmanager
def _stopping(car: DrivenCar) -> Iterator[DrivenCar]:
    try:
        yield car
    finally:
        car.stop()


def drive(
    folder: Path,
    main: Callable[[DrivenCar], Any],
    *,
    longest_timer_s: float = 3600.0,
    **options: Any,
) -> None:
    """Run a test with a car in virtual time that begins a day before T0.

    The wall clock is checked every `longest_timer_s` only, which suffices where it does not leap.
    """

    async def run() -> None:
        with _stopping(DrivenCar(folder, **options)) as car:
            await main(car)

    begin = T0 - timedelta(days=1)
    timers = mock.patch.object(updater, "LONGEST_TIMER_S", longest_timer_s)
    with timers, asyncio.Runner(loop_factory=partial(VirtualLoop, begin)) as runner:
        runner.run(run())
