"""Two months of an electric car through the whole recorder; `make soak` has the whole year."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.year.car import BEGIN, YearlyCar
from tests.history.year.checks import check
from tests.history.year.recording import RecordedYear

pytestmark = pytest.mark.no_cover

DAYS = 60


def test_what_is_recorded_is_what_the_car_did(tmp_path: Path) -> None:
    middle = BEGIN + timedelta(days=DAYS // 2)
    year = RecordedYear(YearlyCar(11, DAYS), tmp_path, records_from=middle)
    year.run()
    check(year)
    assert year.restarts > 3
    for event, most in (("trip_ended", year.car.trips), ("charging_ended", year.car.charges)):
        assert 0.8 * len(most) < year.events[event] <= len(most), "some are missed, none is twice"


def test_the_plan_of_a_whole_year() -> None:
    days = YearlyCar(1).days
    assert len(days) == 365
    assert sum(day.trips for day in days) == 1100
    assert sum(day.is_charged + 2 * day.is_journey for day in days) == 330
