"""Times as an owner reads them: local clock times."""

from datetime import datetime


def local_time(at: datetime) -> str:
    """Return the local clock time, as `14:31`."""
    return f"{at.astimezone():%H:%M}"
