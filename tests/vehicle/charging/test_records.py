"""BMW's charging history, merged with what we saw ourselves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bmw2mqtt.vehicle.charging.counter import EnergyCounter, count
from bmw2mqtt.vehicle.charging.energy import (
    active_s,
    energy_of,
    is_failed,
    is_listed,
    kind_of,
    mean_kw,
    peak_kw,
)
from bmw2mqtt.vehicle.charging.records import Merged, merge_records
from bmw2mqtt.vehicle.charging.session import (
    BmwSession,
    ChargingSession,
    EndSource,
    Meter,
    RecordBlock,
    StartSource,
)

from .scenario import T0, Scenario, after, arc, kwh


def record(start: str, end: str, socs: tuple[float, float], grid_kwh: float) -> BmwSession:
    return BmwSession(
        start_at=after(start),
        end_at=after(end),
        soc_start=socs[0],
        soc_end=socs[1],
        grid_kwh=grid_kwh,
    )


def charge(*lines: str) -> Scenario:
    scenario = Scenario()
    scenario.play(*lines)
    return scenario


def merged(sessions: Iterable[ChargingSession], *records: BmwSession) -> Merged:
    """Merge twice: the second time must change nothing."""
    first = merge_records(sessions, records)
    second = merge_records(first.sessions, records)
    assert second.sessions == first.sessions
    assert not second.changed
    assert not second.absorbed
    return first


def test_a_record_raises_no_doubt_about_the_counter() -> None:
    scenario = charge("0:00 PL=C ST=act HD=40", "0:32 HD=46 ST=ended")
    bmw = record("0:00:10", "0:32:05", (40, 46), 5.0)
    (session,) = merged([scenario.session], bmw).sessions
    assert kwh(session) == (4.68, 5.0, "bmw")
    for _ in range(2):
        scenario.counter, session = count(scenario.counter, session, scenario.now)
        assert scenario.count_kwh == 105.03
        assert round(scenario.counter.carry_kwh, 2) == -0.03
    assert arc(session)[2:] == (40, 46)


def test_a_carry_is_used_up_by_the_next_charge() -> None:
    scenario = charge("0:00 PL=C ST=act HD=40", "1:00 HD=60 ST=ended", "1:10 PL=D")
    (session,) = merged([scenario.session], record("0:00", "1:00", (40, 60), 14.0)).sessions
    scenario.counter, _ = count(scenario.counter, session, scenario.now)
    assert scenario.count_kwh == 116.77
    scenario.play("5:00 PL=C ST=act", "5:30 HD=62", "5:40 HD=63 ST=ended")
    assert scenario.count_kwh == pytest.approx(116.77, abs=0.01)
    scenario.play("6:00 ST=act", "7:00 HD=70 ST=ended")
    assert scenario.count_kwh == pytest.approx(114.0 + 10 * 0.78 / 0.93, abs=0.01)
    assert scenario.counts == sorted(scenario.counts)


def test_records_of_the_past_are_sessions_that_do_not_count() -> None:
    first, second = (
        record("-99:15", "-99:14:40", (12, 12), 0),
        record("-99:14:20", "-98:00", (12, 60), 40.1),
    )
    sessions = merged([], first, second).sessions
    assert [is_failed(session) for session in sessions] == [True, False]
    assert [is_listed(session) for session in sessions] == [False, True]
    counter = EnergyCounter(began_at=T0)
    for session in sessions:
        counter, _ = count(counter, session, T0)
    assert counter.total_kwh == 0


@pytest.mark.parametrize("pieces", [1, 24], ids=["3 blocks", "72 blocks"])
def test_the_power_of_a_record_is_that_of_its_blocks(pieces: int) -> None:
    spans = (("0:00", 3600, 3.7), ("1:00", 7080, 0.0), ("2:58", 3600, 9.07))
    blocks = tuple(
        RecordBlock(
            start_at=after(start) + timedelta(seconds=seconds * piece / pieces),
            end_at=after(start) + timedelta(seconds=seconds * (piece + 1) / pieces),
            mean_kw=power,
        )
        for start, seconds, power in spans
        for piece in range(pieces)
    )
    bmw = replace(record("0:00", "3:58", (41, 57), 12.77), blocks=blocks, active_s=14_280)
    (session,) = merged([], bmw).sessions
    assert (kind_of(session), peak_kw(session)) == ("ac", 9.07)
    assert mean_kw(session) == pytest.approx(6.385)
    assert active_s(session) == pytest.approx(7200)
    assert energy_of(session).grid_kwh == 12.77
    assert session.bmw is not None
    assert len(session.bmw.blocks) == 3 * pieces


def test_fragments_inside_a_record_become_one_session() -> None:
    scenario = charge(
        "0:00 PL=C ST=act HD=40",
        "0:30 PL=D HD=45",
        "0:35 PL=C ST=act",
        "1:30 HD=60 ST=ended",
        "1:31 PL=D",
    )
    fragments = list(scenario.sessions.values())
    assert len(fragments) == 2
    result = merged(fragments, record("-0:01", "1:31", (40, 60), 16.0))
    (session,) = result.sessions
    assert arc(session) == ("0:00:00", "1:30:00", 40, 60)
    assert kwh(session) == (15.6, 16.0, "bmw")
    assert len(session.blocks) == 2
    assert [absorbed.id for absorbed in result.absorbed] != [session.id]
    assert session.counted_kwh == pytest.approx(sum(f.counted_kwh for f in fragments))


def test_a_failed_record_does_not_get_the_session_of_the_real_one() -> None:
    scenario = charge("0:00 PL=C ST=act HD=12", "1:00 HD=60 ST=ended")
    failed, real = record("-0:01", "0:00", (12, 12), 0), record("0:00", "1:00", (12, 60), 40.1)
    sessions = merged([scenario.session], failed, real).sessions
    assert [energy_of(session).grid_kwh for session in sessions] == [0, 40.1]
    assert sessions[1].id == scenario.session.id


def test_a_record_replaces_what_was_only_inferred() -> None:
    scenario = charge("0:00 HD=40", "9:00 HD=70 OD=1000")
    (session,) = merged([scenario.session], record("2:00", "5:00", (40, 71), 26.0)).sessions
    assert (session.start_at, session.end_at) == (after("2:00"), after("5:00"))
    assert (session.start_source, session.end_source) == (StartSource.BMW, EndSource.BMW)
    assert session.start_accuracy_s == 0
    assert session.soc_end == 71


def test_a_flat_soc_is_replaced_and_an_open_session_left_alone() -> None:
    flat = charge("0:00 PL=C ST=act HD=38 PW=120000", "0:25 PL=D HD=38")
    (session,) = merged([flat.session], record("0:00", "0:25", (38, 72), 27.0)).sessions
    assert (session.soc_start, session.soc_end) == (38, 72)
    assert not is_failed(session)


def test_a_record_waits_for_the_end_of_its_session() -> None:
    """BMW may know that it is over before the car has told us."""
    scenario = charge("0:00 PL=C ST=act HD=40")
    bmw = record("0:00:10", "1:00", (40, 55), 12.6)
    result = merge_records([scenario.session], [bmw])
    assert result.sessions == (scenario.session,)
    assert not result.changed
    scenario.play("9:00 PL=D HD=55")
    (session,) = merged([scenario.session], bmw).sessions
    assert (session.bmw, session.start_source) == (bmw, StartSource.STATUS)
    assert arc(session) == ("0:00:00", "1:00:03", 40, 55), "nothing shows that it went on till nine"
    assert session.end_source is EndSource.BMW
    assert session.unplugged_at == after("8:59:57")


def test_a_meter_beats_bmw_unless_it_measured_something_else() -> None:
    scenario = charge("0:00 PL=C ST=act HD=40", "1:30 HD=55 ST=ended", "1:40 PL=D")
    session = scenario.session
    assert session is not None
    bmw = record("0:00", "1:30", (40, 55), 12.0)
    for last_kwh, expected in ((512.9, (11.7, 12.9, "meter")), (509.0, (11.7, 12.0, "bmw"))):
        meter = Meter(
            start_kwh=500,
            start_total_kwh=0,
            last_kwh=last_kwh,
            last_at=after("1:30"),
            last_total_kwh=last_kwh - 500,
        )
        (found,) = merged([replace(session, meter=meter)], bmw).sessions
        assert kwh(found) == expected
