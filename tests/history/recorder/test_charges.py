"""What a charge leaves in the history: its row, the counter, the events; also after restarts."""

from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.history.records import CarRecord, OpenState, SessionRecord
from bmw2mqtt.vehicle.history import HistoryEvent
from tests.history.recorder.recorded_car import RecordedCar, RecordedScenario, epoch
from tests.vehicle.charging.scenario import LAG, after
from tests.vehicle.charging.test_scenarios import ROWS, Row, played


def check_row(record: SessionRecord, row: Row) -> None:
    start, end, soc_start, soc_end = row.arc
    assert record.start_at == epoch(after(start) - LAG)
    assert record.end_at == (None if end is None else epoch(after(end) - LAG))
    assert (record.soc_start, record.soc_end) == (soc_start, soc_end)
    found = (record.battery_kwh, record.grid_kwh)
    assert [None if kwh is None else round(kwh, 2) for kwh in found] == list(row.kwh[:2])
    assert record.energy_source == row.kwh[2]
    assert record.end_source in {record.end_source, row.end_source}
    assert len(record.blocks) == row.blocks - (end is None), "a running one comes later"
    assert record.is_hidden == (not row.listed)
    assert (record.status == "failed") == row.failed


@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed after each burst"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_charge_becomes_one_row(row: Row, *, killed: bool) -> None:
    scenario = RecordedScenario(killed_after_each=killed, **row.settings)
    for item in row.play:
        line, expected = (item, {}) if isinstance(item, str) else item
        played(scenario, line)
        if "count" in expected:
            assert scenario.count_kwh == expected["count"]
    car = scenario.car
    scenario.wait(scenario.now + timedelta(minutes=2))  # what changed last is written by then
    [record] = car.sessions
    check_row(record, row)
    assert row.count in {None, scenario.count_kwh}
    energies = [known.energy_kwh for known in car.published]
    assert energies == sorted(energies)
    assert car.heard().count("charging_started") <= 1
    assert car.heard().count("charging_ended") <= 1


CHARGE = ("0:00 PL=C ST=act HD=40 POS=0", "1:00 HD=55", "2:00 HD=60 ST=ended", "3:00 PL=D")


def recorded(*lines: str, **recorder: Any) -> RecordedCar:
    scenario = RecordedScenario(recorder=recorder)
    scenario.play(*(lines or CHARGE))
    scenario.wait(scenario.now + timedelta(minutes=2))
    return scenario.car


def test_a_charge_at_home_counts_at_home_and_costs_what_is_set() -> None:
    car = recorded(price_per_kwh=0.3, currency="CHF")
    [row] = car.sessions
    assert (row.zone, row.currency, row.cost_source) == ("home", "CHF", "fixed")
    assert row.cost == pytest.approx(16.774 * 0.3, abs=0.001)
    assert row.latitude is None, "positions are not wanted"
    history = car.published[-1]
    assert (history.energy_kwh, history.energy_home_kwh) == (116.77, 16.77)
    assert history.estimated_share == round(16.774 / 116.774, 2)
    charge = history.last_charge
    assert charge is not None
    assert (charge.start, charge.end) == (after("0:00") - LAG, after("2:00") - LAG)
    assert (charge.soc_start, charge.soc_end, charge.place, charge.kind) == (40, 60, "home", "ac")
    assert charge.active_minutes == 120


def test_a_charge_elsewhere_counts_not_at_home() -> None:
    car = recorded(*(line.replace("POS=0", "POS=400") for line in CHARGE), keep_positions=True)
    [row] = car.sessions
    assert (row.zone, row.cost) == ("elsewhere", None)
    assert row.latitude == pytest.approx(48.0)
    assert row.longitude == pytest.approx(11.00537, abs=1e-4)
    history = car.published[-1]
    assert (history.energy_kwh, history.energy_home_kwh) == (116.77, 0.0)


def test_a_place_that_comes_late_moves_the_energy_and_no_counter_falls() -> None:
    """The car was at home; that it charges elsewhere is known only after a while."""
    lines = ("0:00 PL=C ST=act HD=40", "1:00 HD=55", "1:30 POS=90", "2:00 HD=60 ST=ended")
    car = recorded(*lines, home=type(RecordedCar().options.home)(48.0, 11.0, 50))
    assert [history.energy_home_kwh for history in car.published][-1] == 10.92, "as published"
    [counters] = car.of(CarRecord)
    assert counters.carry_home_kwh == pytest.approx(-10.92), "the next charge at home uses it up"
    assert car.published[-1].energy_kwh == 116.77


def test_without_a_home_nothing_is_at_home() -> None:
    car = recorded(home=None)
    assert car.sessions[0].zone is None
    assert car.published[-1].energy_home_kwh is None


def test_the_events_of_a_charge() -> None:
    car = recorded()
    started, ended = car.events
    assert isinstance(started, HistoryEvent)
    assert (started.platform_key, started.event_type) == ("charging", "charging_started")
    assert started.attributes == {
        "start": after("0:00") - LAG,
        "soc_start": 40,
        "target": 80,
        "place": "home",
    }
    assert ended.event_type == "charging_ended"
    assert ended.attributes["energy_kwh"] == pytest.approx(16.774, abs=0.001)
    assert (ended.attributes["source"], ended.attributes["soc_end"]) == ("estimated", 60)


def test_what_is_old_when_it_becomes_known_is_no_event() -> None:
    car = recorded("5:00 PL=C@0:00 ST=act@0:00 HD=40@0:00", "5:01 ST=ended@2:00 HD=60@2:00")
    assert car.heard() == []
    assert len(car.sessions) == 1


def test_plugged_in_without_charging_is_an_event() -> None:
    [event] = recorded("0:00 PL=C", "0:20 HD=50").events
    assert event.event_type == "plugged_in_not_charging"
    assert event.attributes == {"since": after("0:00") - LAG}


@pytest.mark.no_cover
def test_the_curve_has_a_point_every_five_minutes_and_120_at_most() -> None:
    lines = [f"{m // 60}:{m % 60:02} HD={40 + m // 40} PW=3500" for m in range(1, 20 * 60)]
    car = recorded("0:00 PL=C ST=act HD=40 PW=3500", *lines, "20:00 ST=ended")
    [row] = car.sessions
    assert 60 <= len(row.curve) <= 120
    assert [point.power_kw for point in row.curve] == [3.5] * len(row.curve)


def test_a_curve_misses_no_five_minutes_whenever_the_charge_began() -> None:
    """A silent car is observed at every fifth minute of the clock."""
    lines = [f"0:{m:02} HD=40 PW=3500" for m in (4, 5, 10, 14, 15, 16)]
    [row] = recorded("0:02 PL=C ST=act HD=40 PW=3500", *lines, "0:18 ST=ended").sessions
    begin = after("0:00").timestamp()
    assert [(point.at - begin) / 60 for point in row.curve] == [2, 5, 10, 15]


def test_a_lost_database_goes_on_with_what_was_published() -> None:
    scenario = RecordedScenario(recorder={"counter_kwh": None})
    scenario.play("0:00 PL=C ST=act HD=40 POS=0", "1:00 HD=55")
    car = scenario.car
    assert {history.energy_kwh for history in car.published} == {None}, "nothing before it is known"
    car.recorder.continue_from(500.0, 300.0, scenario.now)
    assert car.published[-1].energy_kwh == 510.92
    assert car.published[-1].energy_home_kwh == 310.92
    car.recorder.continue_from(900.0, 900.0, scenario.now)
    car.restart(scenario.now)
    car.recorder.continue_from(900.0, 900.0, scenario.now)
    scenario.play("2:00 HD=60 ST=ended", "3:00 PL=D")
    assert car.published[-1].energy_kwh == 516.77, "only once, and not after a restart"


def test_a_damaged_state_of_a_session_is_left_out() -> None:
    scenario = RecordedScenario()
    scenario.play(*CHARGE)
    for key, row in list(scenario.car.rows.items()):
        if getattr(row, "kind", "").startswith("session"):
            del scenario.car.rows[key]
    scenario.car.restart(scenario.now, is_killed=True)
    scenario.play("4:00 PL=C ST=act HD=59", "5:00 HD=70 ST=ended", "6:00 PL=D")
    assert len(scenario.car.sessions) == 2


def test_positions_that_a_person_deletes_do_not_come_back() -> None:
    car = recorded(keep_positions=True)
    assert car.sessions[0].latitude is not None
    car.recorder.forget_positions(after("3:00"))
    assert car.sessions[0].latitude is None
    car.restart(after("3:10"))
    car.recorder.save(after("3:20"))
    assert car.sessions[0].latitude is None
    assert not any("48." in row.json for row in car.of(OpenState) if row.kind != "trips")
