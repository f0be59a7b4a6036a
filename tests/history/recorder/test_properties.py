"""Whatever order, loss, repetition, restarts and kills do: what the history holds of a charge.

Never a doubled session, never a falling counter, never a negative duration, and at the end the
counter is what the rows add up to.
"""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmw2mqtt.vehicle.observed import ObservedVehicle
from bmw2mqtt.vehicle.trips import Observation
from tests.history.recorder.recorded_car import RecordedCar, RecordedScenario
from tests.history.recorder.test_imports import AT_HOME, record
from tests.history.samples import VIN
from tests.vehicle.charging.test_properties import CHARGE
from tests.vehicle.test_trips_properties import shuffle_bursts, streaming_days
from tests.vehicle.trip_steps import EV, observation
from tests.vehicle.trip_steps import at as at_time

pytestmark = pytest.mark.no_cover

PLACES = range(len(CHARGE))
BEGIN_KWH = 100.0


def check(scenario: RecordedScenario, *, most: int = 1) -> None:
    car = scenario.car
    assert len(car.sessions) <= most
    for name in ("energy_kwh", "energy_home_kwh"):
        known = [
            value for history in car.published if (value := getattr(history, name)) is not None
        ]
        assert known == sorted(known)
    for row in car.sessions:
        assert row.start_at is not None or row.start_source == "inferred"
        assert row.end_at is None or row.end_at >= (row.start_at or 0)
        assert all(block.end_at >= block.start_at for block in row.blocks)
        assert (row.active_s or 0) >= 0
        assert (row.grid_kwh or 0) >= 0
    for word in ("charging_started", "charging_ended"):
        assert car.heard().count(word) <= most


@settings(max_examples=40, deadline=None)
@given(
    order=st.lists(st.randoms(use_true_random=False), min_size=len(CHARGE), max_size=len(CHARGE)),
    dropped=st.sets(st.sampled_from(PLACES), max_size=3),
    repeated=st.sets(st.sampled_from(PLACES), max_size=3),
    restarted=st.sets(st.sampled_from(PLACES), max_size=4),
    killed=st.sets(st.sampled_from(PLACES), max_size=4),
)
def test_a_charge_in_any_order_with_any_restarts(order, dropped, repeated, restarted, killed):
    scenario = RecordedScenario()
    for place, (at, parts) in enumerate(CHARGE):
        if place in dropped:
            continue
        mixed = list(parts)
        order[place].shuffle(mixed)
        for _ in range(2 if place in repeated else 1):
            scenario.play(f"{at} {' '.join(mixed)}")
        if place in restarted | killed:
            scenario.car.restart(scenario.now, is_killed=place in killed)
        check(scenario)
    scenario.wait("30:00")
    check(scenario)
    rows_kwh = sum(row.grid_kwh or 0 for row in scenario.car.sessions)
    assert scenario.count_kwh >= round(BEGIN_KWH + rows_kwh, 2) - 0.01


@settings(max_examples=25, deadline=None)
@given(kills=st.lists(st.sampled_from(PLACES), max_size=6))
def test_kills_change_nothing_of_what_is_recorded_in_the_end(kills):
    whole, broken = RecordedScenario(), RecordedScenario()
    for place, (at, parts) in enumerate(CHARGE):
        for scenario in (whole, broken):
            scenario.play(f"{at} {' '.join(parts)}")
        for _ in range(kills.count(place)):
            broken.car.restart(broken.now, is_killed=True)
    for scenario in (whole, broken):
        scenario.wait("30:00")
    [expected], [found] = whole.car.sessions, broken.car.sessions
    for name in ("key", "start_at", "end_at", "soc_start", "soc_end", "grid_kwh", "blocks", "zone"):
        assert getattr(found, name) == getattr(expected, name), name
    assert broken.count_kwh == whole.count_kwh


PIECES = [(burst, part) for burst, (_, parts) in enumerate(CHARGE) for part in parts]
OVER = next(place for place, (at, _) in enumerate(CHARGE) if at == "3:00")
BMWS = record("0:00:05", "3:00:03", (40, 66), 21.5, AT_HOME)
"""BMW's record of the charge, which exists from its end on."""


@settings(max_examples=40, deadline=None)
@given(
    order=st.randoms(use_true_random=False),
    lost=st.sets(st.sampled_from(PIECES), max_size=12),
    twice=st.sets(st.sampled_from(PIECES), max_size=6),
    restarted=st.sets(st.sampled_from(PLACES), max_size=3),
    killed=st.sets(st.sampled_from(PLACES), max_size=3),
    imported=st.sets(st.sampled_from(PLACES[OVER:]), max_size=3),
)
def test_single_messages_and_bmws_record_at_any_time(
    order, lost, twice, restarted, killed, imported
):
    """A burst comes in pieces, each judged alone; BMW's record may be there before them."""
    scenario = RecordedScenario()
    for place, (begin, parts) in enumerate(CHARGE):
        pieces = [part for part in parts if (place, part) not in lost]
        pieces += [part for part in pieces if (place, part) in twice]
        order.shuffle(pieces)
        for number, part in enumerate(pieces):
            scenario.play(f"{begin}:{3 + 2 * number:02} {part}@{begin}")
        if place in imported:
            scenario.car.import_records([BMWS], scenario.now)
        if place in restarted | killed:
            scenario.car.restart(scenario.now, is_killed=place in killed)
        check(scenario)
    scenario.wait("30:00")
    scenario.car.import_records([BMWS], scenario.now)
    check(scenario)
    [row] = scenario.car.sessions
    assert (row.grid_kwh, row.energy_source) == (21.5, "bmw")
    assert scenario.count_kwh == pytest.approx(BEGIN_KWH + 21.5, abs=0.5)


class DrivenCar:
    """A car whose trips are recorded: the account passes on all that it knows, again and again."""

    def __init__(self) -> None:
        self.car = RecordedCar()
        self._known = {}

    def report(self, line: str) -> None:
        seen = observation(line, EV)
        for name in ("odometer_km", "is_moving", "position", "is_driver_door_open", "is_locked"):
            value, known = getattr(seen, name), self._known.get(name)
            if value is not None and (known is None or value.at >= known.at):
                self._known[name] = value
        self.now = seen.received_at
        self.car.recorder.tick(self.now)
        self._observe()

    def restart(self, *, is_killed: bool) -> None:
        """Start anew; the first thing that an account passes on is what it has stored."""
        self.car.restart(self.now, is_killed=is_killed)
        self._observe()

    def _observe(self) -> None:
        driving = Observation(received_at=self.now, drive_train=EV, **self._known)
        self.car.recorder.update(ObservedVehicle(vin=VIN, at=self.now, driving=driving))


@settings(max_examples=20, deadline=None)
@given(day=streaming_days(), data=st.data())
def test_a_day_of_trips_in_any_order_with_any_restarts_and_kills(day, data):
    driven, lines = day
    arrived = shuffle_bursts(data.draw, lines)
    stops = data.draw(st.dictionaries(st.integers(0, len(arrived)), st.booleans(), max_size=6))
    driver = DrivenCar()
    for place, line in enumerate(arrived):
        driver.report(line)
        if place in stops:
            driver.restart(is_killed=stops[place])
    driver.car.recorder.tick(at_time("99:00"))
    rows = driver.car.trips
    assert all(row.start_at is None or row.end_at >= row.start_at for row in rows)
    assert all(one.end_at <= (other.start_at or other.end_at) for one, other in pairwise(rows))
    assert [row.km for row in rows] == driven
    assert driver.car.heard().count("trip_ended") <= len(driven)
