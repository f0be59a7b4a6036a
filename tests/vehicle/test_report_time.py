"""The time of the last report changes at most once a minute."""

from datetime import UTC, datetime, timedelta

from bmw2mqtt.vehicle.report_time import ReportThrottle
from bmw2mqtt.vehicle.snapshot import Vehicle

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else NOON + timedelta(seconds=seconds)


class Reporter:
    """One car, and what is published of its reports."""

    def __init__(self) -> None:
        self._reports = ReportThrottle()

    def update(self, newest: datetime | None, now: datetime) -> datetime | None:
        vehicle = Vehicle(vin="WBA00000000000001", model="iX", brand="BMW", updated_at=newest)
        return self._reports.apply(vehicle, now).last_report_at


def test_it_follows_the_newest_report_in_steps_of_a_minute() -> None:
    last = Reporter()
    for now_s, newest_s, shown_s in (
        (0, None, None),
        (1, -30, -30),
        (2, 0, -30),
        (60, 55, -30),
        (61, 55, 55),
        (100, None, 55),
        (130, 55, 55),
        (131, 131, 131),
        (132, 999, 131),
        (300, 299, 299),
    ):
        now = NOON + timedelta(seconds=now_s)
        assert last.update(moment(newest_s), now) == moment(shown_s), now_s


def test_a_clock_that_is_set_back_does_not_stop_it() -> None:
    last = Reporter()
    last.update(NOON, NOON + timedelta(hours=5))
    assert last.update(moment(20), NOON + timedelta(seconds=20)) == moment(20)
