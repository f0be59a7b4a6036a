"""A car's days: where it is, what it does and when it reports, for either API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from math import ceil
from typing import TYPE_CHECKING, Final, Literal

from bmw2mqtt.simulator.clock import utc_now

from .condition import Condition, kilowatts
from .day import TripStage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .models import CarModel
    from .route import Place

TIME_LAPSE: Final = 12
"""Simulated seconds per second: the car's day of 144 minutes takes twelve."""

STEP_SECONDS: Final = 15
REPORT_EVERY: Final = timedelta(seconds=10)
FULL_PERCENT: Final = 100
WARM_MONTHS: Final = range(5, 10)

ClimateWord = Literal["COOLING", "HEATING", "VENTILATION", "INACTIVE"]


class ChargePhase(Enum):
    """How far a charge is."""

    UNPLUGGED = auto()
    PLUGGED_IN = auto()
    WAITING = auto()
    """For the time window of the charging plan."""
    CHARGING = auto()
    TARGET_REACHED = auto()
    FULL = auto()


@dataclass(slots=True, kw_only=True)
class ChargingPlan:
    """When and how far the car charges."""

    target_percent: int
    limit_a: float = 16
    is_delayed: bool = False
    """Charge in the time window alone."""
    start: tuple[int, int] = (22, 0)
    """Hour and minute."""
    end: tuple[int, int] = (6, 0)

    def is_due(self, at: datetime) -> bool:
        """Return whether the car may charge at this time."""
        if not self.is_delayed:
            return True
        start, end, now = self.start, self.end, (at.hour, at.minute)
        return start <= now < end if start <= end else now >= start or now < end


class SimulatedDrive:
    """A car that drives to work and back and charges, twelve times as fast as a real one.

    Its condition depends on `clock`, its charging plan and what was done to it, and when: not on
    how often it is asked. As a real car it reports now and then: when something happens, every 10
    seconds (at `speed` 1) while it drives, charges or conditions the air, and else not at all.
    """

    def __init__(
        self, model: CarModel, *, clock: Callable[[], datetime] = utc_now, speed: float = 1.0
    ) -> None:
        self.model = model
        self.plan = ChargingPlan(
            target_percent=model.battery.target_percent if model.battery else 0
        )
        self.started_at = clock()
        self._clock = clock
        self._lapse = TIME_LAPSE * speed
        self._steps = 0
        self._now = Condition.initial(model)
        self.apply_plan()

    def report(self) -> tuple[datetime, Condition]:
        """Return the time and the condition of the car's last report."""
        self._catch_up()
        return self._reported_at, self._reported

    def current(self) -> Condition:
        """Return its condition now, reported or not. What is changed in it is done to the car."""
        self._catch_up()
        return self._now

    def apply_plan(self) -> None:
        """Let the charger follow the plan and the owner's commands, and report."""
        at = self._clock()
        self._now.charging_kw = self._charging_kw(self._now, at)
        self._now.charging = self._now.charging_kw > 0
        self._report(at)

    # What a condition means

    def place(self, condition: Condition) -> Place:
        """Return where the car is."""
        homeward = condition.phase.stage in (TripStage.HOMEWARD, TripStage.AT_HOME)
        return self.model.route.place(condition.position_km, homeward=homeward)

    def electric_range_km(self, condition: Condition) -> int:
        """Return the electric range, 0 without a battery."""
        battery = self.model.battery
        return int(battery.range_km(condition.battery_percent)) if battery else 0

    def range_km(self, condition: Condition) -> int:
        """Return the range of battery and fuel together."""
        tank = self.model.tank
        fuel_km = int(tank.range_km(condition.fuel_l)) if tank else 0
        return self.electric_range_km(condition) + fuel_km

    def charge_phase(self, condition: Condition) -> ChargePhase:
        """Return how far a charge is."""
        target_percent = self.plan.target_percent
        if not condition.plugged:
            return ChargePhase.UNPLUGGED
        if condition.battery_percent >= target_percent:
            is_full = target_percent >= FULL_PERCENT
            return ChargePhase.FULL if is_full else ChargePhase.TARGET_REACHED
        if condition.charging:
            return ChargePhase.CHARGING
        waits = self.plan.is_delayed and condition.charging_ordered is None
        return ChargePhase.WAITING if waits else ChargePhase.PLUGGED_IN

    def charging_minutes(self, condition: Condition) -> int | None:
        """Return how many real minutes the charge still takes; `None` if there is none."""
        battery = self.model.battery
        if battery is None or self.charge_phase(condition) is not ChargePhase.CHARGING:
            return None
        missing = self.plan.target_percent - condition.battery_percent
        hours = missing / battery.percent_of(condition.charging_kw)
        return max(1, ceil(60 * hours / self._lapse))

    def climate(self, condition: Condition) -> tuple[ClimateWord, float]:
        """Return what the air conditioning does, and for how many real seconds more."""
        if condition.climate_until is None:
            return "INACTIVE", 0.0
        left_s = (condition.climate_until - condition.second) / self._lapse
        if self.model.climate == "VENTILATION":
            return "VENTILATION", left_s
        return "COOLING" if self._reported_at.month in WARM_MONTHS else "HEATING", left_s

    # The passing of time

    def _catch_up(self) -> None:
        """Advance to the current time."""
        elapsed_s = (self._clock() - self.started_at).total_seconds() * self._lapse
        due = int(elapsed_s // STEP_SECONDS)
        report_every = REPORT_EVERY * TIME_LAPSE / self._lapse
        while self._steps < due:
            self._steps += 1
            at = self.started_at + timedelta(seconds=self._steps * STEP_SECONDS / self._lapse)
            happened = self._now.step(self.model, STEP_SECONDS, self._charging_kw(self._now, at))
            if happened or (self._now.is_busy and at - self._reported_at >= report_every):
                self._report(at)

    def _report(self, at: datetime) -> None:
        self._reported = self._now.copy()
        self._reported_at = at

    def _charging_kw(self, condition: Condition, at: datetime) -> float:
        """Return the charger's power: 0 if the car should not charge now."""
        if not condition.plugged or condition.battery_percent >= self.plan.target_percent:
            return 0.0
        wanted = condition.charging_ordered
        if wanted is None:
            wanted = self.plan.is_due(at) and not condition.is_negotiating
        return kilowatts(self.plan.limit_a, self.model) if wanted else 0.0
