"""Charges as they were reported, through the whole of CarData's way: messages to snapshots.

Each descriptor comes in a message of its own, in order and in any other. The notation is that of
`tests.vehicle.charging.scenario`; `HV` is the old status, `CS` a second plug.
"""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.snapshot.updater import LONGEST_TIMER_S
from bmw2mqtt.vehicle.charging.energy import energy_of
from bmw2mqtt.vehicle.charging.state import TransitionKind
from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.snapshot import ChargingStatus, Vehicle
from tests.accounts.cardata.driven_car import (
    DESCRIPTORS,
    LATE_S,
    SETTLED_S,
    DrivenCar,
    drive,
    messages_of,
    now,
)
from tests.vehicle.charging.scenario import BEFORE, after
from tests.vehicle.charging.test_scenarios import ROWS, Row
from tests.virtual_time import VirtualLoop

pytestmark = pytest.mark.no_cover

SHOWN = {"soc_percent", "power_kw", "status", "is_plugged_in", "phases", "end_time"}
SEEDS = (None, 1, 2, 3)
"""Orders of the messages in a burst; `None`: as they are written."""

Step = str | tuple[str, dict[str, Any]]
CHARGES: dict[str, tuple[Step, ...]] = {
    "an old SoC after a restart, and again without its time": (
        ("-1:00 HD=66", {"soc_percent": 66}),
        ("restart -0:30 0:00", {"soc_percent": 66}),
        ("0:01 HD=76@-2:07", {"soc_percent": 66}),
        ("0:02 HD=76@none", {"soc_percent": 66, "status": ChargingStatus.NOT_CHARGING}),
        ("restart 0:03 0:04", {"soc_percent": 66}),
    ),
    "a plug of yesterday does not come back": (
        ("-24:00 CS=C", {"is_plugged_in": True}),
        ("0:00 PL=D", {"is_plugged_in": False}),
        ("0:10 PL=?", {"is_plugged_in": None}),
        ("restart 0:11 0:12", {"is_plugged_in": None}),
        ("0:20 CS=D", {"is_plugged_in": False}),
    ),
    "a second plug that does not know says nothing": (
        ("0:00 CS=C", {"is_plugged_in": True}),
        ("0:10 PL=C", {"is_plugged_in": True}),
        ("0:20 CS=?", {"is_plugged_in": True}),
        ("0:30 HV=INVALID", {"is_plugged_in": True, "status": ChargingStatus.PLUGGED_IN}),
    ),
    "the old status does not know what the new one tells": (
        "-1:00 HV=NOT_CHARGING",
        ("0:00 PL=C ST=act HD=40", {"status": ChargingStatus.CHARGING}),
        ("0:05 HV=INVALID", {"status": ChargingStatus.CHARGING}),
        ("wait 0:10", {"status": ChargingStatus.CHARGING}),
        ("0:20 ST=INVALID", {"status": ChargingStatus.CHARGING}),
        ("wait 0:23", {"status": None}),
        ("0:30 ST=act", {"status": ChargingStatus.CHARGING}),
    ),
    "words of this year": (
        ("0:00 PL=C ST=CHARGING_IN_PROGRESS HD=40", {"status": ChargingStatus.CHARGING}),
        ("0:10 ST=CHARGINGINTERRUPTED", {"status": ChargingStatus.WAITING_FOR_CHARGING}),
        ("0:20 ST=act", {"status": ChargingStatus.CHARGING}),
        ("0:30 ST=CHARGINGDISRUPTED", {"status": ChargingStatus.WAITING_FOR_CHARGING}),
        ("0:40 ST=act", {"status": ChargingStatus.CHARGING}),
        ("0:50 ST=A_WORD_OF_NEXT_YEAR", {"status": ChargingStatus.PLUGGED_IN, "power_kw": None}),
    ),
    "what is left of an earlier charge": (
        "-1:00 TR=5 PW=50000",
        ("0:00 PL=C ST=act HD=40", {"power_kw": None, "end_time": None}),
        ("0:10 TR=60 PW=7000", {"power_kw": 7, "end_time": after("1:09:57")}),
        ("0:11 TR=60", {"end_time": after("1:09:57")}),
        ("0:50 PL=D", {"power_kw": 0, "end_time": None}),
    ),
    "the car drives off, and the plug of before comes again": (
        ("0:00 PL=C ST=act HD=40 PW=7000", {"power_kw": 7}),
        ("1:00 OD=1005", {"status": ChargingStatus.NOT_CHARGING, "mileage_km": 1005}),
        ("1:01 PL=C@0:00 ST=act@0:00", {"status": ChargingStatus.NOT_CHARGING, "power_kw": 0}),
        ("restart 1:02 1:10", {"status": ChargingStatus.NOT_CHARGING, "mileage_km": 1005}),
        ("1:20 OD=900", {"mileage_km": 1005}),
    ),
    "the bridge is killed in mid-charge": (
        "0:00 PL=C ST=act HD=39 PW=7000",
        "0:30 HD=44",
        ("kill 0:30:30 1:10", {"status": ChargingStatus.CHARGING, "soc_percent": 44}),
        ("1:11 HD=39", {"soc_percent": 44}),
        ("1:30 HD=52 ST=ended", {"status": ChargingStatus.COMPLETE, "soc_percent": 52}),
    ),
    "the bridge is killed minutes after a late burst of a charge that is silent then": (
        "0:00 PL=C ST=act HD=39",
        "0:20:00 HD=42",
        ("0:20:10 PW=7000@0:18", {"power_kw": 7}),
        ("kill 0:23:30 0:23:40", {"power_kw": 7, "soc_percent": 42}),
    ),
}


def is_of_cardata(row: Row) -> bool:
    """Return whether CarData has a descriptor for everything in a row."""
    lines = (item if isinstance(item, str) else item[0] for item in row.play)
    parts = (part for line in lines for part in line.split()[1:] if "=" in part)
    return all(part.partition("=")[0] in {*DESCRIPTORS, "POS"} for part in parts)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("row", [row for row in ROWS if is_of_cardata(row)], ids=lambda r: r.name)
def test_a_charge_of_the_rules(row: Row, seed: int | None, tmp_path: Path) -> None:
    play(tmp_path, (row.settings.get("before", BEFORE), *row.play), seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CHARGES)
def test_a_charge(name: str, seed: int | None, tmp_path: Path) -> None:
    before = "-25:00 PL=D ST=no ME=78 TG=80 OD=1000 POS=0"
    play(tmp_path, (before, *CHARGES[name]), seed=seed)


def play(folder: Path, steps: tuple[Step, ...], *, seed: int | None) -> None:
    """Let everything happen, and compare what is shown after each step."""

    async def main(car: DrivenCar) -> None:
        for step in steps:
            line, expected = (step, {}) if isinstance(step, str) else step
            vehicle = await car.play(line)
            if wrong(vehicle, expected):
                vehicle = await car.wait(SETTLED_S)
            assert wrong(vehicle, expected) == {}, f"after {line!r}"

    drive(folder, main, seed=seed)


def wrong(vehicle: Vehicle, expected: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown otherwise than expected."""
    charging = vehicle.charging
    shown = {
        **{name: getattr(charging, name) for name in SHOWN},
        "is_charging": charging.status is ChargingStatus.CHARGING,
        "mileage_km": vehicle.mileage_km,
    }
    return {
        name: shown[name] for name in shown if name in expected and shown[name] != expected[name]
    }


@pytest.mark.parametrize(("configured_kwh", "battery_kwh"), [(None, 15.6), (60.0, 12.0)])
def test_the_configured_capacity_decides_how_much_was_charged(
    configured_kwh: float | None, battery_kwh: float, tmp_path: Path
) -> None:
    """20 percent of what BMW reports (78 kWh), or of what the owner knows better."""

    async def main(car: DrivenCar) -> None:
        for line in (BEFORE, "0:00 PL=C ST=act HD=40", "2:00 HD=60 ST=ended", "2:01 PL=D"):
            await car.play(line)
        assert car.charging_session is not None
        assert energy_of(car.charging_session).battery_kwh == pytest.approx(battery_kwh)

    drive(tmp_path, main, configured_kwh=configured_kwh)


def test_a_silent_charge_is_observed_every_five_minutes(tmp_path: Path) -> None:
    """Its curve needs points; more would be work for nothing.

    A clock set back changes nothing, and after a suspend it is observed within a minute.
    """
    times: list[datetime] = []

    async def main(car: DrivenCar) -> None:
        await car.play("0:00 PL=C ST=act HD=40")
        times.clear()
        await car.wait(3600)
        assert len(times) == 12
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.set_wall_clock(days=-1)
        await car.wait(3600)
        assert len(times) == pytest.approx(24, abs=1)
        times.clear()
        loop.suspend(7200)
        await car.wait(LONGEST_TIMER_S + LATE_S)
        assert times

    drive(
        tmp_path,
        main,
        longest_timer_s=LONGEST_TIMER_S,
        on_observed=lambda observed: times.append(observed.at),
    )


def test_a_burst_that_begins_before_another_has_settled_is_judged_as_a_whole(
    tmp_path: Path,
) -> None:
    async def main(car: DrivenCar) -> None:
        await car.play("0:00 PL=D ME=78")
        await car.send(messages_of("1:00 OD=100", now()), settled_s=0.9)
        *first, last = messages_of("1:00 ST=act PL=C HD=40", now())
        await car.send(first, settled_s=0.1)
        await car.send([last])
        assert soc_at_start == [40]

    soc_at_start: list[float | None] = []

    def observe(observed: ObservedVehicle) -> None:
        for one in observed.transitions:
            assert one.kind is TransitionKind.STARTED
            assert observed.session is not None
            soc_at_start.append(observed.session.soc_start)

    drive(tmp_path, main, on_observed=observe)


def test_a_stop_before_a_burst_has_settled_loses_nothing_of_it(tmp_path: Path) -> None:
    async def main(car: DrivenCar) -> None:
        await car.play("0:00 PL=C ST=act HD=40 ME=78")
        await car.play("1:00 HD=60 ST=ended")
        await car.send(messages_of("1:30 PL=D", now()), settled_s=0.1)
        car.stop()
        car.start()
        await car.wait(5)
        session = car.charging_session
        assert session is not None
        assert session.unplugged_at is not None
        await car.play("2:00 PL=C ST=act HD=60")
        assert car.charging_session is not None
        assert car.charging_session.soc_start == 60, "another plug-in is another session"

    drive(tmp_path, main)
