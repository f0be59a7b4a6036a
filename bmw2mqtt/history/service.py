"""The history of all cars: opens the file, runs the recorders, writes, deletes what is too old.

Nothing here reaches who reports a car: trouble with the file is logged once, and recording goes on
as soon as the file can be used.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from bmw2mqtt.guard import BugLogger
from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.edits import edit, merge_sessions
from bmw2mqtt.history.errors import HistoryError, HistoryTooNew
from bmw2mqtt.history.price_log import PriceLog
from bmw2mqtt.history.queries import HistoryReader
from bmw2mqtt.history.recorder.car import CarRecorder, StoredCar
from bmw2mqtt.history.recorder.meters import WallboxMeter
from bmw2mqtt.history.recorder.options import Outputs, RecorderOptions, Sources
from bmw2mqtt.history.recorder.restore import forget_old_sessions, recorded_sessions, stored_cars
from bmw2mqtt.history.records import Record
from bmw2mqtt.history.retention import delete_positions, prune
from bmw2mqtt.history.writer import HistoryWriter
from bmw2mqtt.log_once import LogOnce
from bmw2mqtt.vehicle.history import HistoryEvent, VehicleHistory
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle

log = structlog.get_logger(__name__)

FILE: Final = "history.db"
TICK_S: Final = 30
RETRY_S: Final = 60
PRUNE_EVERY: Final = timedelta(days=1)
REMEMBERED: Final = timedelta(days=60)
"""How long a session may still be corrected by BMW's own record of it; prices stay as long."""


class History:
    """Records every car; see `recorder`."""

    def __init__(
        self,
        path: Path,
        options: RecorderOptions,
        *,
        publish: Callable[[str, VehicleHistory], None],
        send: Callable[[str, HistoryEvent], None],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare it; nothing is opened before `run`.

        `publish` gets what is known of a car's past when it has changed, `send` each event.
        """
        self.is_ready = asyncio.Event()
        """Set when the file was tried: what it holds is published from now on."""
        self._path, self._options, self._now = path, options, now
        self._outputs = Outputs(put=self._put, publish=publish, send=send)
        self._bug_logger = BugLogger()
        self._writer: HistoryWriter | None = None
        self._cars: dict[str, CarRecorder] = {}
        self.is_recording = False
        """Whether the file is open and the cars are restored."""
        self._odd_meters = LogOnce()
        self._meters = {name: WallboxMeter() for name in options.meters.values()}
        self._prices = PriceLog(options.currency)
        self._imports: asyncio.Queue[tuple[str, tuple[ChargeRecord, ...]]] = asyncio.Queue()
        self._published: Mapping[str, tuple[float, float]] | None = None
        """The energy that an earlier run has published, by VIN; `None`: not known yet."""
        self._pruned_at: datetime | None = None

    def observe(self, observed: ObservedVehicle) -> None:
        """Record what an account reports of a car."""
        if self.is_recording:
            self._car(observed.vin).update(observed)

    def import_records(self, vin: str, records: tuple[ChargeRecord, ...]) -> None:
        """Merge BMW's own record of a car's charges soon."""
        if self.is_recording:
            self._imports.put_nowait((vin, records))

    def meter_read(self, name: str, kwh: float) -> None:
        """Note what a wallbox counter shows now; see `RecorderOptions.meters`."""
        meter = self._meters.get(name)
        if meter is None or meter.update(kwh, self._now()) or not self._odd_meters.is_new(name):
            return
        log.warning(
            "meter_not_plausible",
            meter=name,
            reason="it rises faster than a wallbox can charge, or jumps to and fro",
            remedy="set meter_unit to its unit",
        )

    def price_read(self, price_per_kwh: float) -> None:
        """Note what energy costs at home now."""
        if sample := self._prices.update(price_per_kwh, self._now()):
            self._put(sample)

    def energy_published(self, energy_kwh: Mapping[str, tuple[float, float]]) -> None:
        """Go on with what earlier runs have published; no energy is published before.

        It is everywhere and at home, by VIN; cars without are missing.
        """
        self._published = energy_kwh
        for car in self._cars.values():
            self._continue_energy(car)

    async def edit(self, table: str, vin: str, key: int, changes: dict[str, object]) -> None:
        """Set what a person enters for a `session` or `trip`; see `edits.edit`.

        Raises:
            HistoryError: It does not fit, or nothing can be written at the moment.
        """
        now = int(self._now().timestamp())
        await self._open_writer().call(
            lambda connection: edit(connection, table, vin, key, changes, now)
        )

    async def delete_positions(self, vin: str) -> None:
        """Delete every position, address and track of a car.

        Raises:
            HistoryError: Nothing can be written at the moment.
        """
        writer = self._open_writer()
        if vin in self._cars:
            self._cars[vin].forget_positions(self._now())
        await writer.call(partial(delete_positions, vin=vin))
        log.info("history_positions_deleted", vin=vin)

    def _open_writer(self) -> HistoryWriter:
        if self._writer is None or not self.is_recording:
            raise HistoryError("nothing is recorded at the moment; the log says why")
        return self._writer

    def stop(self) -> None:
        """Let everything that waits be written when `run` is cancelled next."""
        now = self._now()
        for car in self._cars.values():
            with self._bug_logger.caught("history_crashed", vin=car.vin):
                car.save(now)

    async def run(self) -> None:
        """Record until cancelled."""
        self._writer = writer = HistoryWriter(HistoryDatabase(self._path))
        try:
            is_open = await self._open(writer)
            self.is_ready.set()
            if not is_open:
                await asyncio.Event().wait()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(writer.run())
                tasks.create_task(self._follow_time(writer))
                tasks.create_task(self._import(writer))
        finally:
            self.is_recording = False
            self._writer = None

    async def _open(self, writer: HistoryWriter) -> bool:
        """Open the file and restore the cars; return whether it can ever be used."""
        while True:
            try:
                if await writer.open():
                    stored = await writer.call(stored_cars)
                    prices = await writer.call(lambda file: HistoryReader(file).prices())
                    self._prices.restore(prices)
                    self._restore(stored)
                    return True
            except HistoryTooNew as error:
                log.error("history_not_used", reason=str(error))  # noqa: TRY400 - the reason says all
                return False
            except HistoryError as error:
                log.warning("history_not_read", reason=str(error))
            self.is_ready.set()
            await asyncio.sleep(RETRY_S)

    def _restore(self, stored: dict[str, StoredCar]) -> None:
        for name, meter in self._meters.items():
            meter.restore(
                {
                    vin: car.sessions
                    for vin, car in stored.items()
                    if self._options.meters.get(vin) == name
                }
            )
        self._cars = {vin: self._make_car(vin, car) for vin, car in stored.items()}
        self.is_recording = True
        for car in self._cars.values():
            self._continue_energy(car)
            car.publish()

    def _car(self, vin: str) -> CarRecorder:
        car = self._cars.get(vin)
        if car is None:
            car = self._cars[vin] = self._make_car(vin, StoredCar())
            self._continue_energy(car)
        return car

    async def _import(self, writer: HistoryWriter) -> None:
        """Merge BMW's records with what is remembered of the sessions."""
        while True:
            vin, records = await self._imports.get()
            with self._bug_logger.caught("history_crashed", vin=vin), suppress(HistoryError):
                # The writer has logged trouble with the file; tomorrow they come again.
                await self._merge(writer, vin, records)

    async def _merge(
        self, writer: HistoryWriter, vin: str, records: tuple[ChargeRecord, ...]
    ) -> None:
        known = await writer.call(partial(recorded_sessions, vin=vin))
        absorbed = self._car(vin).import_records(known, records, self._now())
        for kept, keys in absorbed.items():
            await writer.call(partial(merge_sessions, vin=vin, kept=kept, absorbed=keys))

    def _make_car(self, vin: str, stored: StoredCar) -> CarRecorder:
        name = self._options.meters.get(vin)
        sources = Sources(meter=self._meters[name] if name else None, prices=self._prices)
        return CarRecorder(
            vin, self._options, self._outputs, stored=stored, now=self._now(), sources=sources
        )

    def _continue_energy(self, car: CarRecorder) -> None:
        if self._published is not None:
            car.continue_from(*self._published.get(car.vin, (0.0, 0.0)), self._now())

    def _put(self, record: Record) -> None:
        if self._writer is not None:
            self._writer.put(record)

    async def _follow_time(self, writer: HistoryWriter) -> None:
        while True:
            now = self._now()
            if sample := self._prices.renew(now):
                self._put(sample)
            for car in tuple(self._cars.values()):
                with self._bug_logger.caught("history_crashed", vin=car.vin):
                    car.tick(now)
            if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
                self._pruned_at = now
                self._prices.forget(int((now - REMEMBERED).timestamp()))
                with suppress(HistoryError):  # the writer has logged it
                    await writer.call(partial(_prune, now=now))
            await asyncio.sleep(TICK_S)


def _prune(connection: sqlite3.Connection, now: datetime) -> None:
    prune(connection, int(now.timestamp()), price_days=REMEMBERED.days)
    forget_old_sessions(connection, now - REMEMBERED)
