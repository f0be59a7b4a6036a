"""Whatever order, loss, repetition, restarts and kills do: what the history holds of a charge.

Never a doubled session, never a falling counter, never a negative duration, and at the end the
counter is what the rows add up to.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.recorder.recorded_car import RecordedScenario
from tests.vehicle.charging.test_properties import CHARGE

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
