"""When a condition-based service is due."""

from datetime import date, timedelta

LONGEST_INTERVAL = timedelta(days=20 * 365)
"""No service is due later than that; a date far beyond, as 2062, means that there is none."""


def plausible_due_date(due_date: date | None, today: date) -> date | None:
    """Return a due date as BMW sends it, or `None` for a placeholder."""
    return due_date if due_date is not None and due_date - today < LONGEST_INTERVAL else None
