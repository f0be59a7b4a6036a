"""Records the life of a car with everything the bridge has for it, in virtual time."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bmw2mqtt.history import service, writer
from bmw2mqtt.history.recorder.options import RecorderOptions
from bmw2mqtt.history.service import FILE, History
from bmw2mqtt.history.writer import HistoryWriter
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.session import BmwSession, RecordBlock
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.charging.words import status_of
from bmw2mqtt.vehicle.history import HistoryEvent, VehicleHistory
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle, charging_sign
from bmw2mqtt.vehicle.snapshot import DriveTrain, Position
from bmw2mqtt.vehicle.trips import Coordinates, Home, Measured, Observation
from tests.history.year.car import BATTERY, TOWN, Report, TrueCharge, YearlyCar
from tests.virtual_time import VirtualLoop

VIN: Final = "WBY00000000000330"
LAG: Final = timedelta(seconds=3)
HOUSE: Final = Home(TOWN.waypoints[0].latitude, TOWN.waypoints[0].longitude, 150)
FACTS: Final = {
    "plug": "is_plugged_in",
    "status": "status",
    "soc": "soc_percent",
    "target": "target_percent",
    "power": "power_w",
    "odometer": "odometer_km",
    "is_moving": "is_moving",
    "position": "position",
}
DRIVING: Final = {
    "plug": "is_plugged_in",
    "odometer": "odometer_km",
    "is_moving": "is_moving",
    "position": "position",
    "is_locked": "is_locked",
}


@contextmanager
def rare_timers() -> Iterator[None]:
    """Let the history look at the clock and the disk less often: a year has many minutes."""
    rare = partial(HistoryWriter, batch_s=1800)
    with (
        patch.object(service, "TICK_S", 1800),
        patch.object(service, "HistoryWriter", rare),
        patch.object(writer, "CHECKPOINT_S", 86_400),
    ):
        yield


@dataclass
class RecordedYear:
    """A car, what is recorded of it, and what was published meanwhile."""

    car: YearlyCar
    path: Path
    """Of the file."""
    records_from: datetime | None = None
    """When BMW's own record of charges begins to be read, once a day."""
    vin: str = VIN
    published: list[VehicleHistory] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    reports: int = 0

    def run(self) -> None:
        """Let it live from the first to the last day."""
        make_loop = partial(VirtualLoop, self.car.begin)
        with rare_timers(), asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(_Life(self).run())

    @property
    def energies_kwh(self) -> list[float]:
        """Every counter that was published, in order."""
        return [one.energy_kwh for one in self.published if one.energy_kwh is not None]


class _Life:
    """The bridge and what accounts do for it."""

    def __init__(self, year: RecordedYear) -> None:
        self._year = year
        self._machine = ChargingMachine()
        self._observed: dict[str, Any] = {}
        self._history = self._made()
        self._task: asyncio.Task[None] | None = None
        self._off_until = year.car.begin
        self._imported = year.car.begin

    async def run(self) -> None:
        await self._start()
        for report in self._year.car.reports():
            await self._pass(report.at + LAG)
            if report.off:
                await self._restart(report.off)
            elif report.at >= self._off_until:
                self._report(report)
        await self._pass(self._now() + timedelta(days=2))
        self._import()
        await asyncio.sleep(3600)
        await self._stop()

    # The bridge

    def _made(self) -> History:
        return History(
            self._year.path / FILE,
            RecorderOptions(home=HOUSE),
            publish=lambda _, history: self._year.published.append(history),
            send=self._count_event,
            now=self._now,
        )

    def _count_event(self, _: str, event: HistoryEvent) -> None:
        self._year.events[event.event_type.value] += 1

    async def _start(self) -> None:
        self._history = self._made()
        self._task = asyncio.create_task(self._history.run())
        await self._history.is_ready.wait()
        last = self._year.published[-1] if self._year.published else VehicleHistory()
        kwh = (last.energy_kwh or 0.0, last.energy_home_kwh or 0.0)
        self._history.energy_published({self._year.vin: kwh})

    async def _stop(self) -> None:
        assert self._task is not None
        self._history.stop()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _restart(self, off: timedelta) -> None:
        """Stop the bridge; what the car reports until it runs again is lost."""
        document = json.loads(json.dumps(self._machine.to_document(self._now())))
        await self._stop()
        self._year.restarts += 1
        self._off_until = self._now() + off
        await asyncio.sleep(off.total_seconds())
        self._machine = ChargingMachine.from_document(document, self._now())
        await self._start()

    # The account

    async def _pass(self, until: datetime) -> None:
        """Let time pass, with what is due meanwhile."""
        while (due_at := self._machine.next_deadline(self._now())) is not None and due_at <= until:
            await self._sleep_until(max(due_at, self._now() + timedelta(milliseconds=100)))
            self._observe(self._machine.tick(self._now()))
        midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._imported < midnight:
            self._imported = midnight
            self._import()
        await self._sleep_until(until)

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - self._now()).total_seconds()))

    def _report(self, report: Report) -> None:
        self._year.reports += 1
        now = self._now()
        facts = {
            FACTS[name]: Fact(_fact(name, value), report.at, now)
            for name, value in report.values.items()
            if name in FACTS
        }
        self._observed |= {
            DRIVING[name]: Measured(_driven(name, value), report.at)
            for name, value in report.values.items()
            if name in DRIVING
        }
        observed = ChargingFacts(
            **facts, capacity_kwh=BATTERY.capacity_kwh, drive_train=DriveTrain.ELECTRIC
        )
        self._observe(self._machine.step(observed, now))

    def _observe(self, transitions: tuple[Transition, ...]) -> None:
        now, session = self._now(), self._machine.session
        shown = self._machine.state(now)
        soc = None
        if shown.soc_percent is not None and shown.soc_at is not None:
            soc = Measured(shown.soc_percent, shown.soc_at)
        driving = Observation(
            received_at=now,
            drive_train=DriveTrain.ELECTRIC,
            capacity_kwh=BATTERY.capacity_kwh,
            is_charging=charging_sign(session),
            soc_percent=soc,
            **self._observed,
        )
        self._history.observe(
            ObservedVehicle(
                vin=self._year.vin,
                at=now,
                driving=driving,
                transitions=transitions,
                session=session,
                power_kw=shown.power_kw,
                range_km=shown.soc_percent and round(BATTERY.range_km(shown.soc_percent)),
            )
        )

    def _import(self) -> None:
        """Read BMW's record of the last three days."""
        since = self._year.records_from
        if since is None:
            return
        since = max(since, self._now() - timedelta(days=3))
        charges = [c for c in self._year.car.charges if since <= c.begin and c.end <= self._now()]
        if charges:
            self._history.import_records(self._year.vin, tuple(records(charges)))

    def _now(self) -> datetime:
        return datetime.now(UTC)


def records(charges: Iterable[TrueCharge]) -> Iterator[ChargeRecord]:
    """Yield BMW's own record of charges."""
    for charge in charges:
        hours = sum((end - begin) / timedelta(hours=1) for begin, end in charge.blocks)
        mean_kw = charge.grid_kwh / hours
        blocks = tuple(
            RecordBlock(start_at=begin, end_at=end, mean_kw=mean_kw) for begin, end in charge.blocks
        )
        session = BmwSession(
            start_at=charge.begin.replace(microsecond=0),
            end_at=charge.end.replace(microsecond=0),
            soc_start=int(charge.soc_start),
            soc_end=int(charge.soc_end + 1e-9),
            grid_kwh=charge.grid_kwh,
            active_s=hours * 3600,
            blocks=blocks,
            odometer_km=int(charge.odometer_km),
            time_zone="Europe/Berlin",
        )
        place = Coordinates(*charge.position)
        yield ChargeRecord(session=session, json=_body(session), place=place)


def _body(session: BmwSession) -> str:
    """Return it as BMW sends it, without places."""
    blocks = [
        {
            "startTime": int(block.start_at.timestamp()),
            "endTime": int(block.end_at.timestamp()),
            "averagePowerGridKw": round(block.mean_kw, 3),
        }
        for block in session.blocks
    ]
    return json.dumps(
        {
            "startTime": int(session.start_at.timestamp()),
            "endTime": int(session.end_at.timestamp()),
            "timeZone": session.time_zone,
            "totalChargingDurationSec": session.active_s,
            "displayedStartSoc": session.soc_start,
            "displayedSoc": session.soc_end,
            "energyConsumedFromPowerGridKwh": session.grid_kwh,
            "energyDecreaseHvbKwh": None,
            "energyDischargedKwh": None,
            "isPreconditioningActivated": True,
            "mileage": session.odometer_km,
            "mileageUnits": "KM",
            "chargingBlocks": blocks,
            "businessErrors": [],
        }
    )


def _fact(name: str, value: Any) -> Any:
    if name == "status":
        return status_of(value)
    if name == "position":
        latitude, longitude = value
        return Position(latitude=latitude, longitude=longitude)
    return value


def _driven(name: str, value: Any) -> Any:
    return Coordinates(*value) if name == "position" else value
