"""BMW's own record of charges, merged with what was recorded of them."""

from typing import Any

import pytest

from bmw2mqtt.history.records import BmwRecord, CarRecord
from bmw2mqtt.vehicle.charging.session import BmwSession, RecordBlock
from bmw2mqtt.vehicle.observed import ChargeRecord
from bmw2mqtt.vehicle.trips import Coordinates
from tests.history.recorder.recorded_car import RecordedCar, RecordedScenario
from tests.vehicle.charging.scenario import HOME, after

AT_HOME, ELSEWHERE = Coordinates(*HOME), Coordinates(49.0, 11.0)


def record(
    start: str,
    end: str,
    socs: tuple[float, float],
    kwh: float,
    place: Coordinates | None = None,
    **values: Any,
) -> ChargeRecord:
    session = BmwSession(
        start_at=after(start),
        end_at=after(end),
        soc_start=socs[0],
        soc_end=socs[1],
        grid_kwh=kwh,
        time_zone="Europe/Berlin",
        **values,
    )
    return ChargeRecord(session=session, json="{}", place=place)


def imported(car: RecordedCar, scenario: RecordedScenario, *records: ChargeRecord) -> None:
    """Import twice: the second time changes nothing but when it was fetched."""
    car.import_records(records, scenario.now)
    before = dict(car.rows)
    car.import_records(records, scenario.now)
    assert car.rows == before


def test_a_record_of_a_charge_that_was_seen() -> None:
    scenario = RecordedScenario()
    scenario.play("0:00 PL=C ST=act HD=40 POS=0", "0:03 ST=no", "0:04:30 ST=act")
    scenario.play("0:32 HD=46 ST=ended")
    assert scenario.count_kwh == 105.03
    imported(scenario.car, scenario, record("0:00:10", "0:32:05", (40, 46), 5.0))
    [row] = scenario.car.sessions
    assert (row.grid_kwh, row.energy_source, row.bmw_start) == (5.0, "bmw", row.start_at + 13)
    assert scenario.count_kwh == 105.03, "it never falls"
    [counters] = scenario.car.of(CarRecord)
    assert counters.carry_kwh == pytest.approx(-0.032, abs=0.001), "the next charge uses it up"
    assert counters.estimated_kwh == 0
    scenario.play("0:40 PL=D", "0:50 HD=47")
    scenario.car.restart(scenario.now, is_killed=True)
    scenario.play("1:00 HD=48")
    assert [row.grid_kwh for row in scenario.car.sessions] == [5.0], "BMW's figure stays"


def test_fragments_become_one_session_and_do_not_come_back() -> None:
    scenario = RecordedScenario(before="-0:30 ST=no ME=78 TG=80 OD=1000")  # no plug signal
    scenario.play("0:00 ST=act HD=40", "0:30 ST=no HD=45", "2:00 ST=act HD=45")
    scenario.play("2:30 ST=no HD=50", "4:00 HD=50")
    assert len(scenario.car.sessions) == 2
    counted = scenario.count_kwh
    scenario.car.import_records([record("0:00", "2:31", (40, 50), 9.0)], scenario.now)
    [row] = scenario.car.sessions
    assert (row.soc_start, row.soc_end, row.grid_kwh) == (40, 50, 9.0)
    assert scenario.count_kwh == max(counted, 109.0)
    scenario.play("5:00 HD=50")
    scenario.car.restart(scenario.now, is_killed=True)
    scenario.play("6:00 HD=49")
    assert len(scenario.car.sessions) == 1


def test_what_was_before_the_first_run_is_recorded_and_not_counted() -> None:
    scenario = RecordedScenario(recorder={"counter_kwh": None})
    scenario.car.recorder.continue_from(0.0, 0.0, scenario.now)
    blocks = (
        RecordBlock(start_at=after("-40:00"), end_at=after("-39:00"), mean_kw=3.7),
        RecordBlock(start_at=after("-39:00"), end_at=after("-37:02"), mean_kw=0.0),
        RecordBlock(start_at=after("-37:02"), end_at=after("-36:02"), mean_kw=9.07),
    )
    solar = record("-40:00", "-36:02", (41, 57), 12.77, AT_HOME, blocks=blocks, active_s=14280.0)
    failed = record("-30:00", "-30:00:40", (57, 57), 0.0, ELSEWHERE)
    imported(scenario.car, scenario, solar, failed)
    first, second = scenario.car.sessions
    assert (first.zone, first.kind, first.peak_kw) == ("home", "ac", 9.07)
    assert first.mean_kw == pytest.approx(6.385)
    assert len(first.blocks) == 3
    assert (first.is_hidden, second.is_hidden, second.zone) == (False, True, "elsewhere")
    assert scenario.car.published[-1].energy_kwh == 0
    assert len(scenario.car.of(BmwRecord)) == 2
    last = scenario.car.published[-1].last_charge
    assert last is not None
    assert last.energy_kwh == 12.77
    assert scenario.car.heard() == [], "no events of what is long over"


def test_a_charge_that_bmw_told_of_first_is_not_inferred_again() -> None:
    scenario = RecordedScenario()
    scenario.play("0:00 HD=40 POS=0")
    imported(scenario.car, scenario, record("1:00", "3:00", (40, 60), 17.0, AT_HOME))
    scenario.play("9:00 HD=60")
    [row] = scenario.car.sessions
    assert (row.grid_kwh, row.start_source) == (17.0, "bmw")
    assert scenario.count_kwh == 117.0


def test_a_charge_that_nobody_saw_counts_since_the_first_run() -> None:
    scenario = RecordedScenario()
    scenario.play("10:00 HD=50")
    imported(scenario.car, scenario, record("1:00", "3:00", (40, 60), 17.0, AT_HOME))
    assert scenario.count_kwh == 117.0
    assert scenario.car.published[-1].energy_home_kwh == 17.0
