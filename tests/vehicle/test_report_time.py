"""The time of the last report changes at most once a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from bmw2mqtt.vehicle.report_time import report_time

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shown_s", "newest_s", "expected_s"),
    [
        (None, None, None),
        (None, 0, 0),
        (0, None, 0),
        (0, 59, 0),
        (0, 60, 60),
        (0, 3600, 3600),
        (60, 0, 60),
    ],
)
def test_report_time(shown_s: int | None, newest_s: int | None, expected_s: int | None) -> None:
    def moment(seconds: int | None) -> datetime | None:
        return None if seconds is None else NOON + timedelta(seconds=seconds)

    assert report_time(moment(shown_s), moment(newest_s)) == moment(expected_s)
