from hypothesis import given
from hypothesis import strategies as st

from bmw2mqtt.backoff import Backoff

SECONDS = st.floats(min_value=0.001, max_value=3600, allow_nan=False)


@given(first_s=SECONDS, longest_s=SECONDS, jitter=st.floats(min_value=0, max_value=1))
def test_a_hundred_thousand_failures_never_wait_longer_than_the_cap(first_s, longest_s, jitter):
    backoff = Backoff(first_s=first_s, longest_s=longest_s, jitter=jitter)
    for failures in (0, 1, 2, 10, 1_023, 1_024, 1_025, 99_998):
        backoff.failures = failures
        assert 0 <= backoff.fail() <= longest_s
        assert backoff.failures == failures + 1


def test_every_failure_of_a_hundred_thousand():
    backoff = Backoff(first_s=0.5, longest_s=60)
    for count in range(1, 100_001):
        pause_s = backoff.fail()
        full_s = min(0.5 * 2 ** min(count - 1, 40), 60)
        assert full_s / 2 <= pause_s <= full_s
    backoff.reset()
    assert backoff.pause_s() == 0
    assert backoff.fail() <= 0.5
