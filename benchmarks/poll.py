"""CPU time of a poll of nine cars: nothing changed, and a tenth of the values changed."""

from pathlib import Path

from benchmarks.figures import Figure, Lines, Note, in_turn
from benchmarks.processes import Bmw, Broker, Child, write_config
from benchmarks.subscriber import Subscriber

POLLS = 2
BLOCKS = 25


def measure(directory: Path, *, quick: bool) -> Lines:
    blocks = 1 if quick else BLOCKS
    with Broker(directory) as broker, Bmw(directory) as bmw:
        config = write_config(directory / "bridge", broker.port, bmw)
        with (
            Child(directory, "drivers.bridge", config) as bridge,
            Child(directory, "floors.library_polls", bmw.server, bmw.ca_file) as library,
            Subscriber(broker.port) as subscriber,
        ):
            subscriber.rest()
            topics = _about_cars(subscriber)

            def unchanged(child: Child) -> float:
                cpu_s: float = child.ask("poll", times=POLLS)["cpu_s"]
                return cpu_s / POLLS * 1000

            def changed(child: Child) -> float:
                cpu_s = 0.0
                for _ in range(POLLS):
                    bmw.ask("change")
                    cpu_s += child.ask("poll", times=1)["cpu_s"]
                return cpu_s / POLLS * 1000

            def requests(child: Child) -> int:
                bmw.ask("requests")
                child.ask("poll", times=1)
                return len(bmw.ask("requests")["requests"])

            in_turn(lambda: unchanged(bridge), lambda: unchanged(library), blocks=1)
            subscriber.seen.clear()
            ours, floor = in_turn(
                lambda: unchanged(bridge), lambda: unchanged(library), blocks=blocks
            )
            yield Figure(
                what="CPU of a poll, nothing changed",
                ours=ours,
                floor=floor,
                bound=1.08,
                floor_name="bimmer_connected alone",
            )
            yield Note(
                f"requests: {requests(bridge)}, the library alone: {requests(library)};"
                f" messages about cars: {_about_cars(subscriber)} in {blocks * POLLS + 1} polls"
            )
            subscriber.seen.clear()
            ours, floor = in_turn(lambda: changed(bridge), lambda: changed(library), blocks=blocks)
            subscriber.rest()
            each = _about_cars(subscriber) / blocks / POLLS
            yield Figure(
                what=f"CPU of a poll, {each / topics:.0%} changed and published",
                ours=ours,
                floor=floor,
                bound=1.25,
                floor_name="bimmer_connected alone",
            )
            yield Note(f"messages about cars: {each:.0f} a poll of {topics} topics")


def _about_cars(subscriber: Subscriber) -> int:
    """Count what came about cars, not about the bridge and its account."""
    others = ("bmw2mqtt/account/", "bmw2mqtt/bridge/")
    return sum(not topic.startswith(others) for _, topic, _ in tuple(subscriber.seen))
