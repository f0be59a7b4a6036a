"""Charges as they were reported, with the numbers that they must come to.

One row is one charge: its messages, and after some of them what is shown. The notation is that of
`scenario`.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bmw2mqtt.vehicle.charging.energy import active_s, is_failed, is_listed, kind_of, mean_kw
from bmw2mqtt.vehicle.charging.session import EndSource, Flag
from bmw2mqtt.vehicle.charging.state import TransitionKind
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain

from .scenario import Scenario, after, arc, clock, kwh

Shown = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A charge and what it comes to."""

    name: str
    play: tuple[str | tuple[str, Shown], ...]
    """A burst, or a burst (`wait h:mm`, `restart h:mm h:mm`) and what is shown after it."""
    arc: tuple[str, str | None, float | None, float | None]
    kwh: tuple[float | None, float | None, str | None]
    session: Shown = field(default_factory=dict)
    end_source: EndSource | None = None
    blocks: int = 1
    failed: bool = False
    listed: bool = True
    count: float | None = None
    settings: Shown = field(default_factory=dict)


ROWS = (
    Row(
        name="the box was stopped from outside",
        play=(
            ("0:00 PL=C ST=act HD=53 PW=10000", {"soc_percent": 53, "power_kw": 10}),
            ("wait 0:29:50", {"power_kw": 10}),
            ("wait 0:30", {"power_kw": None, "is_charging": True, "soc_percent": 53}),
            ("wait 11:59", {"is_charging": True, "soc_percent": 53}),
            (
                "12:00 PL=D ST=no HD=53 ME=37.9",
                {"soc_percent": 53, "power_kw": 0, "status": ChargingStatus.NOT_CHARGING},
            ),
        ),
        arc=("0:00:00", "0:00:00", 53, 53),
        kwh=(0, 0, "estimated"),
        end_source=EndSource.LAST_EVIDENCE,
        failed=True,
        listed=False,
        count=100.00,
    ),
    Row(
        name="all telemetry is sent again",
        play=(
            ("0:00 PL=C ST=act HD=40", {"soc_percent": 40}),
            ("1:00 HD=55", {"soc_percent": 55, "count": 110.92}),
            ("1:01 ST=act HD=40 PL=C", {"soc_percent": 55, "count": 110.92}),
            ("1:20 HD=59", {"soc_percent": 59, "count": 114.04}),
            ("2:00 HD=60 ST=ended", {"soc_percent": 60, "status": ChargingStatus.COMPLETE}),
        ),
        arc=("0:00:00", "2:00:00", 40, 60),
        kwh=(15.60, 16.77, "estimated"),
        end_source=EndSource.STATUS,
        count=116.77,
    ),
    Row(
        name="the end was not sent, REST knows it",
        play=(
            "0:00 PL=C ST=act HD=60 TR=90",
            "1:00 HD=74 TR=30",
            ("wait 1:34:56", {"reads": 0}),
            ("wait 1:34:57", {"reads": 1}),
            (
                "1:35 ST=ended@1:28:40 HD=80@1:28:40",
                {"status": ChargingStatus.TARGET_REACHED, "end_time": None},
            ),
            ("wait 9:00", {"reads": 1}),
        ),
        arc=("0:00:00", "1:28:43", 60, 80),
        kwh=(15.60, 16.77, "estimated"),
        end_source=EndSource.STATUS,
        count=116.77,
    ),
    Row(
        name="the end was not sent, and nobody may ask",
        play=(
            "0:00 PL=C ST=act HD=60 TR=90",
            "1:00 HD=74 TR=30",
            ("wait 3:29:56", {"is_charging": True, "reads": 1}),
            (
                "wait 3:29:57",
                {"is_charging": False, "end_source": EndSource.EXPECTED, "count": 111.74},
            ),
            "9:00 HD=80@1:28:40 PL=D@8:59",
        ),
        arc=("0:00:00", "1:30:00", 60, 80),
        kwh=(15.60, 16.77, "estimated"),
        end_source=EndSource.EXPECTED,
        count=116.77,
    ),
    Row(
        name="the phase count falls back and comes late (gap of two minutes)",
        play=(
            "0:00 PL=C",
            "0:00:00 ST=act PL=C",
            "0:03:02 ST=no PL=C PH=1-PHASES",
            ("0:05:03 ST=act PL=C V=230 A=16", {"power_kw": None, "phases": None}),
            ("0:06 PH=3-PHASES@0:05:00", {"power_kw": pytest.approx(11.04), "phases": 3}),
        ),
        arc=("0:00:00", None, None, None),
        kwh=(None, None, None),
        blocks=2,
    ),
    Row(
        name="the phase count falls back and comes late (gap of 90 seconds)",
        play=(
            "0:00 PL=C",
            "0:00:00 ST=act PL=C",
            "0:03:02 ST=no PL=C PH=1-PHASES",
            ("0:04:32 ST=act PL=C V=230 A=16", {"power_kw": None}),
            ("0:06 PH=3-PHASES@0:04:29", {"power_kw": pytest.approx(11.04)}),
        ),
        arc=("0:00:00", None, None, None),
        kwh=(None, None, None),
        blocks=1,
    ),
    Row(
        name="power never again",
        play=(
            "0:00 PL=C ST=act HD=50 PW=3540",
            "0:23 HD=51",
            "0:46 HD=52",
            "1:09 HD=53",
            "1:32 HD=54",
            "1:55 HD=55",
            "2:18 HD=56",
            ("2:42 HD=57 ST=ended", {"power_kw": 0}),
        ),
        arc=("0:00:00", "2:42:00", 50, 57),
        kwh=(5.46, 5.87, "estimated"),
    ),
    Row(
        name="a flap of 90 seconds",
        play=(
            "0:00 PL=C ST=act HD=40",
            ("0:03 ST=no", {"status": ChargingStatus.PLUGGED_IN}),
            ("0:04:30 ST=act", {"status": ChargingStatus.CHARGING}),
            "0:32 HD=46 ST=ended",
        ),
        arc=("0:00:00", "0:32:00", 40, 46),
        kwh=(4.68, 5.03, "estimated"),
        count=105.03,
    ),
    Row(
        name="the bridge restarts in mid-charge",
        play=(
            "0:00 PL=C ST=act HD=39",
            ("restart 0:40 1:10", {"is_charging": True, "soc_percent": 39}),
            "1:10:30 HD=47@1:08",
            "2:00 HD=55 ST=ended",
        ),
        arc=("0:00:00", "2:00:00", 39, 55),
        kwh=(12.48, 13.42, "estimated"),
        session={"gap_s": 1800, "flags": frozenset()},
        count=113.42,
    ),
    Row(
        name="the charge ended while the bridge was off",
        play=(
            "0:00 PL=C ST=act HD=39",
            ("restart 0:40 3:00", {"is_charging": True}),
            "3:00:03 PL=D@1:30 HD=50@1:30",
        ),
        arc=("0:00:00", "1:30:03", 39, 50),
        kwh=(8.58, 9.23, "estimated"),
        session={"flags": frozenset({Flag.INTERRUPTED})},
        end_source=EndSource.UNPLUGGED,
    ),
    Row(
        name="the sun comes and goes",
        play=(
            ("0:00 PL=C HD=50 ST=act PW=3600", {"soc_percent": 50}),
            ("0:05 ST=paused", {"status": ChargingStatus.WAITING_FOR_CHARGING, "power_kw": 0}),
            "0:15 ST=act PW=3600",
            "0:20 ST=paused",
            "0:30 ST=act PW=3600",
            "0:35 HD=51 ST=paused",
            ("0:50 PL=D", {"soc_percent": 51, "status": ChargingStatus.NOT_CHARGING}),
        ),
        arc=("0:00:00", "0:35:00", 50, 51),
        kwh=(0.90, 0.97, "measured"),
        session={"unplugged_at": after("0:49:57"), "active_s": 900, "mean_kw": 3.6, "kind": "ac"},
        blocks=3,
    ),
    Row(
        name="unplugged while the status is still charging",
        play=(
            "0:00 PL=C ST=act HD=40 PW=7000",
            (
                "6:00 PL=D",
                {"status": ChargingStatus.NOT_CHARGING, "power_kw": 0, "is_plugged_in": False},
            ),
            ("6:10 OD=1004 MV=true", {"status": ChargingStatus.NOT_CHARGING}),
        ),
        arc=("0:00:00", "6:00:00", 40, None),
        kwh=(None, None, None),
        end_source=EndSource.UNPLUGGED,
        count=100.00,
    ),
    Row(
        name="driven away while status and plug still stand",
        play=(
            "0:00 PL=C ST=act HD=40 PW=7000",
            ("6:00 TG=80", {"status": ChargingStatus.CHARGING}),
            (
                "6:10 OD=1004 MV=true",
                {"status": ChargingStatus.NOT_CHARGING, "power_kw": 0, "is_plugged_in": False},
            ),
        ),
        arc=("0:00:00", "6:10:00", 40, None),
        kwh=(None, None, None),
        end_source=EndSource.MOVEMENT,
        count=100.00,
    ),
    Row(
        name="clocks that are wrong",
        play=(
            ("0:00:03 ST=act@2:00 HD=40@2:00", {"soc_percent": 40, "is_plugged_in": True}),
            ("0:30 HD=45@0:30", {"soc_percent": 45}),
            ("1:00 ST=ended@1990", {"is_charging": True}),
            "1:01 PL=D",
        ),
        arc=("0:00:06", "1:01:00", 40, 45),
        kwh=(3.90, 4.19, "estimated"),
        end_source=EndSource.UNPLUGGED,
    ),
    Row(
        name="a forecast is corrected by the displayed SoC, which falls out when sent again",
        play=(
            ("0:00 PL=C ST=act HD=50", {"soc_percent": 50}),
            ("0:30 LV=58", {"soc_percent": 58}),
            ("0:31 LV=57", {"soc_percent": 58}),
            ("0:40 HD=56", {"soc_percent": 56}),
            ("0:41 HD=50", {"soc_percent": 56}),
            ("1:00 HD=60 ST=ended", {"soc_percent": 60}),
            ("1:10 HD=50", {"soc_percent": 60}),
            ("1:20 HD=59", {"soc_percent": 59}),
        ),
        arc=("0:00:00", "1:00:00", 50, 60),
        kwh=(7.80, 8.39, "estimated"),
    ),
    Row(
        name="a real loss pauses the charge",
        play=(
            "0:00 PL=C ST=act HD=50",
            "0:30 HD=55",
            ("0:40 HD=54", {"soc_percent": 55, "is_charging": True}),
            (
                "0:50 HD=53",
                {"soc_percent": 53, "status": ChargingStatus.WAITING_FOR_CHARGING},
            ),
            ("1:00 HD=52", {"soc_percent": 52}),
            "2:00 PL=D",
        ),
        arc=("0:00:00", "0:40:00", 50, 55),
        kwh=(3.90, 4.19, "estimated"),
        end_source=EndSource.PAUSED,
    ),
    Row(
        name="fast charging whose SoC stands still until the car is awake",
        play=(
            "0:00 PL=C ST=act HD=38 PW=120000",
            ("0:25 ST=ended HD=38", {"soc_percent": 38, "power_kw": 0}),
            ("0:27 PL=D", {}),
            ("0:27:30 HD=72", {"soc_percent": 72}),
        ),
        arc=("0:00:00", "0:25:00", 38, 72),
        kwh=(26.52, 27.34, "estimated"),
        session={"kind": "dc"},
    ),
    Row(
        name="fast charging whose SoC is sent again as it was, and then driven away",
        play=(
            "0:00 PL=C ST=act HD=38 PW=120000",
            *(f"0:{minute:02} PW=100000" for minute in range(2, 24, 2)),
            "0:24 PL=D ST=no HD=38",
            ("0:26 OD=1002 HD=38", {"soc_percent": 38}),
            ("0:35 OD=1010 HD=85", {"soc_percent": 85}),
        ),
        arc=("0:00:00", "0:24:00", 38, None),
        kwh=(40.67, 41.92, "measured"),
        end_source=EndSource.UNPLUGGED,
        session={"kind": "dc", "peak_kw": 120.0},
    ),
    Row(
        name="the SoC stands still for hours and comes when unplugged",
        play=(
            "0:00 PL=C ST=act HD=48",
            ("2:00 ST=ended", {"soc_percent": 48}),
            ("8:00 PL=D HD=80", {"soc_percent": 80}),
        ),
        arc=("0:00:00", "2:00:00", 48, 80),
        kwh=(24.96, 26.84, "estimated"),
        end_source=EndSource.STATUS,
        session={"unplugged_at": after("7:59:57")},
    ),
    Row(
        name="a car without status words charges by power",
        play=(
            ("0:00 PL=C HD=40", {"status": ChargingStatus.PLUGGED_IN}),
            ("0:01 PW=11000", {"status": ChargingStatus.CHARGING, "power_kw": 11}),
            *(f"0:{minute:02} PW=11000" for minute in range(10, 60, 9)),
            ("1:00 HD=54 PW=0", {"is_charging": True, "power_kw": 0}),
            ("1:01 PW=0", {"status": ChargingStatus.PLUGGED_IN}),
            "3:00 PL=D",
        ),
        settings={"before": "-0:30 PL=D ME=78 TG=80 OD=1000 POS=0"},
        arc=("0:01:00", "1:00:00", 40, 54),
        kwh=(10.82, 11.63, "measured"),
    ),
    Row(
        name="the stream is silent for a day",
        play=(
            "0:00 PL=C ST=act HD=40",
            "1:00 HD=50",
            ("wait 24:59", {"is_charging": True}),
            ("wait 25:00", {"is_charging": False, "end_source": EndSource.LAST_EVIDENCE}),
        ),
        arc=("0:00:00", "1:00:00", 40, 50),
        kwh=(7.80, 8.39, "estimated"),
        end_source=EndSource.LAST_EVIDENCE,
    ),
    Row(
        name="a cable without plug signal pauses for a quarter of an hour",
        play=(
            ("0:00 ST=act HD=40", {"is_plugged_in": True}),
            ("0:30 ST=no HD=45", {"status": ChargingStatus.NOT_CHARGING}),
            "0:45 ST=act",
            "1:00 HD=50 ST=no",
            ("wait 1:29:56", {"ends": 0}),
            ("wait 1:30", {"ends": 1, "is_plugged_in": None}),
        ),
        settings={"before": "-0:30 ST=no ME=78 TG=80 OD=1000"},
        arc=("0:00:00", "1:00:00", 40, 50),
        kwh=(7.80, 8.39, "estimated"),
        blocks=2,
    ),
    Row(
        name="only the battery is warmed at the target",
        play=(
            "-0:10 HD=80",
            "0:00 PL=C ST=act PC=true PW=5000",
            "0:10 PW=5000",
            "0:20 ST=ended PC=false",
            "0:30 PL=D HD=80",
        ),
        arc=("0:00:00", "0:20:00", 80, None),
        kwh=(None, None, None),
        listed=False,
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_charge(row: Row) -> None:
    scenario = Scenario(**row.settings)
    for item in row.play:
        line, expected = (item, {}) if isinstance(item, str) else item
        shown = _played(scenario, line)
        facts = {
            "count": scenario.count_kwh,
            "reads": len(scenario.kinds(TransitionKind.READ_DUE)),
            "ends": len(scenario.kinds(TransitionKind.ENDED)),
        }
        for name, value in expected.items():
            actual = facts[name] if name in facts else getattr(shown, name)
            assert actual == value, f"{name} after {line!r}"
    session = scenario.session
    assert arc(session) == row.arc
    assert kwh(session) == row.kwh
    assert len(session.blocks) == row.blocks
    assert (is_failed(session), is_listed(session)) == (row.failed, row.listed)
    assert row.end_source in {None, session.end_source}
    assert row.count in {None, scenario.count_kwh}
    assert scenario.counts == sorted(scenario.counts)
    derived = {"active_s": active_s, "mean_kw": mean_kw, "kind": kind_of}
    for name, value in row.session.items():
        actual = derived[name](session) if name in derived else getattr(session, name)
        assert actual == (pytest.approx(value) if isinstance(value, float) else value), name


def _played(scenario: Scenario, line: str) -> Any:
    word, *times = line.split()
    if word == "wait":
        return scenario.wait(times[0])
    if word == "restart":
        scenario.restart(*times)
        return scenario.shown
    return scenario.play(line)


def test_a_plug_that_is_stamped_anew_begins_nothing() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C HD=40", "1:00 PL=C", "2:00 PL=C")
    assert not scenario.sessions
    assert scenario.kinds() == [TransitionKind.NOT_CHARGING]
    assert clock(scenario.transitions[0].at) == "0:14:57"


def test_old_readings_after_a_restart_are_no_charge() -> None:
    scenario = Scenario(before="-0:30 HD=66@-1:00 PL=D ST=no OD=1000")
    scenario.restart("-0:10", "0:00")
    assert scenario.play("0:01 HD=76@-2:07").soc_percent == 66
    assert scenario.play("0:02 HD=76@none").soc_percent == 66
    assert scenario.wait("4:00").soc_percent == 66
    assert not scenario.sessions
    assert not scenario.transitions


def test_a_polled_car_is_timed_by_its_reports() -> None:
    scenario = Scenario(before=None, is_report=True)
    scenario.play("0:00 ST=PLUGGED_IN@-1:00 PL=C@-1:00 HD=50@-1:00 ME=78 TG=80@-1:00")
    ends = []
    for poll in ("0:05", "0:10", "0:15"):
        shown = scenario.play(f"{poll} ST=CHARGING@0:04 PL=C@0:04 HD=50@0:04 TR=61@0:04")
        ends.append(clock(shown.end_time))
    shown = scenario.play("0:20 ST=CHARGING@0:19 PL=C@0:19 HD=55@0:19 TR=52@0:19")
    ends.append(clock(shown.end_time))
    assert ends == ["1:05:00", "1:05:00", "1:05:00", "1:11:00"]
    shown = scenario.play("1:10 ST=COMPLETE@1:06 PL=C@1:06 HD=80@1:06 TR=52@1:06")
    assert (shown.status, shown.end_time, shown.remaining_minutes) == (
        ChargingStatus.TARGET_REACHED,
        None,
        None,
    )
    session = scenario.session
    assert (clock(session.start_at), clock(session.end_at)) == ("0:04:00", "1:06:00")
    assert session.start_accuracy_s == 3840
    assert session.end_accuracy_s == 47 * 60
    assert kwh(session) == (23.40, 25.16, "estimated")
    assert scenario.kinds(TransitionKind.STARTED, TransitionKind.ENDED) == [
        TransitionKind.STARTED,
        TransitionKind.ENDED,
    ]


def test_a_missed_charge_is_inferred() -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40")
    scenario.play("9:00 HD=70 OD=1000")
    session = scenario.session
    assert arc(session) == ("0:00:00", "9:00:00", 40, 70)
    assert session.start_accuracy_s == 9 * 3600
    assert kwh(session) == (23.40, 25.16, "estimated")
    assert scenario.kinds() == [TransitionKind.INFERRED]


@pytest.mark.parametrize(
    "line",
    [
        "9:00 HD=70 OD=1030",
        "9:00 HD=44 OD=1000",
        "9:00 HD=70@-1:00",
    ],
    ids=["driven", "four points", "older"],
)
def test_what_is_no_missed_charge(line: str) -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", line)
    assert not scenario.sessions


def test_a_report_of_a_drive_and_the_next_charge_at_once() -> None:
    """MyBMW stamps everything with the time of the report."""
    scenario = Scenario(before=None, is_report=True)
    scenario.play(
        "0:00 ST=CHARGING@-0:10 PL=C@-0:10 HD=50@-0:10 OD=1000@-0:10 ME=78",
        "1:00 ST=CHARGING@0:55 PL=C@0:55 HD=60@0:55 OD=1000@0:55",
        "9:00 ST=CHARGING@8:58 PL=C@8:58 HD=45@8:58 OD=1040@8:58",
    )
    assert scenario.shown.status is ChargingStatus.CHARGING
    assert scenario.shown.soc_percent == 45
    first, second = scenario.sessions.values()
    assert first.end_source is EndSource.MOVEMENT
    assert arc(second)[2:] == (45, None)


def test_a_jump_of_the_position_ends_nothing() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 POS=5", "1:00 POS=10", "1:01 POS=198000")
    assert scenario.shown.is_charging
    scenario.play("1:02 POS=30")
    assert scenario.shown.is_charging
    scenario.play("1:10 POS=150")
    assert not scenario.shown.is_charging
    assert scenario.session.end_source is EndSource.MOVEMENT


@pytest.mark.parametrize("line", ["0:05 OD=1030", "1:00 OD=1609", "1:00 MV=true@-0:20"])
def test_what_is_no_drive(line: str) -> None:
    """The report of the drive before, a fault of units, and a word that is left over."""
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", line)
    assert scenario.shown.is_charging


@pytest.mark.parametrize(
    ("line", "power_kw"),
    [
        ("0:00 ST=act V=230 A=16 PH=3-PHASES@-0:00:11", 11.04),
        ("0:00 ST=act V=230 A=16 PH=3-PHASES@-0:00:14", None),
        ("0:00 ST=act V=230 A=16 PH=1-PHASES@-0:00:11", None),
        ("0:00 ST=act V=230 A=10 PH=1-PHASES", 2.3),
        ("0:00 ST=act V=230 A=10 PH=2-PHASES", 4.6),
        ("0:00 ST=act V=400 A=16 PH=3-PHASES", 11.085),
        ("0:00 ST=act V=230 A=16 PH=3-PHASES PW=10300", 10.3),
        ("0:00 ST=act PW=50000@-0:20", None),
    ],
)
def test_power_at_the_start(line: str, power_kw: float | None) -> None:
    scenario = Scenario()
    scenario.play("-0:10 PL=C")
    shown = scenario.play(line)
    assert shown.power_kw == (None if power_kw is None else pytest.approx(power_kw, abs=0.001))


def test_a_lost_start_is_found_by_power() -> None:
    """One reading may be left over from the last charge; two are a charge."""
    scenario = Scenario()
    scenario.play("0:00 PL=C HD=40", "0:10 PW=7000")
    assert not scenario.shown.is_charging
    assert scenario.play("0:20 PW=7100").is_charging
    assert clock(scenario.session.start_at) == "0:09:57"


def test_a_charge_that_goes_on_after_its_end_is_the_same_session() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", "1:00 HD=50 ST=ended", "9:00 ST=act", "10:00 HD=60")
    scenario.play("10:10 PL=D")
    assert arc(scenario.session) == ("0:00:00", "10:10:00", 40, 60)
    assert len(scenario.session.blocks) == 2
    scenario.play("11:00 PL=C ST=act")
    assert len(scenario.sessions) == 2


def test_voltage_alone_does_not_prove_that_current_flows() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 V=230 A=16 PH=3-PHASES", "1:00 V=231", "2:00 V=232")
    scenario.play("2:30 HD=40 PL=D")
    assert (scenario.shown.current_a, scenario.shown.voltage_v) == (0, None)
    assert scenario.session.end_source is EndSource.LAST_EVIDENCE
    assert arc(scenario.session)[1] == "0:00:00"


def test_the_reason_of_the_end_is_that_of_this_charge() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 RE=CONNECTOR_REMOVED@-5:00", "0:30 HD=45")
    assert scenario.session.end_reason is None
    scenario.play("1:00 ST=ended RE=CHARGING_TARGET_REACHED")
    assert scenario.session.end_reason == "CHARGING_TARGET_REACHED"


def test_fully_charged_far_below_the_target_is_not_shown_as_full() -> None:
    scenario = Scenario()
    shown = scenario.play("0:00 PL=C ST=CHARGING HD=40", "1:00 ST=FINISHED_FULLY_CHARGED HD=50")
    assert shown.status is ChargingStatus.FINISHED_NOT_FULL


def test_a_plug_that_is_unknown_now_does_not_fall_back_to_yesterday() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C", "1:00 PL=?")
    assert scenario.shown.is_plugged_in is None


def test_a_read_is_due_once_per_charge_and_hourly_per_car() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 TR=10", "0:20 PL=D", "0:25 PL=C ST=act TR=10")
    scenario.wait("2:00")
    due = [t for t in scenario.transitions if t.kind is TransitionKind.READ_DUE]
    assert [clock(t.at) for t in due] == ["0:14:57", "1:14:57"]


def test_a_bridge_that_was_off_for_days_does_not_take_it_for_silence() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40")
    scenario.restart("1:00", "60:00")
    assert scenario.wait("82:00").is_charging
    assert not scenario.wait("84:00").is_charging
    assert scenario.session.end_source is EndSource.LAST_EVIDENCE


def test_the_next_plug_in_has_its_own_notice() -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40", "1:00 HD=50 ST=ended", "2:00 PL=D", "3:00 PL=C")
    scenario.wait("4:00")
    assert [clock(t.at) for t in scenario.transitions if t.kind is TransitionKind.NOT_CHARGING] == [
        "3:14:57"
    ]


def test_a_petrol_car_with_a_battery_reading_is_never_charged() -> None:
    scenario = Scenario(drive_train=DriveTrain.MILD_HYBRID)
    scenario.play("0:00 HD=40", "9:00 HD=70 OD=1000")
    assert not scenario.sessions


def test_a_spike_waits_for_another_reading() -> None:
    scenario = Scenario()
    assert scenario.play("0:00 HD=67").soc_percent == 67
    assert scenario.play("0:05 HD=100").soc_percent == 67
    assert scenario.play("0:12 HD=54").soc_percent == 54
    assert not scenario.sessions


def test_a_sudden_rise_that_stays_is_accepted() -> None:
    scenario = Scenario()
    scenario.play("0:00 HD=40", "0:10 HD=70")
    assert scenario.wait("0:39:56").soc_percent == 40
    assert scenario.wait("0:40").soc_percent == 70


def test_an_engine_that_charges_is_no_session() -> None:
    scenario = Scenario(drive_train=DriveTrain.PLUGIN_HYBRID)
    scenario.play("0:00 MV=true OD=1001 HD=20", "0:01 ST=act", "0:20 HD=28 ST=act", "0:40 HD=36")
    assert not scenario.sessions


@pytest.mark.parametrize("word", ["UNKNOWN", "INVALID"])
def test_an_unknown_word_leaves_the_status_for_two_minutes(word: str) -> None:
    scenario = Scenario()
    scenario.play("0:00 PL=C", f"0:01 ST={word}")
    assert scenario.shown.status is ChargingStatus.PLUGGED_IN
    assert scenario.wait("0:02:56").status is ChargingStatus.PLUGGED_IN
    assert scenario.wait("0:02:57").status is None


@pytest.mark.parametrize("word", ["CHARGINGINTERRUPTED", "chargingDisrupted", "INITIALIZATION"])
def test_words_of_a_pause(word: str) -> None:
    scenario = Scenario()
    shown = scenario.play("0:00 PL=C ST=CHARGING_IN_PROGRESS HD=40", f"0:10 ST={word}")
    assert shown.status is ChargingStatus.WAITING_FOR_CHARGING


def test_a_word_nobody_knows_is_no_charge() -> None:
    scenario = Scenario()
    assert scenario.play("0:00 PL=C ST=SOMETHING_NEW").status is ChargingStatus.PLUGGED_IN
