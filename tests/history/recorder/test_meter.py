"""A wallbox's energy counter as the source of a session's energy, whatever the counter does."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.history.recorder.meters import WallboxMeter
from bmw2mqtt.history.recorder.options import Sources
from bmw2mqtt.history.recorder.recorded import RecordedSession
from bmw2mqtt.vehicle.charging.session import Block, ChargingSession, Phase, StartSource
from tests.history.recorder.recorded_car import RecordedScenario
from tests.vehicle.charging.scenario import after


class Metered(RecordedScenario):
    """A scenario in which `MT=` is what the wallbox shows, and `/` turns the bridge off and on."""

    def __init__(self, **settings: Any) -> None:
        recorder = {"sources": Sources(meter=WallboxMeter())} | settings.pop("recorder", {})
        super().__init__(recorder=recorder, **settings)

    def run(self, lines: str) -> None:
        for line in lines.split(";"):
            at, *parts = line.split()
            if "/" in at:
                self.restart(*at.split("/"))
                continue
            self.wait(at)
            for part in [part for part in parts if part.startswith("MT=")]:
                self.car.sources.meter.update(float(part[3:]), self.now)
                parts.remove(part)
            if parts:
                self.play(" ".join((at, *parts)))
        for _ in range(20):
            self.wait(self.now + timedelta(minutes=1))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A charge from 40 to 60 % of 78 kWh: 15.6 kWh at the battery, 16.77 at the wall, estimated."""

    name: str
    play: str
    kwh: tuple[float, str] = (16.5, "meter")
    shown: tuple[float, float] | None = None
    """What the counter of the wallbox showed at both ends."""
    recorder: dict[str, Any] = field(default_factory=dict)


NO_METER = (16.77, "estimated")
BEGIN = "-0:20 MT=500; 0:00 PL=C ST=act HD=40 MT=500;"
END = "2:00 HD=60 ST=ended"
WHOLE = f"{BEGIN} 1:00 HD=50 MT=508; 1:59 MT=516.4; {END}; 2:01 MT=516.5"
ROWS = (
    Row(name="an ordinary charge", play=WHOLE, shown=(500, 516.5)),
    Row(name="no meter", play=f"0:00 PL=C ST=act HD=40; {END}", kwh=NO_METER),
    Row(
        name="it counts four minutes before the car reports, and its last reading is late",
        play=f"-1:00 MT=500; -0:10 MT=500; -0:03 MT=500.4; 0:00 PL=C ST=act HD=40; {END};"
        " 2:10 MT=516.5",
    ),
    Row(
        name="a counter of each session: it begins again at 0 when the cable is put in",
        play=f"-3:00 MT=7.1; -0:01 MT=0; 0:00 PL=C ST=act HD=40 MT=0; 1:00 MT=8; {END} MT=16.5",
    ),
    Row(
        name="an overflow in the middle",
        play="-0:20 MT=9995; 0:00 PL=C ST=act HD=40; 0:20 MT=9998; 0:30 MT=9999.5; 0:35 MT=0.5;"
        f" 1:00 MT=4; {END} MT=12",
    ),
    Row(
        name="the wallbox restarts in the middle and begins at 0",
        play=f"{BEGIN} 1:00 MT=508; 1:01 MT=0; 1:02 MT=0.1; {END} MT=8.5",
    ),
    Row(
        name="wrong values now and then: 0, and a thousand times as much",
        play=f"{BEGIN} 0:30 MT=0; 0:31 MT=504; 1:00 MT=504000; 1:01 MT=508; {END} MT=516.5",
    ),
    Row(
        name="replaced by another one in the middle",
        play=f"{BEGIN} 1:00 MT=508; 1:01 MT=31000; 1:02 MT=31000.1; {END} MT=31008.5",
    ),
    Row(
        name="an old retained value first, then the true one when the charge has begun",
        play=f"-9:00 MT=300; 0:00 PL=C ST=act HD=40; 0:00:10 MT=500; 0:00:20 MT=500;"
        f" {END} MT=516.5",
    ),
    Row(
        name="only changes are published",
        play=f"-9:00 MT=500; 0:00 PL=C ST=act HD=40; 0:10 MT=501.4; 1:00 MT=508; {END} MT=516.5",
    ),
    Row(name="it stops in the middle", play=f"{BEGIN} 1:30 MT=516; {END}", kwh=NO_METER),
    Row(
        name="it counts much less than the car has charged",
        play=f"{BEGIN} {END} MT=504",
        kwh=NO_METER,
    ),
    Row(
        name="it counts much more: another car charges there",
        play=f"{BEGIN} 1:00 HD=50 MT=519; {END} MT=536",
        kwh=NO_METER,
    ),
    Row(
        name="the bridge starts in the middle",
        play=f"0:00 PL=C ST=act HD=40; 0:30 MT=504; {END} MT=516.5",
        kwh=NO_METER,
    ),
    Row(
        name="the bridge restarts in the middle",
        play=f"{BEGIN} 0:30 MT=504; 0:40/1:10; 1:10:10 MT=509; 1:30 HD=55 MT=513; {END} MT=516.5",
        shown=(500, 516.5),
    ),
    Row(
        name="the bridge is off until after the end, the last value is retained",
        play=f"{BEGIN} 0:30 MT=504; 0:40/2:05; 2:05:05 MT=516.5; 2:06 HD=60@2:00 ST=ended@2:00",
    ),
    Row(
        name="charging elsewhere while another car charges at home",
        play="-0:25 MT=500; -0:20 OD=1040 POS=40000 MV=true; -0:10 MV=false;"
        f" 0:00 PL=C ST=act HD=40; 1:00 MT=508; {END} MT=516.5",
        kwh=NO_METER,
    ),
    Row(
        name="no home is configured",
        play=WHOLE,
        recorder={"home": None},
    ),
    Row(
        name="direct current",
        play=f"{BEGIN} 0:01 DC=true; 1:00 MT=508; {END} MT=516.5",
        kwh=(16.08, "estimated"),
    ),
    Row(
        name="direct current by its power, and nobody knows where",
        play="-0:20 MT=500; 0:00 PL=C ST=act HD=40 PW=95000; 0:10 HD=60 ST=ended MT=503;"
        " 0:20 MT=516.5",
        kwh=(16.32, "measured"),
        recorder={"home": None},
    ),
    Row(
        name="the car falls silent, its end is assumed, the wallbox counts on",
        play=f"{BEGIN} 0:01 TR=119; 1:00 MT=507; 2:00 MT=514; 2:25 MT=516.5; 3:00 MT=516.5;"
        " 4:10 MT=516.5; 9:00 HD=60@2:25 PL=D@8:59",
    ),
    Row(
        name="a pause, and what it used meanwhile",
        play=f"{BEGIN} 1:00 HD=50 MT=508; 1:00:10 ST=paused; 1:30 MT=508.3; 1:30:10 ST=act;"
        f" {END} MT=516.5",
    ),
    Row(
        name="after the end it stands still, then counts another car",
        play=f"{WHOLE}; 2:05 PL=D; 2:16 MT=516.5; 3:00 MT=525",
    ),
    Row(
        name="a charge that the car did not report",
        play="-0:20 MT=500; 0:00 PL=D HD=40; 1:00 MT=508; 2:00 MT=516.5; 9:00 HD=60@2:30 PL=D",
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_wallbox_tells_the_energy_of_a_charge(row: Row) -> None:
    scenario = Metered(recorder=row.recorder)
    scenario.run(row.play)
    [session] = scenario.car.sessions
    kwh, source = row.kwh
    assert session.energy_source == source
    lost_kwh = 0.25 if source == "meter" else 0.01  # a new begin at 0 costs a step
    assert session.grid_kwh == pytest.approx(kwh, abs=lost_kwh)
    if row.shown is not None:
        assert (session.meter_start_kwh, session.meter_end_kwh) == row.shown
    energies = [known.energy_kwh for known in scenario.car.published if known.energy_kwh]
    assert energies == sorted(energies), "the counter of the car never falls"
    assert scenario.count_kwh - 100 >= round(session.grid_kwh or 0, 2) - 0.01


def test_the_energy_of_the_car_grows_with_the_wallbox() -> None:
    scenario = Metered()
    scenario.run(f"{BEGIN} 0:10 MT=501.5")
    assert scenario.count_kwh == 101.5, "the car still shows 40 %"
    scenario.run("0:31 MT=504")
    assert scenario.count_kwh == pytest.approx(102.81), "no more than two percent can be hidden"
    scenario.run(f"1:00 HD=50 MT=508; {END} MT=516.5")
    assert scenario.count_kwh == 116.5
    assert scenario.car.published[-1].estimated_share == 0


# Two cars at one wallbox


def session(start: str, end: str | None, zone: str | None = "home") -> RecordedSession:
    begin, finish = after(start), after(end) if end else None
    charging = ChargingSession(
        id=start,
        phase=Phase.ENDED if finish else Phase.CHARGING,
        start_at=begin,
        start_source=StartSource.STATUS,
        blocks=(Block(start_at=begin, end_at=finish),),
        last_evidence_at=finish or begin,
    )
    return RecordedSession(session=charging, zone=zone)


def shared(*others: RecordedSession) -> tuple[float | None, float | None]:
    """Return what a charge from 1:00 to 2:00 gets when 1 kWh flows in ten minutes from 0:00 on."""
    wallbox = WallboxMeter()
    for minutes in range(0, 240, 5):
        wallbox.update(500 + minutes / 10, after("0:00") + timedelta(minutes=minutes))
    now = after("4:00")
    for other in others:
        wallbox.measured("OTHER", other, now)
    mine = wallbox.measured("MINE", session("1:00", "2:00"), now).session.meter
    theirs = wallbox.measured("OTHER", others[0], now).session.meter if others else None
    return mine and round(mine.kwh, 2), theirs and round(theirs.kwh, 2)


def test_two_cars_that_take_turns_get_what_was_counted_in_their_time() -> None:
    assert shared()[0] == pytest.approx(8, abs=0.5), "with five minutes before and fifteen after"
    assert shared(session("0:10", "0:58"), session("2:01", "3:00")) == (6.0, 5.5)


def test_two_cars_that_charge_at_the_same_time_get_nothing() -> None:
    assert shared(session("1:30", "2:30")) == (None, None)
    assert shared(session("0:30", None)) == (None, None)


def test_a_car_elsewhere_does_not_disturb() -> None:
    mine, theirs = shared(session("1:30", "2:30", zone="elsewhere"))
    assert mine == pytest.approx(8, abs=0.5)
    assert theirs is None
