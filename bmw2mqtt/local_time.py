"""Times as an owner reads them: local clock times."""

from datetime import datetime


def local_time(at: datetime) -> str:
    """Return the local clock time, as `14:31`."""
    return f"{at.astimezone():%H:%M}"


def local_day_time(at: datetime) -> str:
    """Return the local clock time, and before it the day unless that is today."""
    here = at.astimezone()
    is_today = here.date() == datetime.now().astimezone().date()
    return local_time(at) if is_today else f"{here:%Y-%m-%d %H:%M}"
