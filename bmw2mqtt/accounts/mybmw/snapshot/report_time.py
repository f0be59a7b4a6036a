"""When the values of a report were measured."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

OLDEST_REPORT: Final = timedelta(days=90)
"""A vehicle whose report is older reports all the same, but sends a wrong time with it."""


class ReportTime:
    """Follows one part of a vehicle's reports, and when its present values were measured.

    A report of MyBMW is one document: everything in it was true at `lastUpdatedAt`, when the
    vehicle reported, and BMW repeats it unchanged until the next report. Some vehicles send no such
    time, or one that is years old, and after a command BMW changes the state without a new report:
    then the values count from their arrival.
    """

    def __init__(self) -> None:
        self._reported_at: datetime | None = None
        self._content: Hashable = None
        self._measured_at: datetime | None = None

    def update(
        self, content: Hashable, *, reported_at: datetime | None, received_at: datetime
    ) -> datetime:
        """Return when the present values (`content`) were measured."""
        is_same_report = self._measured_at is not None and self._reported_at == reported_at
        if self._measured_at is not None and is_same_report and self._content == content:
            return self._measured_at
        at = received_at
        if (
            reported_at is not None
            and not is_same_report
            and received_at - reported_at < OLDEST_REPORT
        ):
            at = min(reported_at, received_at)
        if self._measured_at is not None:
            at = max(at, self._measured_at)
        self._reported_at, self._content, self._measured_at = reported_at, content, at
        return at
