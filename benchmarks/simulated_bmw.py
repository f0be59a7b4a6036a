"""The simulated BMW as a process: `python -m benchmarks.simulated_bmw CARS`."""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.child import Request, serve
from benchmarks.processes import PASSWORD, USERNAME
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, RecordedCar, SimulatedUser
from tests.fixture_cars import fixture_cars

STARTED_AT, STARTED_S = datetime.now(UTC), time.monotonic()


def steady_clock() -> datetime:
    """Return the time by the monotonic clock, which all processes share and nobody sets."""
    return STARTED_AT + timedelta(seconds=time.monotonic() - STARTED_S)


def monotonic_s(moment: datetime) -> float:
    """Return what the monotonic clock showed at a time of the steady one."""
    return STARTED_S + (moment - STARTED_AT).total_seconds()


def make_cars(count: int) -> list[RecordedCar]:
    """Return the fixture cars, those that tell most first, again and again under other VINs."""
    cars: list[RecordedCar] = []
    while len(cars) < count:
        cars += sorted(fixture_cars(), key=lambda car: len(str(car.state_data)), reverse=True)
    for number, car in enumerate(cars):
        if number >= len(fixture_cars()):
            car.profile_data["vin"] = f"{car.vin[:13]}{number:04}"
    return cars[:count]


def change(cars: list[RecordedCar], number: int) -> None:
    """Change about a tenth of what is known about the cars, as a short drive of each does."""
    for index, car in enumerate(cars):
        state: dict[str, Any] = car.state_data["state"]
        state["lastUpdatedAt"] = f"2026-01-01T{number // 60 % 24:02}:{number % 60:02}:00Z"
        state["currentMileage"] = 10_000 + number
        battery = state.get("electricChargingState")
        if battery and index % 4:  # with all of them it were more than a tenth
            battery["chargingLevelPercent"] = 50 + number % 2


async def main() -> None:
    cars = make_cars(int(sys.argv[1]))
    user = SimulatedUser(username=USERNAME, password=PASSWORD, cars=cars)
    changes = 0
    async with MyBmwSimulator([user], clock=steady_clock) as bmw:

        async def answer(request: Request) -> dict[str, Any]:
            nonlocal changes
            if request["what"] == "change":
                changes += 1
                change(cars, changes)
                return {}
            if request["what"] == "requests":
                made = [(r.path, r.vin, monotonic_s(r.at)) for r in bmw.requests]
                bmw.requests.clear()
                return {"requests": made}
            return {"server": bmw.server, "ca_file": str(bmw.ca_file)}

        await serve(answer)


if __name__ == "__main__":
    asyncio.run(main())
