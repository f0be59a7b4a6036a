"""Charges and drives through the whole of CarData's way: messages to rows of the history.

The notation is that of `tests.vehicle.charging.scenario`.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bmw2mqtt.history.service import TICK_S
from bmw2mqtt.vehicle.observed import ObservedVehicle
from tests.accounts.cardata.driven_car import DrivenCar, drive
from tests.history.recorder.recorded_car import RecordedCar
from tests.vehicle.charging.scenario import BEFORE, LAG, after
from tests.vehicle.charging.test_scenarios import ROWS, Row

pytestmark = pytest.mark.no_cover

SENT_AGAIN = next(row for row in ROWS if row.name == "all telemetry is sent again")
OVER_A_RESTART = next(row for row in ROWS if row.name == "the bridge restarts in mid-charge")
SUN = next(row for row in ROWS if row.name == "the sun comes and goes")


def recorded(
    folder: Path, *lines: str, seed: int | None = None, drive_train: str = "BEV"
) -> RecordedCar:
    car = RecordedCar(keep_positions=False)

    async def follow_time() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            car.recorder.tick(datetime.now(UTC))

    async def main(driven: DrivenCar) -> None:
        timer = asyncio.create_task(follow_time())
        for line in (BEFORE, *lines):
            await driven.play(line)
            if line.startswith(("restart", "kill")):
                car.restart(datetime.now(UTC), is_killed=line.startswith("kill"))
        await driven.wait(120)
        timer.cancel()

    def observe(observed: ObservedVehicle) -> None:
        car.recorder.update(observed)  # the one after a restart is another one

    drive(folder, main, seed=seed, drive_train=drive_train, on_observed=observe)
    return car


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("row", [SENT_AGAIN, OVER_A_RESTART, SUN], ids=lambda row: row.name)
def test_a_charge(tmp_path: Path, row: Row, seed: int | None) -> None:
    lines = [item if isinstance(item, str) else item[0] for item in row.play]
    car = recorded(tmp_path, *lines, seed=seed)
    [record] = car.sessions
    assert (record.soc_start, record.soc_end) == row.arc[2:]
    assert record.start_at == (after(row.arc[0]) - LAG).timestamp()
    assert round(record.grid_kwh or 0, 2) == row.kwh[1]
    assert record.zone == "home"
    events = [event for event in car.heard() if event != "plugged_in_not_charging"]
    assert events == ["charging_started", "charging_ended"]
    energies = [known.energy_kwh or 0 for known in car.published]
    assert energies == sorted(energies)


@pytest.mark.parametrize("seed", [None, 1])
def test_a_drive_to_a_charger_and_home_again(tmp_path: Path, seed: int | None) -> None:
    car = recorded(
        tmp_path,
        "0:00 DO=OPEN HD=80",
        "0:01 DO=CLOSED",
        *(f"0:{minute:02} POS={minute * 800} MV=ASN_isTrue" for minute in range(2, 30, 2)),
        "0:30 OD=1025 HD=70 POS=24000 MV=ASN_isFalse",
        "0:32 DO=OPEN",
        "0:40 PL=C ST=act PW=50000 HD=70",
        "1:10 HD=80 ST=ended PW=0",
        "1:12 PL=D",
        seed=seed,
    )
    [trip] = car.trips
    assert (trip.km, trip.start_known) == (25, True)
    assert trip.start_at == (after("0:01") - LAG).timestamp(), "the door was closed then"
    assert (trip.zone_from, trip.zone_to) == ("home", "elsewhere")
    assert (trip.soc_start, trip.soc_end) == (80, 70)
    [charge] = car.sessions
    assert (charge.zone, charge.kind, charge.odometer_km) == ("elsewhere", "dc", 1025)
    assert car.published[-1].energy_home_kwh == 0
    assert car.heard() == ["trip_started", "trip_ended", "charging_started", "charging_ended"]


def test_a_car_that_burns_fuel(tmp_path: Path) -> None:
    car = recorded(
        tmp_path,
        "-0:20 FL=41",
        "0:00 OD=1023 FL=39",
        "2:00 OD=1031 FL=52",
        "2:02 FL=54",
        "3:00 OD=1040 FL=52",
        "3:30 FL=52",
        drive_train="ICE",
    )
    assert [trip.km for trip in car.trips] == [23, 8, 9]
    assert car.heard().count("refuelled") == 1
    assert car.sessions == []
