"""When each vehicle last reported, over restarts: BMW repeats older reports now and then."""

from datetime import datetime, timedelta

import structlog

from bmw2mqtt.accounts.mybmw.snapshot.responses import VehicleResponses
from bmw2mqtt.accounts.state_document import PastTime, StateDocument
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.local_time import local_time
from bmw2mqtt.vehicle.snapshot import Vehicle

log = structlog.get_logger(__name__)

HOLD_BACK = timedelta(minutes=15)
"""How long after a restart a vehicle is held back whose reports are older than the last one."""
_PART = "reports"


class LastReportsDocument(StateDocument):
    """What is kept over a restart."""

    reported_at: dict[str, PastTime] = {}  # noqa: RUF012 - pydantic copies defaults
    """When the vehicle made the last report that was published, by VIN."""


class LastReports:
    """The times of the last reports of one account's vehicles.

    What is published of a vehicle stays on the broker over a restart. So the first answer after it
    must not be older either; only if BMW does not return to the newer report within a quarter of an
    hour, the older one is what there is.
    """

    def __init__(self, account: str, state_file: StateFile) -> None:
        self._account = account
        self._state_file = state_file
        self._reported_at: dict[str, datetime] = {}
        self._held_since: dict[str, datetime] = {}

    def restore(self, now: datetime) -> None:
        """Continue with the reports of an earlier run."""
        self._reported_at = dict(self._state_file.read(_PART, LastReportsDocument, now).reported_at)

    def is_outdated(self, responses: VehicleResponses, snapshot: Vehicle | None) -> bool:
        """Whether the vehicle made this report before the last one: it changes nothing.

        The snapshot is what it would replace; `None` for the first since the start.
        """
        vin, at, now = responses.vin, responses.reported_at, responses.fetched_at
        last_at = self._reported_at.get(vin) if snapshot is None else snapshot.updated_at
        if at is None or last_at is None or at >= last_at:
            return False
        if snapshot is not None:
            log.debug("older_report_ignored", account=self._account, vin=vin)
            return True
        held_until = self._held_since.setdefault(vin, now) + HOLD_BACK
        if held_until == now + HOLD_BACK:
            log.warning(
                "older_report_held_back",
                account=self._account,
                vin=vin,
                reported_at=at.isoformat(),
                last_report=last_at.isoformat(),
                until=local_time(held_until),
            )
        return now < held_until

    def update(self, responses: VehicleResponses) -> None:
        """Record that a report is published."""
        self._held_since.pop(responses.vin, None)
        if responses.reported_at is not None:
            self._reported_at[responses.vin] = responses.reported_at

    def save(self, vins: frozenset[str]) -> None:
        """Write the times of these vehicles; a crash may cost those of the last minute."""
        self._reported_at = {vin: at for vin, at in self._reported_at.items() if vin in vins}
        document = LastReportsDocument(reported_at=self._reported_at)
        self._state_file.write(_PART, document, can_wait=True)
