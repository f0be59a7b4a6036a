"""The history as the bridge runs it: files that cannot be used, restarts, an end by kill -9."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.history.database import HistoryDatabase, open_for_reading
from bmw2mqtt.history.queries import HistoryReader
from bmw2mqtt.history.recorder.car import CarRecorder
from bmw2mqtt.history.recorder.options import RecorderOptions
from bmw2mqtt.history.records import OpenState
from bmw2mqtt.history.service import FILE, History
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.history import VehicleHistory
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import DriveTrain
from bmw2mqtt.vehicle.trips import Measured, Observation
from tests import virtual_time
from tests.history.recorder.test_imports import record
from tests.history.samples import VIN, every_session
from tests.vehicle.charging.scenario import facts_of
from tests.virtual_time import forward


def run(main: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=lambda: virtual_time.VirtualLoop(BEGIN)) as runner:
        runner.run(main())


BEGIN = datetime(2026, 11, 10, 7, 30, tzinfo=UTC)
"""Half an hour before the first message of a scenario."""


class Charging:
    """A car that charges: its machine outlives the history, as an account's does."""

    def __init__(self) -> None:
        self.machine = ChargingMachine()

    def report(self, history: History, line: str) -> ChargingSession | None:
        at, facts = facts_of(line, drive_train=DriveTrain.ELECTRIC, capacity_kwh=78.0)
        transitions = self.machine.step(facts, at)
        soc = facts.soc_percent
        driving = Observation(
            received_at=at,
            drive_train=DriveTrain.ELECTRIC,
            soc_percent=soc and Measured(soc.value, soc.at),
        )
        session = self.machine.session
        observed = ObservedVehicle(
            vin=VIN, at=at, transitions=transitions, session=session, driving=driving
        )
        history.observe(observed)
        return session


class Bridge:
    """What the bridge has of a history."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.published: dict[str, VehicleHistory] = {}
        self.path = folder / FILE
        self.history = History(
            self.path,
            RecorderOptions(**options),
            publish=self.published.__setitem__,
            send=lambda *_: None,
            now=lambda: datetime.now(UTC),
        )

    @asynccontextmanager
    async def running(self, *, is_killed: bool = False) -> AsyncIterator["Bridge"]:
        task = asyncio.create_task(self.history.run())
        try:
            await asyncio.wait_for(self.history.is_ready.wait(), 60)
            yield self
            assert not task.done()
        finally:
            if not is_killed:
                self.history.stop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def energy_kwh(self) -> float | None:
        return self.published[VIN].energy_kwh

    def rows(self) -> list[Any]:
        with closing(open_for_reading(self.path)) as connection:
            return every_session(connection)


def test_a_price_of_before_a_restart_still_counts(tmp_path: Path) -> None:
    async def main() -> None:
        car = Charging()
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.price_read(0.5)
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({})
            car.report(bridge.history, "0:00 PL=C ST=act HD=40")
            car.report(bridge.history, "2:00 HD=60 ST=ended")
            await forward(minutes=2)
            [row] = bridge.rows()
        assert (row.cost_source, row.cost) == ("sampled", pytest.approx(row.grid_kwh * 0.5))

    run(main)


def test_a_counter_in_the_wrong_unit_is_logged_once(tmp_path: Path) -> None:
    async def main() -> None:
        with capture_logs() as lines:
            async with Bridge(tmp_path, meters={VIN: "wallbox"}).running() as bridge:
                for minute in range(30):
                    await forward(minutes=1)
                    bridge.history.meter_read("wallbox", 500_000 + minute * 180)
        logged = [line for line in lines if line["event"] == "meter_not_plausible"]
        assert [line["meter"] for line in logged] == ["wallbox"]

    run(main)


def test_a_charge_over_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        car = Charging()
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({})
            car.report(bridge.history, "-0:10 PL=D ST=no HD=40")
            car.report(bridge.history, "0:00 PL=C ST=act HD=40")
            car.report(bridge.history, "1:00 HD=55")
            assert bridge.energy_kwh == 10.92
        async with Bridge(tmp_path).running() as bridge:
            assert bridge.energy_kwh == 10.92, "at once: before car and broker say anything"
            car.report(bridge.history, "2:00 HD=60 ST=ended")
            assert bridge.energy_kwh == 16.77
            await forward(minutes=2)
            [row] = bridge.rows()
        assert (row.soc_start, row.soc_end, row.grid_kwh) == (40, 60, pytest.approx(16.774, 1e-3))
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({VIN: (16.77, 0.0)})
            charge = bridge.published[VIN].last_charge
            assert charge is not None
            assert charge.soc_end == 60
            car.report(bridge.history, "3:00 PL=D")
            assert bridge.energy_kwh == 16.77

    run(main)


def test_the_12_v_battery_over_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        for day, voltage_v in enumerate((11.9, 12.1)):
            async with Bridge(tmp_path).running() as bridge:
                known = bridge.published[VIN].battery_12v if day else None
                assert day == 0 or known is not None, "at once: before the car says anything"
                now = datetime.now(UTC)
                driving = Observation(received_at=now)
                voltage = Measured(voltage_v, now)
                bridge.history.observe(
                    ObservedVehicle(vin=VIN, at=now, driving=driving, battery_12v_v=voltage)
                )
                await forward(hours=24)
            summary = bridge.published[VIN].battery_12v
            assert summary is not None
            assert (len(summary.days), summary.is_low) == (day + 1, day == 1)

    run(main)


def test_what_was_on_the_broker_goes_on_when_the_file_is_gone(tmp_path: Path) -> None:
    async def main() -> None:
        async with Bridge(tmp_path).running() as bridge:
            Charging().report(bridge.history, "0:00 PL=C ST=act HD=40")
            assert bridge.energy_kwh is None, "nobody knows yet what was published"
            bridge.history.energy_published({VIN: (321.5, 0.0)})
            assert bridge.energy_kwh == 321.5
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({VIN: (321.5, 0.0)})
            assert bridge.energy_kwh == 321.5, "once is enough"

    run(main)


def test_a_damaged_file_is_set_aside_and_recording_goes_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)

    async def main() -> None:
        with capture_logs() as lines:
            async with Bridge(tmp_path).running() as bridge:
                bridge.history.energy_published({VIN: (50.0, 0.0)})
                car = Charging()
                car.report(bridge.history, "0:00 PL=C ST=act HD=40")
                car.report(bridge.history, "2:00 HD=60 ST=ended")
        assert [line["event"] for line in lines] == ["history_damaged"]
        assert bridge.energy_kwh == 66.77
        assert len(bridge.rows()) == 1

    run(main)


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / FILE).read_bytes()

    async def main() -> None:
        with capture_logs() as lines:
            async with Bridge(tmp_path).running() as bridge:
                Charging().report(bridge.history, "0:00 PL=C ST=act HD=40")
                await forward(hours=1)
                assert bridge.published == {}
        [line] = lines
        assert line["event"] == "history_not_used"
        assert "newer bmw2mqtt" in line["reason"]

    run(main)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """Nothing counts from zero meanwhile: what is in the file is not known yet."""

    async def main() -> None:
        car = Charging()
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({VIN: (100.0, 0.0)})
            car.report(bridge.history, "0:00 PL=C ST=act HD=40")
        away = tmp_path / "away.db"
        (tmp_path / FILE).rename(away)
        (tmp_path / FILE).mkdir()
        with capture_logs() as lines:
            async with Bridge(tmp_path).running() as bridge:
                bridge.history.energy_published({VIN: (100.0, 0.0)})
                car.report(bridge.history, "1:00 HD=55")
                assert bridge.published == {}
                await forward(minutes=10)
                (tmp_path / FILE).rmdir()
                away.rename(tmp_path / FILE)
                await forward(minutes=2)
                assert bridge.energy_kwh == 100.0
                car.report(bridge.history, "1:30 HD=57")
                assert bridge.energy_kwh == 112.48
        events = [line["event"] for line in lines]
        assert events == ["history_not_saved", "history_saved_again"], "once, not per try"

    run(main)


@pytest.mark.parametrize("minute", [0, 1, 59, 61, 118, 121])
def test_an_end_without_warning_loses_the_last_minute_at_most(tmp_path: Path, minute: int) -> None:
    async def main() -> None:
        car = Charging()
        lines = {0: "0:00 PL=C ST=act HD=40", 60: "1:00 HD=55", 120: "2:00 HD=60 ST=ended"}
        bridge = Bridge(tmp_path)
        async with bridge.running(is_killed=True):
            bridge.history.energy_published({})
            for now in range(minute + 1):
                if now in lines:
                    car.report(bridge.history, lines[now])
                await forward(minutes=1)
            bridge.history._writer = None  # what is put from here on is lost
        published = bridge.energy_kwh or 0.0 if VIN in bridge.published else 0.0
        async with Bridge(tmp_path).running() as bridge:
            known = bridge.published.get(VIN)
            assert known is None or known.energy_kwh is None, "more may have been published"
            bridge.history.energy_published({VIN: (published, 0.0)})
            assert VIN not in bridge.published or (bridge.energy_kwh or 0.0) >= published
            for now in range(minute + 1, 123):
                if now in lines:
                    car.report(bridge.history, lines[now])
            car.report(bridge.history, "3:00 PL=D")
        assert bridge.energy_kwh == 16.77
        [row] = bridge.rows()
        assert (row.soc_start, row.soc_end) == (40, 60)

    run(main)


def test_what_is_remembered_of_old_sessions_is_deleted(tmp_path: Path) -> None:
    async def main() -> None:
        now = int(datetime.now(UTC).timestamp())
        database = HistoryDatabase(tmp_path / FILE)
        database.open()
        old = int((datetime.now(UTC) - timedelta(days=61)).timestamp())
        database.write(
            OpenState(vin=VIN, kind=kind, json="{}", updated_at=at)
            for kind, at in (("session a", old), ("session b", now), ("trips", old))
        )
        database.close()
        with capture_logs():
            async with Bridge(tmp_path).running():
                await forward(minutes=1)
        with closing(open_for_reading(tmp_path / FILE)) as connection:
            reader = HistoryReader(connection)
            assert reader.open_state(VIN, "session a") is None
            assert reader.open_state(VIN, "session b") is not None
            assert reader.open_state(VIN, "trips") is not None

    run(main)


def test_bmws_record_joins_two_rows(tmp_path: Path) -> None:
    async def main() -> None:
        car = Charging()
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({})
            for line in (
                "0:00 ST=act HD=40",
                "0:30 ST=no HD=45",
                "2:00 ST=act",
                "2:30 ST=no HD=50",
            ):
                car.report(bridge.history, line)
            car.report(bridge.history, "4:00 HD=50")
            await forward(minutes=2)
            assert len(bridge.rows()) == 2
            bmw = record("0:00", "2:31", (40, 50), 9.0)
            bridge.history.import_records(VIN, (bmw,))
            bridge.history.import_records(VIN, (bmw,))
            await forward(minutes=2)
            [row] = bridge.rows()
            assert (row.soc_start, row.soc_end, row.grid_kwh) == (40, 50, 9.0)
        async with Bridge(tmp_path).running() as bridge:
            bridge.history.energy_published({VIN: (9.0, 0.0)})
            bridge.history.import_records(VIN, (bmw,))
            car.report(bridge.history, "5:00 HD=49")
            await forward(minutes=2)
            assert len(bridge.rows()) == 1
            assert bridge.energy_kwh == 9.0

    run(main)


def test_a_bug_with_one_car_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "WBA00000000DEMO02"
    tick = CarRecorder.tick

    def broken(recorder: CarRecorder, now: datetime) -> None:
        if recorder.vin == other:
            raise RuntimeError("a bug")
        tick(recorder, now)

    monkeypatch.setattr(CarRecorder, "tick", broken)

    async def main() -> None:
        with capture_logs() as lines:
            async with Bridge(tmp_path).running() as bridge:
                bridge.history.energy_published({})
                at = datetime.now(UTC)
                driving = Observation(received_at=at)
                bridge.history.observe(ObservedVehicle(vin=other, at=at, driving=driving))
                car = Charging()
                car.report(bridge.history, "0:00 PL=C ST=act HD=40")
                await forward(hours=3)
                car.report(bridge.history, "3:00 HD=60 ST=ended")
                await forward(minutes=2)
                assert len(bridge.rows()) == 1
        assert [line["event"] for line in lines] == ["history_crashed"], "once"

    run(main)
