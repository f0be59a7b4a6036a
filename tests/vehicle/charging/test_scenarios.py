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
from bmw2mqtt.vehicle.snapshot import ChargingStatus

from .scenario import Scenario, after, arc, kwh

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
                {"is_charging": False, "count": 111.74},
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
            ("wait 25:00", {"is_charging": False}),
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
        shown = played(scenario, line)
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


def played(scenario: Scenario, line: str) -> Any:
    word, *times = line.split()
    if word == "wait":
        return scenario.wait(times[0])
    if word == "restart":
        scenario.restart(*times)
        return scenario.shown
    return scenario.play(line)
