"""When a car last reported, without a change for every single message."""

from datetime import datetime, timedelta

SHORTEST_STEP = timedelta(minutes=1)


def report_time(shown: datetime | None, newest: datetime | None) -> datetime | None:
    """Return the time of the last report to publish.

    It follows the newest measured time in steps of at least a minute, so that a charging car, which
    sends every few seconds, does not change it with each message.

    Args:
        shown: the time published before; `None` before the first.
        newest: the newest measured time.
    """
    if shown is None or newest is None:
        return newest or shown
    return newest if newest - shown >= SHORTEST_STEP else shown
