"""A simulated car charges for an evening and reports as oddly as real ones; what is shown is right.

Everything is real but the time: the car, BMW's stream and REST over sockets, and the account.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random

import pytest

from bmw2mqtt.simulator.cardata.driving import (
    CARDATA_ELECTRIC,
    CHARGE_ENDS,
    UNKNOWN_SIBLINGS,
    DrivingCarDataCar,
    ReportBehaviour,
)
from bmw2mqtt.simulator.cardata.driving import descriptors as names
from bmw2mqtt.simulator.driving import TIME_LAPSE
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import RunningAccount

STATUS, PLUG = "sensor/charging_status", "binary_sensor/connection_status"
SOC, POWER = "sensor/remaining_battery_percent", "sensor/charging_power"
REMAINING, MILEAGE = "sensor/charging_time_remaining", "sensor/mileage"
RANGE = "sensor/remaining_range_electric"
SHOWN = (STATUS, PLUG, SOC, POWER, REMAINING, MILEAGE, RANGE)
MODEL = replace(
    CARDATA_ELECTRIC,
    vin=VIN,
    initial_minute=82.0,
    battery=replace(CARDATA_ELECTRIC.battery, initial_percent=70.5),
)
"""It comes home, is plugged in after 2 minutes, charges from the fifth to the 39th, is unplugged
after 70 and drives off after 72."""
SAMPLE_S = 20


def virtual_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Evening:
    """What is shown of a car while its day goes on."""

    home: RunningAccount
    began: datetime
    seen: list[dict[str, str | None]] = field(default_factory=list)

    async def until_minute(self, minute: float) -> dict[str, str | None]:
        """Let time pass; return what is shown then."""
        while virtual_now() < self.began + timedelta(minutes=minute):
            await self.home.clock.forward(seconds=SAMPLE_S)
            self.seen.append({name: self.home.car(name) for name in SHOWN})
        return self.seen[-1]

    def changes(self, name: str) -> list[str | None]:
        """Return the values of an entity, each change once."""
        return [value for value, _ in groupby(shown[name] for shown in self.seen)]

    def while_plugged_in(self, name: str) -> list[float]:
        """Return the known values of an entity while the car was plugged in."""
        shown = [seen[name] for seen in self.seen if seen[PLUG] == "ON"]
        return [float(value) for value in shown if value not in {None, "None"}]


@pytest.fixture
async def driving_car(parts: AccountParts) -> DrivingCarDataCar:
    """The user's only car; its time passes as that of a real one."""
    car = DrivingCarDataCar(MODEL, clock=virtual_now, speed=1 / TIME_LAPSE)
    parts.user.cars.clear()
    parts.bmw.tick_s = SAMPLE_S
    parts.bmw.add_car(parts.user, car)
    return car


async def run(parts: AccountParts, minute: float) -> Evening:
    """Run the account until a minute of the car's evening."""
    began = virtual_now()
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        evening = Evening(home, began)
        await evening.until_minute(minute)
    return evening


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "behaviour",
    [
        ReportBehaviour(),
        ReportBehaviour(keys_per_message=1, order=Random(4)),
        ReportBehaviour(resend_every=2),
        ReportBehaviour(siblings=UNKNOWN_SIBLINGS),
        ReportBehaviour(
            keys_per_message=2, order=Random(5), resend_every=3, siblings=UNKNOWN_SIBLINGS
        ),
    ],
    ids=["as it should", "any order", "old readings again", "siblings without a value", "all"],
)
async def test_an_evening_at_home(
    parts: AccountParts, driving_car: DrivingCarDataCar, behaviour: ReportBehaviour
) -> None:
    driving_car.behaviour = behaviour
    evening = await run(parts, 71)
    assert evening.changes(STATUS) == [
        "not_charging",
        "plugged_in",
        "charging",
        "target_reached",
        "not_charging",
    ]
    assert evening.changes(PLUG) == ["OFF", "ON", "OFF"]
    off, *powers, off_again = evening.changes(POWER)
    assert (off, set(powers), off_again) == ("0", {"11", "10.9"}, "0")
    soc = evening.while_plugged_in(SOC)
    assert (soc[0], soc[-1]) == (70, 80)
    assert soc == sorted(soc), "it never falls"
    remaining = evening.while_plugged_in(REMAINING)
    assert remaining[0] in {34, 35}
    assert remaining == sorted(remaining, reverse=True)
    assert evening.seen[-1][REMAINING] == "None"


async def test_an_end_that_is_never_reported(
    parts: AccountParts, driving_car: DrivingCarDataCar
) -> None:
    """Neither the end nor the unplugging: the car drives off, and that is the end."""
    driving_car.behaviour = ReportBehaviour(lost=CHARGE_ENDS)
    began = virtual_now()
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        evening = Evening(home, began)
        unplugged = await evening.until_minute(71)
        assert (unplugged[STATUS], unplugged[PLUG], unplugged[SOC]) == ("charging", "ON", "80")
        driving = await evening.until_minute(74)
    assert (driving[STATUS], driving[PLUG]) == ("not_charging", "OFF")
    assert (driving[POWER], driving[REMAINING]) == ("0", "None")
    assert evening.changes(STATUS) == ["not_charging", "plugged_in", "charging", "not_charging"]


async def test_a_long_silence_in_mid_charge(
    parts: AccountParts, driving_car: DrivingCarDataCar
) -> None:
    began = virtual_now()
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        evening = Evening(home, began)
        before = await evening.until_minute(9)
        assert before[STATUS] == "charging"
        assert before[POWER] in {"11", "10.9"}
        driving_car.behaviour.is_silent = True
        silent = await evening.until_minute(42)
        assert (silent[STATUS], silent[SOC]) == ("charging", before[SOC]), "what was true stays"
        assert silent[POWER] == "None", "after half an hour nobody knows it"
        driving_car.behaviour.is_silent = False
        after = await evening.until_minute(44)
        assert (after[STATUS], after[SOC], after[POWER]) == ("target_reached", "80", "0")


@pytest.mark.usefixtures("driving_car")
async def test_a_charge_of_which_few_descriptors_are_streamed(parts: AccountParts) -> None:
    """Its owner has selected neither status nor plug in BMW's portal; REST told both once."""
    parts.user.selected_descriptors = {names.HEADER, names.POWER, names.MILEAGE}
    evening = await run(parts, 80)
    assert evening.changes(STATUS) == ["not_charging", "charging", "not_charging"]
    assert evening.changes(PLUG) == ["OFF", "ON", "OFF"]
    assert "11" in evening.changes(POWER)
    assert evening.changes(POWER)[-1] == "0"


@pytest.mark.parametrize("omits_units", [False, True], ids=["REST with units", "REST without"])
async def test_a_car_in_miles(
    parts: AccountParts,
    driving_car: DrivingCarDataCar,
    omits_units: bool,  # noqa: FBT001 - a case
) -> None:
    """First REST, then the stream, then REST again: each in miles, shown in kilometres."""
    driving_car.behaviour.is_in_miles = True
    parts.bmw.vehicles.omits_distance_units = omits_units
    driving_car.tick()
    began, battery = virtual_now(), MODEL.battery
    assert battery is not None
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        evening = Evening(home, began)
        await evening.until_minute(3)
        await home.refresh()
        await evening.until_minute(16)
    for shown in evening.seen:
        km = MODEL.initial_mileage_km
        assert float(shown[MILEAGE] or 0) == pytest.approx(km, abs=2)
        range_km = battery.range_km(float(shown[SOC] or 0))
        assert float(shown[RANGE] or 0) == pytest.approx(range_km, abs=6)
