"""Passes a vehicle's reports to the charging state machine, and keeps its state."""

from datetime import datetime
from typing import Any

import structlog

from bmw2mqtt.accounts.mybmw.snapshot.json_reader import JsonReader, ReportWord
from bmw2mqtt.accounts.mybmw.snapshot.report_time import ReportTime
from bmw2mqtt.vehicle.charging.capacity import usable_capacity_kwh
from bmw2mqtt.vehicle.charging.facts import ChargingFacts, Fact
from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.charging.state import Transition
from bmw2mqtt.vehicle.charging.words import status_of
from bmw2mqtt.vehicle.document import InvalidDocumentError
from bmw2mqtt.vehicle.snapshot import ChargingStatus, DriveTrain

log = structlog.get_logger(__name__)

LONGEST_CHARGE_MINUTES = 14 * 24 * 60
_NOT_CHARGING_WORDS = {"INVALID", "NOT_CHARGING", "NOCHARGING", "NO_CHARGING"}


class ReportCharging:
    """Follows the charging of one vehicle, report by report."""

    def __init__(
        self,
        document: object = None,
        *,
        now: datetime | None = None,
        configured_kwh: float | None = None,
    ) -> None:
        """Restore the state of an earlier run, as `to_document` returned it at that time."""
        self._configured_kwh = configured_kwh
        self.machine = ChargingMachine()
        if document is not None and now is not None:
            try:
                self.machine = ChargingMachine.from_document(document, now)
            except InvalidDocumentError as error:
                log.warning("charging_state_discarded", reason=str(error))
        self._time = ReportTime()
        self._transitions: list[Transition] = []

    def record(
        self,
        state: JsonReader,
        *,
        reported_at: datetime | None,
        received_at: datetime,
        drive_train: DriveTrain | None,
        model: str | None,
        report_word: ReportWord,
    ) -> ChargingState:
        """Judge what a poll brought, new or not, and return what is true of the charging now."""
        values = _values(state, report_word)
        at = self._time.update(
            tuple(values.items()), reported_at=reported_at, received_at=received_at
        )
        readings = {name: Fact(value, at, received_at) for name, value in values.items()}
        facts = ChargingFacts(
            **readings,
            capacity_kwh=self.capacity_kwh(model),
            drive_train=drive_train,
            is_report=True,
        )
        self._transitions += self.machine.step(facts, received_at)
        return self.machine.state(received_at)

    def capacity_kwh(self, model: str | None) -> float | None:
        """Return the usable capacity of the battery: what is configured, else the model's."""
        return usable_capacity_kwh(configured_kwh=self._configured_kwh, model=model)

    def pop_transitions(self) -> tuple[Transition, ...]:
        """Return what has happened since the last call."""
        transitions, self._transitions = tuple(self._transitions), []
        return transitions

    def to_document(self, now: datetime) -> dict[str, object]:
        """Return the state as plain JSON, without a position."""
        return self.machine.to_document(now, with_place=False)


def _values(state: JsonReader, report_word: ReportWord) -> dict[str, Any]:
    """Return a report's values of charging, by the names of the facts, without missing ones."""
    battery = state.part("electricChargingState")
    status = _status(battery, report_word)
    minutes = None
    if status is ChargingStatus.CHARGING:  # BMW goes on sending minutes afterwards
        minutes = battery.number("remainingChargingMinutes", 0, LONGEST_CHARGE_MINUTES)
    values = {
        "status": status,
        "is_plugged_in": battery.flag("isChargerConnected"),
        "soc_percent": battery.number("chargingLevelPercent", 0, 100),
        "target_percent": battery.number("chargingTarget", 0, 100),
        "remaining_minutes": minutes,
        "odometer_km": state.number("currentMileage", 0),
    }
    return {name: value for name, value in values.items() if value is not None}


def _status(battery: JsonReader, report_word: ReportWord) -> ChargingStatus | None:
    """Translate BMW's word; INVALID of the app API means that the vehicle is not being charged."""
    word = battery.text("chargingStatus")
    if word is None:
        return None
    if word.upper() in _NOT_CHARGING_WORDS:
        return ChargingStatus.NOT_CHARGING
    status = status_of(word)
    if status is ChargingStatus.NOT_CHARGING:
        report_word("chargingStatus", word)
    return status
