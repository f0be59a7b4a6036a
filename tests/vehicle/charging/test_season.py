"""A hundred charges in a row, with lost messages, restarts, sun and fast chargers.

The sum must be that of the battery, and every plug-in one session.
"""

from dataclasses import dataclass, field
from random import Random

import pytest

from bmw2mqtt.vehicle.charging.energy import CurrentType, energy_of, kind_of
from bmw2mqtt.vehicle.charging.session import ChargingSession

from .scenario import Scenario

pytestmark = pytest.mark.no_cover

CAPACITY_KWH = 78.0
CHARGES = 100


@dataclass
class Car:
    """A battery that is charged and emptied, and reported in bursts."""

    random: Random
    scenario: Scenario = field(default_factory=Scenario)
    minutes: int = 0
    soc: float = 50.0
    odometer: int = 1000
    charged_kwh: float = 0.0
    plug_ins: int = 0

    def report(self, *parts: str, loss: float = 0.0) -> None:
        kept = [part for part in parts if self.random.random() >= loss]
        kept.append(f"HD={int(self.soc)}")
        self.random.shuffle(kept)
        self.scenario.play(f"{self.minutes // 60}:{self.minutes % 60:02} {' '.join(kept)}")

    def rest(self, minutes: int) -> None:
        if self.random.random() < 0.2:
            off, on = self.minutes + 1, self.minutes + max(2, minutes // 2)
            self.scenario.restart(f"{off // 60}:{off % 60:02}", f"{on // 60}:{on % 60:02}")
        self.minutes += minutes

    def drive(self) -> None:
        self.report("PL=D", "ST=no", loss=0.2)
        self.minutes += 2
        while self.soc > 20 and self.random.random() < 0.8:
            self.minutes += 15
            self.soc -= 6
            self.odometer += 30
            self.report(f"OD={self.odometer}", "MV=true", loss=0.1)
        self.minutes += 5
        self.soc -= 1
        self.odometer += 5
        self.report(f"OD={self.odometer}", "MV=false")
        self.minutes += self.random.randint(3, 600)

    def charge(self, power_kw: float) -> None:
        """Charge to 80 %, with a report every now and then, as power stays the same."""
        efficiency = 0.97 if power_kw > 25 else 0.93
        self.plug_ins += 1
        self.report("PL=C", "ST=act", f"PW={power_kw * 1000:.0f}", "TG=80")
        while self.soc < 80:
            minutes = self.random.randint(3, 8) if power_kw > 25 else self.random.randint(10, 50)
            self.rest(minutes)
            gained_kwh = min(power_kw * minutes / 60, (80 - self.soc) / 100 * CAPACITY_KWH)
            self.soc += gained_kwh / CAPACITY_KWH * 100
            self.charged_kwh += gained_kwh / efficiency
            if self.soc < 80 and self.random.random() < 0.2 and power_kw < 25:
                self.report("ST=paused", "PW=0", "PL=C")
                self.minutes += self.random.randint(1, 90)
                self.report("ST=act", f"PW={power_kw * 1000:.0f}", "PL=C")
            else:
                self.report("ST=act", "PL=C", f"PW={power_kw * 1000:.0f}", loss=0.3)
        self.report("ST=ended", "PW=0", loss=0.3)
        self.minutes += self.random.randint(1, 700)


def kinds(sessions: list[ChargingSession]) -> list[CurrentType]:
    return [kind_of(session) for session in sessions]


@pytest.mark.parametrize("seed", range(3))
def test_a_season(seed: int) -> None:
    car = Car(Random(seed))
    car.report()
    car.minutes += 10
    expected = []
    for _ in range(CHARGES):
        car.drive()
        power_kw = car.random.choice([2.3, 3.7, 11.0, 11.0, 50.0, 130.0])
        expected.append(CurrentType.DC if power_kw > 25 else CurrentType.AC)
        car.charge(power_kw)
    car.drive()
    sessions = sorted(car.scenario.sessions.values(), key=lambda session: session.start_at)
    assert len(sessions) == car.plug_ins
    assert kinds(sessions) == expected
    assert not any(session.is_open for session in sessions)
    assert car.scenario.counts == sorted(car.scenario.counts)
    counted_kwh = car.scenario.counter.total_kwh - 100
    assert counted_kwh == pytest.approx(car.charged_kwh, rel=0.03)
    energies = [energy_of(session) for session in sessions]
    assert counted_kwh + car.scenario.counter.carry_kwh == pytest.approx(
        sum(energy.grid_kwh or 0 for energy in energies), abs=0.01
    )
