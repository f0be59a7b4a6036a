"""Each car as REST and as stream, in every order: the same topics with the same payloads."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.cardata.bodies.body import Body
from tests.accounts.cardata.bodies.cars import BODIES
from tests.accounts.cardata.bodies.published_car import PublishedCar, publish

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
