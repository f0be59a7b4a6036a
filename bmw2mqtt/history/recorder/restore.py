"""Reads what an earlier run has stored of the cars."""

import sqlite3
from datetime import UTC, datetime
from typing import Final

from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.recorder.battery_12v import BATTERY_KIND
from bmw2mqtt.history.recorder.car import COMPLETE_KIND, StoredCar
from bmw2mqtt.history.recorder.charges import KEPT
from bmw2mqtt.history.recorder.drives import STATE_KIND, last_trip
from bmw2mqtt.history.recorder.recorded import (
    ABSORBED,
    STATE_PREFIX,
    RecordedSession,
    read_session,
)
from bmw2mqtt.history.sessions import last_charge
from bmw2mqtt.vehicle.charging.session import Phase

_FEW: Final = 10
"""So many of the last sessions are looked through for one that is over."""


def stored_cars(connection: sqlite3.Connection) -> dict[str, StoredCar]:
    """Return everything that is needed to go on, by VIN."""
    rows = connection.execute("SELECT DISTINCT vin FROM open_state UNION SELECT vin FROM car")
    return {vin: _stored_car(connection, vin) for (vin,) in rows.fetchall()}


def _stored_car(connection: sqlite3.Connection, vin: str) -> StoredCar:
    reader = HistoryReader(connection)
    period = Period(vin=vin)
    charges = [row.record for row in reader.sessions(period, limit=_FEW)]
    over = [charge for charge in charges if charge.status not in {Phase.CHARGING, Phase.PAUSED}]
    trips = reader.trips(period, limit=1)
    return StoredCar(
        car=reader.car(vin),
        sessions=recorded_sessions(connection, vin, limit=KEPT),
        trips=reader.open_state(vin, STATE_KIND),
        battery_12v=reader.open_state(vin, BATTERY_KIND),
        last_charge=last_charge(over[0]) if over else None,
        last_trip=last_trip(trips[0].record) if trips else None,
        reading=reader.last_reading(vin),
        is_complete=reader.open_state(vin, COMPLETE_KIND) == "true",
    )


def recorded_sessions(
    connection: sqlite3.Connection, vin: str, *, limit: int = -1
) -> dict[str, RecordedSession]:
    """Return what is remembered of a car's last sessions, by id, oldest first."""
    rows = connection.execute(
        "SELECT kind, json FROM open_state WHERE vin = ? AND kind LIKE ? AND json != ?"
        " ORDER BY kind DESC LIMIT ?",
        (vin, f"{STATE_PREFIX}%", ABSORBED, limit),
    ).fetchall()
    sessions = {
        kind.removeprefix(STATE_PREFIX): read_session(vin, text) for kind, text in reversed(rows)
    }
    return {identity: session for identity, session in sessions.items() if session is not None}


def forget_old_sessions(connection: sqlite3.Connection, before: datetime) -> None:
    """Delete what is remembered of sessions that nothing changes any more; their rows stay."""
    connection.execute(
        "DELETE FROM open_state WHERE kind LIKE ? AND updated_at < ?",
        (f"{STATE_PREFIX}%", int(before.astimezone(UTC).timestamp())),
    )
