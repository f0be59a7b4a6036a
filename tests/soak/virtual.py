"""Days of a bridge in virtual time, with everything going wrong at random.

`make soak ARGS="--days 30 --seed 7"`; without a seed one is drawn. The seed is printed first.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bmw2mqtt.simulator.tls import Certificates
from tests import virtual_time
from tests.soak.checks import (
    Resources,
    check_commands,
    check_published,
    check_requests,
    size_mb,
    values,
)
from tests.soak.trouble import Troubles
from tests.soak.world import World, make_settings, make_world

HOUR_S = 3600.0
STOP_S = 5.0


@dataclass(frozen=True)
class Plan:
    """How long it takes, and how often something goes wrong."""

    days: float
    trouble_every_s: float = 1800
    quiet_s: float = 31 * HOUR_S
    """How long everything is given to come right in the end: CarData's next round of REST reads,
    and the six hours in which a message is left out at which the broker hangs up."""
    has_last_drive: bool = False
    """Whether CarData's cars stream everything once more instead, for a quiet time below a day;
    BMW's quota may be spent then."""


async def live(world: World, seconds: float, resources: Resources, *, is_quiet: bool) -> None:
    """Let time pass: people look after logins, cars drive, commands come."""
    end_s = world.loop.time() + seconds
    next_sample_s = world.loop.time() + HOUR_S
    while world.loop.time() < end_s:
        await asyncio.sleep(world.chance.expovariate(1 / 900))
        assert world.task is not None
        assert not world.task.done(), f"it ended: {world.task}"
        assert not world.bugs, world.bugs[0]
        if world.chance.random() < 0.2:
            world.look_after_logins()
        if not is_quiet:
            world.bmw.drive(world.chance)
            world.command()
            if world.chance.random() < 0.02:
                world.send(f"account/{world.chance.choice(('app', 'eu'))}/button/refresh/press", "")
        world.broker.events.clear()
        if world.loop.time() > next_sample_s:
            resources.sample(world)
            if len(resources.tasks) % 24 == 0:
                print(f"day {len(resources.tasks) // 24}: {resources}", flush=True)  # noqa: T201
            next_sample_s = world.loop.time() + HOUR_S


async def soak(plan: Plan, seed: int, folder: Path) -> list[str]:
    """Live through so many days; return the figures.

    Raises:
        AssertionError: something is wrong.
    """
    chance, resources = random.Random(seed), Resources()
    random.seed(seed)  # jitter
    certificates = Certificates.create(folder / "authority")
    async with make_world(certificates, folder / "data", chance) as world:
        world.start()
        await live(world, HOUR_S, resources, is_quiet=True)
        resources.sample(world)
        troubles = Troubles(world, plan.trouble_every_s)
        running = asyncio.create_task(troubles.run())
        await live(world, plan.days * 24 * HOUR_S, resources, is_quiet=False)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await live(world, plan.quiet_s, resources, is_quiet=True)
        if plan.has_last_drive:
            world.bmw.report_all()
            await live(world, HOUR_S, resources, is_quiet=True)
        check_published(world, may_lack_quota=plan.has_last_drive)
        resources.check()
        figures = [
            f"{troubles.counts.total()} troubles: {dict(troubles.counts.most_common())}",
            str(resources),
            check_requests(world),
            check_commands(world),
            f"statuses {dict(world.statuses.most_common())}; {world.captchas} captchas",
            f"log {dict(world.logged.most_common(60))}",
            f"data_dir {size_mb(folder / 'data'):.1f} MiB",
        ]
        shown = values(world)
        seconds = await world.stop()
        assert seconds <= STOP_S, f"stopping takes {seconds} s"
        assert world.broker.retained["bmw2mqtt/bridge/availability"] == b"offline"
        await compare_with_fresh_run(world, shown, folder / "fresh")
    return figures


async def compare_with_fresh_run(world: World, shown: dict[str, bytes], folder: Path) -> None:
    """A new bridge beside an empty broker comes to the same values."""
    world.broker.retained.clear()
    world.bmw.cardata.quota.reset()
    world.settings = make_settings(world.bmw, world.broker, folder)
    world.start()
    async with asyncio.timeout(HOUR_S):
        while {world.status("eu"), world.status("app")} != {"ok"}:  # noqa: ASYNC110
            await asyncio.sleep(60)
        await asyncio.sleep(600)
    fresh = values(world)
    differs = {
        topic: (shown.get(topic), fresh.get(topic))
        for topic in sorted(shown.keys() | fresh.keys())
        if shown.get(topic) != fresh.get(topic)
        # An entity that has had a value stays; a fresh run has not seen it yet.
        and (shown.get(topic), fresh.get(topic)) != (b"None", None)
    }
    assert not differs, differs
    await world.stop()


def run(plan: Plan, seed: int, folder: Path) -> list[str]:
    """Run a soak in virtual time."""
    print(f"soak: seed {seed}, {plan.days} days", flush=True)  # noqa: T201
    figures: list[str] = virtual_time.run(partial(soak, plan, seed, folder))
    return figures


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--trouble-every", type=float, default=1800, metavar="SECONDS")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bmw2mqtt-soak-") as folder:
        figures = run(Plan(given.days, given.trouble_every), seed, Path(folder))
    print(*figures, f"{time.perf_counter() - began_s:.0f} s", sep="\n")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
