"""Records the charging sessions of one car: rows, counters and events."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Final

from bmw2mqtt.history.recorder.energy import EnergyCounters
from bmw2mqtt.history.recorder.imports import bmw_row, is_part_of, merge
from bmw2mqtt.history.recorder.options import (
    NEWS,
    NO_SOURCES,
    SAVE_EVERY,
    Outputs,
    RecorderOptions,
    Sources,
)
from bmw2mqtt.history.recorder.recorded import STATE_PREFIX, RecordedSession
from bmw2mqtt.history.records import CurvePoint, OpenState, SessionRecord
from bmw2mqtt.history.sessions import last_charge, session_record
from bmw2mqtt.vehicle.charging.constants import NOT_CHARGING_NOTICE
from bmw2mqtt.vehicle.charging.meter import is_settled
from bmw2mqtt.vehicle.charging.session import ChargingSession, Phase
from bmw2mqtt.vehicle.charging.state import Transition, TransitionKind, latest_sessions
from bmw2mqtt.vehicle.document import to_document
from bmw2mqtt.vehicle.history import ChargeSummary, ChargingEvent, HistoryEvent
from bmw2mqtt.vehicle.observed import ChargeRecord, ObservedVehicle

KEPT: Final = 3
"""Sessions that may still change: the present one and those just before it."""
CURVE_STEP_S: Final = 300
MOST_CURVE_POINTS: Final = 120


class ChargeRecorder:
    """The charging sessions of one car."""

    def __init__(
        self,
        vin: str,
        options: RecorderOptions,
        outputs: Outputs,
        *,
        counters: EnergyCounters,
        sessions: dict[str, RecordedSession],
        last: ChargeSummary | None,
        sources: Sources = NO_SOURCES,
    ) -> None:
        """Continue with what an earlier run has stored.

        `sessions` are those that may still change, by id, oldest first; `last` is what was
        published of the last one.
        """
        self.counters = counters
        self.last = last
        """The last session that is over and worth a row in the list."""
        self._vin, self._options, self._outputs = vin, options, outputs
        self._meter, self._prices = sources.meter, sources.prices
        self._sessions = sessions
        self._last_key = max((s.session.id for s in sessions.values()), default="")
        self._unsaved: set[str] = set()
        self._has_counted = False
        """The counters have changed since they were written."""
        self._saved_at: datetime | None = None
        self._capacity_kwh: float | None = None

    def update(self, observed: ObservedVehicle) -> None:
        """Record what is new."""
        self._capacity_kwh = observed.driving.capacity_kwh or self._capacity_kwh
        for session in latest_sessions(observed.transitions, observed.session):
            self._record(session, observed)
        for transition in observed.transitions:
            self._send(transition, observed.at)
        if observed.transitions or self._has_counted or self._is_due(observed.at):
            self.save(observed.at)

    def import_records(
        self,
        known: dict[str, RecordedSession],
        records: tuple[ChargeRecord, ...],
        now: datetime,
    ) -> dict[int, tuple[int, ...]]:
        """Merge BMW's own record of the car's charges; what is known already changes nothing.

        `known` is what the file remembers of sessions, by id.

        Returns:
            The keys of the rows that became part of another one, by the key of that one.
        """
        sessions = known | self._sessions
        merged = merge(sessions, records, self._options)
        for identity in merged.absorbed:
            self._sessions.pop(identity, None)
            self._unsaved.discard(identity)
            self._forget(identity, now)
        for changed in merged.changed:
            self._store(self._measured(changed, now), now)
        for record in records:
            self._outputs.put(bmw_row(self._vin, record, now))
        if merged.changed:
            self.save(now)
        return merged.absorbed_keys

    def tick(self, now: datetime) -> None:
        """Do what time alone does: read the wallbox, count a long pause, write what waits."""
        for identity, known in tuple(self._sessions.items()):
            if self._meter is not None and not is_settled(known.session, now):
                self._store(self._measured(known, now), now)
            elif known.session.phase is Phase.PAUSED:
                self._count(identity, known, now)
        if self._has_counted or self._is_due(now):
            self.save(now)

    def continue_from(self, everywhere_kwh: float, home_kwh: float, now: datetime) -> None:
        """Go on with what was published last."""
        self.counters.continue_from(everywhere_kwh, home_kwh)
        self.save(now)

    def forget_positions(self, now: datetime) -> None:
        """Forget where it charged, so that no later change of a session brings a position back."""
        for identity, known in self._sessions.items():
            if known.place is not None:
                self._sessions[identity] = replace(known, latitude=None, longitude=None)
                self._unsaved.add(identity)
        self.save(now)

    def save(self, now: datetime) -> None:
        """Write everything that has changed, in one transaction."""
        self._saved_at, self._has_counted = now, False
        for identity in self._unsaved:
            known = self._sessions[identity]
            self._outputs.put(self._state(identity, to_document(known), now))
            self._outputs.put(self._row(known))
        self._unsaved.clear()
        for identity in sorted(self._sessions)[:-KEPT]:
            del self._sessions[identity]
        if self.counters.is_known or self.counters.is_stored:
            self._outputs.put(self.counters.record(self._vin, self._capacity_kwh))

    def _is_due(self, now: datetime) -> bool:
        """Whether what is unsaved has waited for long."""
        is_long = self._saved_at is None or not now - self._saved_at < SAVE_EVERY
        return bool(self._unsaved) and is_long

    def _measured(self, known: RecordedSession, now: datetime) -> RecordedSession:
        """Return it with what the wallbox has counted."""
        return known if self._meter is None else self._meter.measured(self._vin, known, now)

    def _store(self, changed: RecordedSession, now: datetime) -> None:
        """Remember, count and publish a session."""
        identity = changed.session.id
        if changed != self._sessions.get(identity):
            self._sessions[identity] = changed
            self._unsaved.add(identity)
        self._count(identity, changed, now)
        self._note_last(self._sessions[identity])

    def _forget(self, identity: str, now: datetime) -> None:
        if self._meter is not None:
            self._meter.forget(self._vin, identity)
        self._outputs.put(self._state(identity, None, now))

    def _state(self, identity: str, document: object, now: datetime) -> OpenState:
        """Return what is remembered of a session; `None`: it is part of another one."""
        return OpenState.of(self._vin, f"{STATE_PREFIX}{identity}", document, now)

    # One session

    def _record(self, session: ChargingSession, observed: ObservedVehicle) -> None:
        known = self._sessions.get(session.id)
        # What counts is in `Counted`, and the rules know no wallbox.
        meter = known.session.meter if known else None
        if session.counted_kwh or session.meter != meter:
            session = replace(session, counted_kwh=0.0, meter=meter)
        if known is None and (self._is_long_over(session) or self._is_absorbed(session)):
            return
        if known is not None and known.session.bmw is not None and not session.is_open:
            return  # BMW's record is complete
        if known is None:
            changed = RecordedSession(session=session)
        else:
            changed = known if known.session == session else replace(known, session=session)
        changed = self._with_place(changed, observed, is_new=known is None)
        changed = _with_curve(self._measured(changed, observed.at), observed)
        if changed != known:
            self._store(changed, observed.at)

    def _is_long_over(self, session: ChargingSession) -> bool:
        """Whether it is older than those that are remembered: it was recorded before."""
        return bool(self._last_key) and session.id < min(self._sessions, default=self._last_key)

    def _is_absorbed(self, session: ChargingSession) -> bool:
        """Whether it has become part of a session that BMW has recorded."""
        return any(is_part_of(session, known.session) for known in self._sessions.values())

    def _count(self, identity: str, known: RecordedSession, now: datetime) -> None:
        counted = self.counters.count(known.session, known.counted, known.zone, now)
        if counted != known.counted:
            self._has_counted = True
            self._sessions[identity] = replace(known, counted=counted)
            self._unsaved.add(identity)

    def _note_last(self, known: RecordedSession) -> None:
        session = known.session
        if session.is_open or session.id < self._last_key:
            return
        row = self._row(known)
        if not row.is_hidden:
            self._last_key, self.last = session.id, last_charge(row)

    def _row(self, known: RecordedSession) -> SessionRecord:
        return session_record(
            self._vin,
            known.session,
            zone=known.zone,
            place=known.place if self._options.keep_positions else None,
            curve=known.curve,
            price_per_kwh=self._options.price_per_kwh,
            currency=self._options.currency,
            prices=self._prices,
        )

    def _with_place(
        self, known: RecordedSession, observed: ObservedVehicle, *, is_new: bool
    ) -> RecordedSession:
        """Note where it charges, until it is over: a position may come late."""
        fix, home, session = observed.driving.position, self._options.home, known.session
        if fix is None:
            return known
        if not session.is_open and not (is_new and fix.at <= (session.end_at or fix.at)):
            return known  # the car may have left since
        changed = replace(known, zone=home.zone(fix.value).value if home else None)
        if not self._options.keep_positions:
            return changed
        return replace(changed, latitude=fix.value.latitude, longitude=fix.value.longitude)

    # Events

    def _send(self, transition: Transition, now: datetime) -> None:
        session = transition.session
        known = self._sessions.get(session.id) if session else None
        is_news = now - transition.at <= NEWS
        if transition.kind is TransitionKind.STARTED and is_news and known:
            self._sessions[known.session.id] = replace(known, is_announced=True)
            self._unsaved.add(known.session.id)
            self._event(ChargingEvent.STARTED, _start_attributes(known))
        elif transition.kind is TransitionKind.ENDED and known:
            if is_news or known.is_announced:
                charge = last_charge(self._row(known))
                self._event(ChargingEvent.ENDED, asdict(charge))
        elif transition.kind is TransitionKind.NOT_CHARGING and is_news:
            since = transition.at - NOT_CHARGING_NOTICE
            self._event(ChargingEvent.NOT_CHARGING, {"since": since})

    def _event(self, event_type: ChargingEvent, attributes: dict[str, object]) -> None:
        event = HistoryEvent(platform_key="charging", event_type=event_type, attributes=attributes)
        self._outputs.send(self._vin, event)


def _start_attributes(known: RecordedSession) -> dict[str, object]:
    session = known.session
    return {
        "start": session.start_at,
        "soc_start": session.soc_start,
        "target": session.target_percent,
        "place": known.zone,
    }


def _with_curve(known: RecordedSession, observed: ObservedVehicle) -> RecordedSession:
    """Add a point to the curve of a session that charges: the first of each five minutes.

    A silent car is observed at every fifth minute of the clock, whenever its charge began.
    """
    soc = observed.driving.soc_percent
    if known.session.phase is not Phase.CHARGING:
        return known
    at = int(observed.at.timestamp())
    if known.curve and at // CURVE_STEP_S <= known.curve[-1].at // CURVE_STEP_S:
        return known
    point = CurvePoint(at=at, soc=soc.value if soc else None, power_kw=observed.power_kw)
    curve = (*known.curve, point)
    if len(curve) > MOST_CURVE_POINTS:
        curve = curve[::2]
    return replace(known, curve=curve)
