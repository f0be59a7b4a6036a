"""The energy counter of a wallbox: whatever it shows, what flowed is never negative nor absurd."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bmw2mqtt.vehicle.charging.constants import METER_JUMP_KWH, METER_MAX_KW
from bmw2mqtt.vehicle.charging.meter import MeterLog

from .scenario import T0

READING = st.tuples(
    st.integers(0, 5000),
    st.one_of(st.floats(0, 2000), st.sampled_from((0.0, 500.0, 500.4, 501.0, 1e8))),
)


@given(
    readings=st.lists(READING, min_size=1, max_size=60),
    begin=st.integers(0, 30_000),
    length=st.integers(0, 30_000),
)
@settings(deadline=None)
def test_no_counter_gives_more_than_can_have_flowed(
    readings: list[tuple[int, float]], begin: int, length: int
) -> None:
    log, at, known, seen = MeterLog(), T0, None, 0
    start, end = T0 + timedelta(seconds=begin), T0 + timedelta(seconds=begin + length)
    kwh = 0.0
    for seconds, shown in readings:
        at += timedelta(seconds=seconds)
        log.update(shown, at)
        seen += 1
        known = log.measured(start, min(at, end), not_after=start, known=known) or known
        if known is not None:
            assert known.kwh >= 0
            kwh = known.kwh
    most_kwh = METER_MAX_KW * ((at - T0).total_seconds() / 3600) + METER_JUMP_KWH * (seen + 1)
    assert kwh <= most_kwh + 1e-6


def test_a_day_of_readings_every_second_stays_small() -> None:
    log = MeterLog()
    for second in range(30_000):
        log.update(500 + second / 1000, T0 + timedelta(seconds=second))
    for second in range(30_000, 60_000):
        log.update(530, T0 + timedelta(seconds=second))
    assert len(log._readings) < 1010
    end = T0 + timedelta(seconds=60_000)
    meter = log.measured(T0, end, not_after=T0, known=None)
    assert meter is not None
    assert round(meter.kwh, 6) == 30
