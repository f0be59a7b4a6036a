"""Deleting: by a person (a car, a period, everything, positions only), and by age."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from bmw2mqtt.history.database import transaction
from bmw2mqtt.history.recorder.recorded import STATE_PREFIX

DAY_S: Final = 86_400
READINGS_DAYS: Final = 40
"""Older readings are thinned to the last one of each day (UTC)."""
TRACK_DAYS: Final = 90
_TIMES: Final = {
    "session": "COALESCE(start_at, end_at, key)",
    "trip": "end_at",
    "refuel": "key",
    "bmw_record": "key",
    "reading": "key",
    "change_log": "key",
}
_POSITIONS: Final = {
    "session": ("latitude", "longitude", "place"),
    "trip": ("from_latitude", "from_longitude", "to_latitude", "to_longitude"),
    "refuel": ("latitude", "longitude"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long positions stay; sessions and trips stay until somebody deletes them."""

    track_days: int = TRACK_DAYS
    position_days: int | None = None
    """`None`: as long as the trip itself."""
    price_days: int | None = None
    """Price samples; the cost of each session stays. `None`: for ever."""


def delete(
    connection: sqlite3.Connection,
    now: int,
    *,
    vin: str | None = None,
    from_at: int | None = None,
    to_at: int | None = None,
) -> int:
    """Delete sessions, trips, refuelling and BMW's records of a car and a period, or everything.

    A later import does not bring them back. Counters of energy stay: they must never fall.

    Returns:
        How many rows are gone.
    """
    until = now if to_at is None else min(to_at, now)
    gone = 0
    with transaction(connection):
        connection.execute(
            "INSERT INTO deletion (at, vin, from_at, to_at) VALUES (?, ?, ?, ?)",
            (now, vin, from_at, until),
        )
        for table, time in _TIMES.items():
            gone += connection.execute(
                f"DELETE FROM {table} WHERE (:vin IS NULL OR vin = :vin)"  # noqa: S608 - our own names
                f" AND (:from_at IS NULL OR {time} >= :from_at) AND {time} < :until",
                {"vin": vin, "from_at": from_at, "until": until},
            ).rowcount
    _shrink(connection)
    return gone


def delete_positions(connection: sqlite3.Connection, vin: str | None = None) -> None:
    """Delete every position, place name and track of a car, or of all.

    What a recorder remembers is its own: `CarRecorder.forget_positions`.
    """
    with transaction(connection):
        connection.execute(
            "DELETE FROM track WHERE :vin IS NULL"
            " OR trip_id IN (SELECT id FROM trip WHERE vin = :vin)",
            {"vin": vin},
        )
        connection.execute(
            "UPDATE bmw_record SET json = json_remove(json, '$.chargingLocation',"
            " '$.publicChargingPoint') WHERE (:vin IS NULL OR vin = :vin) AND json_valid(json)",
            {"vin": vin},
        )
        connection.execute(
            "UPDATE open_state SET json = json_remove(json, '$.latitude', '$.longitude')"
            " WHERE (:vin IS NULL OR vin = :vin) AND kind LIKE :kind AND json_valid(json)",
            {"vin": vin, "kind": f"{STATE_PREFIX}%"},
        )
        for table, names in _POSITIONS.items():
            nothing = ", ".join(f"{name} = NULL" for name in names)
            connection.execute(
                f"UPDATE {table} SET {nothing} WHERE :vin IS NULL OR vin = :vin",  # noqa: S608 - our own names
                {"vin": vin},
            )
    _shrink(connection)


def prune(connection: sqlite3.Connection, now: int, retention: Retention) -> None:
    """Delete what is too old: tracks, positions, all but one reading a day."""
    with transaction(connection):
        connection.execute(
            "DELETE FROM track WHERE trip_id IN (SELECT id FROM trip WHERE end_at < ?)",
            (now - retention.track_days * DAY_S,),
        )
        if retention.position_days is not None:
            oldest = now - retention.position_days * DAY_S
            for table, names in _POSITIONS.items():
                nothing = ", ".join(f"{name} = NULL" for name in names)
                connection.execute(
                    f"UPDATE {table} SET {nothing} WHERE {_TIMES[table]} < ?",  # noqa: S608 - our own names
                    (oldest,),
                )
        if retention.price_days is not None:
            oldest = now - retention.price_days * DAY_S
            connection.execute("DELETE FROM price_sample WHERE key < ?", (oldest,))
        connection.execute(
            "DELETE FROM reading WHERE key < ? AND EXISTS (SELECT 1 FROM reading AS later"
            " WHERE later.vin = reading.vin AND later.key > reading.key"
            " AND later.key / 86400 = reading.key / 86400)",
            (now - READINGS_DAYS * DAY_S,),
        )


def _shrink(connection: sqlite3.Connection) -> None:
    """Remove deleted content from the file and its log, not just from the tables."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
