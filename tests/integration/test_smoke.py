"""The main job, seen from outside."""

from collections.abc import Callable

from tests.daemon import Daemon
from tests.mosquitto import Observer


def test_nine_cars_appear_without_a_complaint(
    daemon: Callable[..., Daemon], observer: Observer
) -> None:
    process = daemon()
    observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok", timeout_s=20)
    observer.quiet()
    vins = {topic.split("/")[1] for topic in observer.current() if topic.endswith("/state")}
    assert len(vins) == 9
    assert process.complaints() == []
