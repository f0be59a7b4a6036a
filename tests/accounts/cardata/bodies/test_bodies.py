"""Each car as REST and as stream, in every order: the same topics with the same payloads."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.entities import vehicle_entities
from bmw2mqtt.entities.base import encode
from tests.accounts.cardata.bodies.body import NOW, Body, Measured
from tests.accounts.cardata.bodies.cars import BODIES
from tests.accounts.cardata.bodies.published_car import VIN, PublishedCar, publish
from tests.accounts.cardata.reporting_car import Car

pytestmark = pytest.mark.no_cover

Play = Callable[[PublishedCar, Body], Coroutine[Any, Any, None]]


def streamed(seed: int | None) -> Play:
    async def play(car: PublishedCar, body: Body) -> None:
        await car.stream(body.messages(seed=seed))

    return play


async def read_and_streamed_again(car: PublishedCar, body: Body) -> None:
    await car.read(body.rest())
    await car.stream(body.messages(seed=4))


async def streamed_and_read_twice(car: PublishedCar, body: Body) -> None:
    await car.stream(body.messages())
    await car.read(body.rest())
    await car.read(body.rest())


WAYS: dict[str, Play] = {
    "real order": streamed(None),
    "shuffled": streamed(1),
    "shuffled otherwise": streamed(2),
    "REST, then the stream": read_and_streamed_again,
    "the stream, then REST": streamed_and_read_twice,
}


async def read(car: PublishedCar, body: Body) -> None:
    await car.read(body.rest())


def topics(folder: Path, body: Body, play: Play) -> dict[str, Any]:
    async def played(car: PublishedCar) -> None:
        await play(car, body)

    return publish(folder, body, played)


def different(found: dict[str, Any], expected: dict[str, Any], place: str = "") -> list[str]:
    """Return what differs, in a line each."""
    lines = []
    for key in sorted(found.keys() | expected.keys()):
        one, other = found.get(key, "-"), expected.get(key, "-")
        if isinstance(one, dict) and isinstance(other, dict):
            lines += different(one, other, f"{place}{key} ")
        elif one != other:
            lines.append(f"{place}{key}: {one} instead of {other}")
    return lines


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_rest_and_stream_lead_to_the_same_topics(body: Body, tmp_path: Path) -> None:
    expected = topics(tmp_path / "rest", body, read)
    for number, (way, play) in enumerate(WAYS.items()):
        found = topics(tmp_path / str(number), body, play)
        assert different(found, expected) == [], way


_TOLD_TWICE = {"cabin.sunroof.tiltStatus", "vehicle.travelledDistance"}
_ELECTRIC = {
    *_TOLD_TWICE,
    "drivetrain.internalCombustionEngine.engine.ect",
    "drivetrain.fuelSystem.level",
    "drivetrain.fuelSystem.remainingFuel",
    "drivetrain.totalRemainingRange",
    "drivetrain.batteryManagement.batterySizeMax",
    "vehicle.preConditioning.remainingTime",
}
WITHOUT_EFFECT = {
    "electric": _ELECTRIC
    | {
        "drivetrain.electricEngine.charging.phaseNumber",
        "drivetrain.electricEngine.charging.timeRemaining",
    },
    "electric that charges": _ELECTRIC | {"drivetrain.electricEngine.kombiRemainingElectricRange"},
    "plug-in hybrid": {
        "cabin.sunroof.tiltStatus",
        "drivetrain.batteryManagement.batterySizeMax",
    },
    "petrol": {
        "cabin.sunroof.tiltStatus",
        "drivetrain.batteryManagement.header",
        "drivetrain.batteryManagement.batterySizeMax",
        "drivetrain.electricEngine.kombiRemainingElectricRange",
        "drivetrain.electricEngine.charging.profile.climatizationActive",
        "powertrain.electric.battery.stateOfCharge.target",
        "powertrain.electric.battery.charging.acLimit.selected",
    },
    "diesel without basic data of its drive train": {
        "trip.segment.end.drivetrain.batteryManagement.hvSoc",
    },
    "mild hybrid": {
        "cabin.sunroof.tiltStatus",
        "powertrain.electric.battery.stateOfHealth.displayed",
    },
    "MINI": {"drivetrain.lastRemainingRange"},
    "British, in miles": {"vehicle.travelledDistance"},
    "Neue Klasse": {"drivetrain.avgElectricRangeConsumption"},
}
"""Placeholders of parts that a car does not have, and what another descriptor tells as well."""
ENTITIES = vehicle_entities(has_commands=False, has_readings=True)


def shown(body: Body, without: str | None = None) -> dict[str, Any]:
    """Return what a car shows of an answer without a descriptor, with the times of the values."""
    car = Car(body.basic)
    data = {name: entry for name, entry in body.rest().items() if name != f"vehicle.{without}"}
    car.store.add(VIN).record(data, NOW)
    vehicle = car.snapshot(NOW)
    return {
        entity.id: (
            encode(entity.value(vehicle)),
            entity.attributes(vehicle) if entity.attributes else None,
            vehicle.measured_at.get(f"{entity.platform}/{entity.key}"),
        )
        for entity in ENTITIES
        if entity.exists(vehicle) and entity.has_state and entity.has_value(vehicle)
    }


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_every_value_but_a_placeholder_has_an_effect(body: Body) -> None:
    whole = shown(body)
    told = {name for name, r in body.readings.items() if r.value not in {None, "INVALID"}}
    without_effect = {name for name in told if shown(body, name) == whole}
    assert without_effect == WITHOUT_EFFECT.get(body.name, set())


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_no_value_is_invented(body: Body, tmp_path: Path) -> None:
    """Every value has the time of a reading that tells it."""
    state = topics(tmp_path, body, read)["state"]
    known = {
        f"{platform}/{key}"
        for platform in ("sensor", "binary_sensor")
        for key, value in state.get(platform, {}).items()
        if value is not None
    }
    times = {entity for entity in state["measured_at"] if "tracker" not in entity}
    assert known ^ times == {"sensor/last_report"}


@pytest.mark.parametrize(("roof", "lids"), [("CLOSED", None), ("OPEN", "ON")])
def test_a_closed_roof_tells_nothing_of_doors_that_the_car_never_reports(
    roof: str, lids: str | None, tmp_path: Path
) -> None:
    body = Body(
        name="coupe",
        basic={"brand": "BMW", "modelName": "M235i", "driveTrain": "CONV", "steering": "LL"},
        readings={"cabin.sunroof.status": Measured(roof)},
    )
    found = topics(tmp_path, body, read)
    assert ("binary_sensor_lids" in found["components"], found.get("binary_sensor/lids")) == (
        lids is not None,
        lids,
    )
    assert found["sensor/sunroof"] == roof.lower()
