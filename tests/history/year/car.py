"""An electric car that lives through a year: what it really does, and what it reports of it.

It has the battery and the town of the simulator's electric car. Plugging in, solar pauses, fast
chargers, lost messages and restarts of the bridge come at random, from a seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from bmw2mqtt.simulator.driving.models import ELECTRIC
from bmw2mqtt.simulator.driving.route import Route, Waypoint

BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
TARGET: Final = 80
LOWEST: Final = 25
DC_KW: Final = 25
REPORT_MINUTES: Final = 4
"""How often a driving car reports."""
TOWN: Final = ELECTRIC.route
MOTORWAY: Final = Route(
    (TOWN.waypoints[0], Waypoint(49.4, 11.2, "Raststätte")),
)
assert ELECTRIC.battery is not None
BATTERY: Final = ELECTRIC.battery


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCharge:
    """What really happened during one plug-in."""

    begin: datetime
    end: datetime
    grid_kwh: float
    soc_start: float
    soc_end: float
    power_kw: float
    """Mean power of the battery while it charged."""
    position: tuple[float, float]
    is_home: bool
    odometer_km: float
    blocks: tuple[tuple[datetime, datetime], ...]

    @property
    def is_dc(self) -> bool:
        return self.power_kw > DC_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueTrip:
    """A drive as it was."""

    begin: datetime
    end: datetime
    km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Values that the car measured at one moment; without any, the bridge is started anew."""

    at: datetime
    values: dict[str, Any] = field(default_factory=dict)
    off: timedelta = timedelta()
    """How long the bridge is off from now on."""
    is_sure: bool = False
    """It is not lost: without it nobody could know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The plan of a day."""

    trips: int
    """Two, four, or a journey with fast chargers."""
    is_journey: bool = False
    is_charged: bool = True


def plan(days: int, chance: Random) -> list[Day]:
    """Return days with 1,100 trips and 330 charges in a year."""
    journeys = round(days * 36 / 365)
    errands = round(days * 149 / 365)
    uncharged = round(days * 107 / 365)
    planned = [Day(trips=4, is_journey=True)] * journeys
    planned += [Day(trips=4, is_charged=number >= uncharged // 2) for number in range(errands)]
    rest = days - journeys - errands
    planned += [
        Day(trips=2, is_charged=number >= uncharged - uncharged // 2) for number in range(rest)
    ]
    chance.shuffle(planned)
    return planned


class YearlyCar:
    """The car. `reports` lets it live; what it has really done is in `charges` and `trips`."""

    def __init__(self, seed: int, days: int = 365, begin: datetime = BEGIN) -> None:
        self.begin = begin
        self.chance = Random(seed)
        self.days = plan(days, self.chance)
        self.charges: list[TrueCharge] = []
        self.trips: list[TrueTrip] = []
        self.odometer_km = ELECTRIC.initial_mileage_km
        self.soc = 70.0
        self._now = begin
        self._km = 0.0
        """Where it is, from home."""
        self._route = TOWN
        self._is_unknown = False
        """It was charged, and has reported nothing since."""

    def reports(self) -> Iterator[Report]:
        """Let the days pass; yield what reaches the bridge, and when that is restarted.

        Some reports are lost, some come twice, some in two parts; the SoC of before the charge
        comes again.
        """
        soc_before = 0
        for report in self._life():
            if "status" in report.values:
                soc_before = report.values["soc"]
            if report.is_sure or self.chance.random() < 0.9:
                yield report
                continue
            what = self.chance.choice(("lost", "lost", "twice", "parts", "stale"))
            if what == "twice":
                yield from (report, report)
            elif what == "parts":
                names = self.chance.sample(sorted(report.values), len(report.values))
                for some in (names[::2], names[1::2]):
                    yield Report(at=report.at, values={name: report.values[name] for name in some})
            elif what == "stale":
                yield report
                if "power" in report.values:
                    later = report.at + timedelta(seconds=30)
                    yield Report(at=later, values={"soc": soc_before})

    def _life(self) -> Iterator[Report]:
        yield self._report(
            is_sure=True,
            plug=False,
            status="NOCHARGING",
            target=TARGET,
            odometer=int(self.odometer_km),
            is_moving=False,
            is_locked=True,
            **self._place(),
        )
        for number, day in enumerate(self.days):
            midnight = self.begin + timedelta(days=number)
            self._now = max(self._now, midnight + self._minutes(390, 480))
            if day.is_journey:
                yield from self._journey()
            else:
                yield from self._day_in_town(day)
            if day.is_charged or self.soc < LOWEST + 10:
                self._now += self._minutes(10, 60)
                yield from self._charge_at_home()
        self._now += timedelta(hours=8)
        yield self._report(is_sure=True, plug=False)

    # A day

    def _day_in_town(self, day: Day) -> Iterator[Report]:
        for turn in range(day.trips // 2):
            away_km = TOWN.length_km * (1.0 if turn == 0 else self.chance.uniform(0.3, 0.9))
            yield from self._drive(TOWN, 0.0, away_km)
            self._now += self._minutes(30, 240 if turn else 420)
            yield from self._drive(TOWN, away_km, 0.0)
            self._now += self._minutes(20, 60)

    def _journey(self) -> Iterator[Report]:
        """There and back on the motorway, with a fast charger on both ways."""
        far_km = MOTORWAY.length_km
        charger_km = self.chance.uniform(0.5, 0.8) * far_km
        for places in ((0.0, charger_km, far_km), (far_km, charger_km, 0.0)):
            yield from self._drive(MOTORWAY, places[0], places[1])
            self._now += self._minutes(4, 6)
            yield from self._charge_fast()
            self._now += self._minutes(3, 6)
            yield from self._drive(MOTORWAY, places[1], places[2])
            self._now += self._minutes(30, 180)

    def _drive(self, route: Route, begin_km: float, end_km: float) -> Iterator[Report]:
        self._route = route
        begin, distance_km = self._now, abs(end_km - begin_km)
        kmh = self.chance.uniform(35, 50) if route is TOWN else self.chance.uniform(95, 120)
        minutes = distance_km / kmh * 60
        steps = max(2, round(minutes / REPORT_MINUTES))
        yield self._report(
            is_sure=self._is_unknown, plug=False, is_locked=False, is_moving=True, **self._place()
        )
        self._is_unknown = False
        start_km, first_soc = self.odometer_km, self.soc
        for step in range(1, steps + 1):
            driven_km = distance_km * step / steps
            self._now = begin + timedelta(minutes=minutes * step / steps)
            self._km = begin_km + (end_km - begin_km) * step / steps
            self.odometer_km = start_km + driven_km
            self.soc = first_soc - BATTERY.percent_of(driven_km / 100 * BATTERY.kwh_per_100km)
            yield self._report(odometer=int(self.odometer_km), **self._place())
            if self.chance.random() < 0.01 and step < steps:
                yield Report(at=self._now, off=timedelta(minutes=2), is_sure=True)
        self._km = end_km
        self.trips.append(TrueTrip(begin=begin, end=self._now, km=distance_km))
        self._now += timedelta(seconds=20)
        yield self._report(is_moving=False, odometer=int(self.odometer_km), **self._place())
        self._now += timedelta(seconds=40)
        yield self._report(is_locked=True)

    # Charges

    def _charge_at_home(self) -> Iterator[Report]:
        kind = self.chance.choices(
            ("plain", "slow", "solar", "silent", "missed"), (45, 20, 20, 10, 5)
        )[0]
        if kind == "solar":
            yield from self._charge_by_the_sun()
        elif kind in {"silent", "missed"}:
            yield from self._charge_in_silence(is_missed=kind == "missed")
        else:
            yield from self._charge(11.0 if kind == "plain" else 3.5, 0.93)

    def _charge_fast(self) -> Iterator[Report]:
        yield from self._charge(self.chance.uniform(60, 130), 0.97, longest_off=4)

    def _charge(
        self, power_kw: float, efficiency: float, longest_off: float = 40
    ) -> Iterator[Report]:
        """Charge to the target, with a report for each percent."""
        begin, first_soc, efficiency = self._now, self.soc, self._about(efficiency)
        yield self._plugged_in(power_kw)
        while self.soc < TARGET:
            self._now += self._until_next_percent(power_kw)
            if self.soc < TARGET:
                yield self._report(power=power_kw * 1000)
            if self.chance.random() < 0.01:
                off = timedelta(minutes=self.chance.uniform(1, longest_off))
                yield Report(at=self._now, off=off, is_sure=True)
        yield from self._charged(begin, first_soc, efficiency, power_kw)

    def _charge_by_the_sun(self) -> Iterator[Report]:
        """Charge as far as the sun allows, with clouds."""
        begin, first_soc, efficiency = self._now, self.soc, self._about(0.93)
        blocks, kwh, hours = [], 0.0, 0.0
        yield self._plugged_in(2.0)
        for _ in range(self.chance.randint(3, 25)):
            power_kw, block_begin = self.chance.uniform(1.5, 9.0), self._now
            yield self._report(status="CHARGINGACTIVE", power=power_kw * 1000)
            sunny_until = self._now + self._minutes(4, 35)
            while self._now < sunny_until and self.soc < TARGET:
                left = sunny_until - self._now
                step = min(left, timedelta(minutes=8))
                added_kwh = power_kw * step.total_seconds() / 3600
                self.soc = min(TARGET, self.soc + BATTERY.percent_of(added_kwh))
                self._now += step
                kwh, hours = kwh + added_kwh, hours + step.total_seconds() / 3600
                yield self._report(power=power_kw * 1000)
            blocks.append((block_begin, self._now))
            if self.soc >= TARGET:
                break
            yield self._report(status="CHARGINGPAUSED", power=0)
            self._now += self._minutes(3, 40)
        end = blocks[-1][1]
        yield from self._charged(
            begin, first_soc, efficiency, kwh / hours, end=end, blocks=tuple(blocks)
        )

    def _charge_in_silence(self, *, is_missed: bool) -> Iterator[Report]:
        """Charge with the begin as the only message, or without any."""
        begin, first_soc, efficiency = self._now, self.soc, self._about(0.93)
        hours = (TARGET - self.soc) / BATTERY.percent_of(11.0)
        if is_missed:
            yield Report(
                at=begin - timedelta(minutes=1),
                off=timedelta(hours=hours, minutes=20),
                is_sure=True,
            )
        else:
            yield self._plugged_in(11.0)
        self._now += timedelta(hours=hours)
        self.soc = TARGET
        self._note(begin, first_soc, efficiency, 11.0)
        self._is_unknown = True
        self._now += timedelta(minutes=30)

    def _plugged_in(self, power_kw: float) -> Report:
        return self._report(
            plug=True, status="CHARGINGACTIVE", power=power_kw * 1000, **self._place()
        )

    def _charged(
        self,
        begin: datetime,
        first_soc: float,
        efficiency: float,
        power_kw: float,
        *,
        end: datetime | None = None,
        blocks: tuple[tuple[datetime, datetime], ...] = (),
    ) -> Iterator[Report]:
        """Report the end; it is lost now and then."""
        self._note(begin, first_soc, efficiency, power_kw, end=end, blocks=blocks)
        if self.chance.random() < 0.85:
            yield self._report(status="CHARGINGENDED", power=0)

    def _note(
        self,
        begin: datetime,
        first_soc: float,
        efficiency: float,
        power_kw: float,
        *,
        end: datetime | None = None,
        blocks: tuple[tuple[datetime, datetime], ...] = (),
    ) -> None:
        end = end or self._now
        battery_kwh = (self.soc - first_soc) / 100 * BATTERY.capacity_kwh
        self.charges.append(
            TrueCharge(
                begin=begin,
                end=end,
                grid_kwh=battery_kwh / efficiency,
                soc_start=first_soc,
                soc_end=self.soc,
                power_kw=power_kw,
                position=self._place()["position"],
                is_home=self._km == 0,
                odometer_km=self.odometer_km,
                blocks=blocks or ((begin, end),),
            )
        )

    # What it reports

    def _until_next_percent(self, power_kw: float) -> timedelta:
        percent = min(int(self.soc) + 1, TARGET) - self.soc
        self.soc += percent
        self.soc = round(self.soc) if abs(self.soc - round(self.soc)) < 1e-9 else self.soc
        return timedelta(hours=percent / BATTERY.percent_of(power_kw))

    def _report(self, *, is_sure: bool = False, **values: Any) -> Report:
        values["soc"] = int(self.soc + 1e-9)
        return Report(at=self._now, values=values, is_sure=is_sure)

    def _place(self) -> dict[str, Any]:
        place = self._route.place(self._km)
        return {"position": (place.latitude, place.longitude)}

    def _about(self, efficiency: float) -> float:
        return efficiency + self.chance.uniform(-0.02, 0.02)

    def _minutes(self, least: float, most: float) -> timedelta:
        return timedelta(minutes=self.chance.uniform(least, most))
