"""The charging state machine of one vehicle, for both backends."""

from dataclasses import replace
from datetime import datetime

from bmw2mqtt.vehicle.charging.constants import STEADY_END
from bmw2mqtt.vehicle.charging.deadlines import apply_time, next_deadline
from bmw2mqtt.vehicle.charging.evidence import judge, new_readings
from bmw2mqtt.vehicle.charging.facts import ChargingFacts
from bmw2mqtt.vehicle.charging.inference import infer
from bmw2mqtt.vehicle.charging.lifecycle import refresh
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.charging.shown import ChargingState, charging_state
from bmw2mqtt.vehicle.charging.state import Gap, MachineState, Step, Transition
from bmw2mqtt.vehicle.document import InvalidDocumentError, from_document, to_document
from bmw2mqtt.vehicle.snapshot import ChargingStatus

SCHEMA = 1


class ChargingMachine:
    """The truth about charging, and the session that it makes.

    Every call states the time. `step` judges what a burst of messages (or one answer) brought, once
    it has settled; `tick` does what time alone does and is due at `next_deadline`. Both return what
    happened, in order; `state.latest_sessions` lists what to store. The current truth is
    `state`, the open or last session `session`.
    """

    def __init__(self) -> None:
        self._state = MachineState()

    @property
    def session(self) -> ChargingSession | None:
        """The open session, else the last one, which late readings may still complete."""
        return self._state.session

    @property
    def last_received_at(self) -> datetime | None:
        """When something new arrived last: how long a charge has been silent."""
        return self._state.life_at

    @property
    def expected_end(self) -> datetime | None:
        """When the present charge should be over by the car's own word."""
        return self._state.expected_end

    def state(self, now: datetime) -> ChargingState:
        """Return what is true now."""
        return charging_state(self._state, now)

    def next_deadline(self, now: datetime) -> datetime | None:
        """Return when `tick` is due next, or the shown state changes by itself."""
        return next_deadline(self._state, now)

    def step(self, facts: ChargingFacts, now: datetime) -> tuple[Transition, ...]:
        """Judge new facts. Readings that are already known change nothing."""
        step = Step(self._state, now)
        apply_time(step)
        state = self._state
        _note_settings(state, facts)
        readings = new_readings(state, facts)
        for name, reading in readings:
            judge(step, name, reading)
        if readings:
            infer(step)
            state.life_at = now
            newest = max(reading.at for _, reading in readings)
            state.contact_at = max(newest, state.contact_at or newest)
            _update_shown_end(state)
        refresh(state)
        if readings:
            apply_time(step)
        return tuple(step.transitions)

    def tick(self, now: datetime) -> tuple[Transition, ...]:
        """Do what has become due by time alone."""
        step = Step(self._state, now)
        apply_time(step)
        return tuple(step.transitions)

    def note_gap(self, begin: datetime, end: datetime) -> None:
        """Record that nothing could be received for a while (the stream was lost).

        The car was not silent meanwhile, as far as anybody knows.
        """
        state = self._state
        state.gap = Gap(begin=begin, end=max(begin, end))
        if state.life_at is not None:
            state.life_at += state.gap.end - begin
        session = state.session
        if session is not None and session.is_open:
            seconds = (state.gap.end - begin).total_seconds()
            state.session = replace(session, gap_s=session.gap_s + seconds)

    def to_document(self, now: datetime, *, with_place: bool = True) -> dict[str, object]:
        """Return the state as plain JSON.

        Args:
            now: the time, from which a restart reckons how long the bridge was off.
            with_place: whether the position of the car may be written to disk.
        """
        state = self._state
        if not with_place:
            facts = replace(state.facts, position=None)
            state = replace(state, facts=facts, place=None)
        return {"schema": SCHEMA, "saved_at": now.isoformat(), "state": to_document(state)}

    @classmethod
    def from_document(cls, document: object, now: datetime) -> "ChargingMachine":
        """Restore a machine; an open charge goes on, the time in between is noted as a gap.

        Raises:
            InvalidDocumentError: the document is damaged or of another schema.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise InvalidDocumentError("the charging state is of another schema")
        saved_at = from_document(datetime, document.get("saved_at"))
        machine = cls()
        machine._state = from_document(MachineState, document.get("state"))
        if now > saved_at:
            machine.note_gap(saved_at, now)
            machine._state.restored_at = now
        return machine


def _note_settings(state: MachineState, facts: ChargingFacts) -> None:
    """Keep what is no reading; a capacity or drive train that is not known anew stays."""
    known = state.facts
    if facts.status is not None and facts.status.value is not ChargingStatus.INVALID:
        state.has_status = True
    capacity_kwh = facts.capacity_kwh or known.capacity_kwh
    drive_train = facts.drive_train or known.drive_train
    changed = (capacity_kwh, drive_train, facts.is_report)
    if changed != (known.capacity_kwh, known.drive_train, known.is_report):
        state.facts = replace(
            known,
            capacity_kwh=capacity_kwh,
            drive_train=drive_train,
            is_report=facts.is_report,
        )


def _update_shown_end(state: MachineState) -> None:
    """Keep the shown end time unless it moved by more than rounding."""
    reported, shown = state.reported_end, state.shown_end
    if reported is None:
        state.shown_end = None
    elif shown is None or abs(reported - shown) > STEADY_END:
        state.shown_end = reported
