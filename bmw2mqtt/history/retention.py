"""Deletes positions, at a person's wish, and what has become too old."""

import sqlite3
from typing import Final

from bmw2mqtt.history.database import transaction
from bmw2mqtt.history.recorder.recorded import STATE_PREFIX

DAY_S: Final = 86_400
READINGS_DAYS: Final = 40
"""Older readings are thinned to the last one of each day (UTC)."""
TRACK_DAYS: Final = 90
_POSITIONS: Final = {
    "session": ("latitude", "longitude", "place"),
    "trip": ("from_latitude", "from_longitude", "to_latitude", "to_longitude"),
    "refuel": ("latitude", "longitude"),
}


def delete_positions(connection: sqlite3.Connection, vin: str) -> None:
    """Delete every position, place name and track of a car.

    What a recorder remembers is its own: `CarRecorder.forget_positions`.
    """
    with transaction(connection):
        connection.execute(
            "DELETE FROM track WHERE trip_id IN (SELECT id FROM trip WHERE vin = ?)", (vin,)
        )
        connection.execute(
            "UPDATE bmw_record SET json = json_remove(json, '$.chargingLocation',"
            " '$.publicChargingPoint') WHERE vin = ? AND json_valid(json)",
            (vin,),
        )
        connection.execute(
            "UPDATE open_state SET json = json_remove(json, '$.latitude', '$.longitude')"
            " WHERE vin = ? AND kind LIKE ? AND json_valid(json)",
            (vin, f"{STATE_PREFIX}%"),
        )
        for table, names in _POSITIONS.items():
            nothing = ", ".join(f"{name} = NULL" for name in names)
            connection.execute(f"UPDATE {table} SET {nothing} WHERE vin = ?", (vin,))  # noqa: S608 - our own names
    # Deleted content leaves the file and its log too, not just the tables.
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def prune(connection: sqlite3.Connection, now: int, *, price_days: int) -> None:
    """Delete what is too old: tracks, prices, all but one reading a day."""
    with transaction(connection):
        connection.execute(
            "DELETE FROM track WHERE trip_id IN (SELECT id FROM trip WHERE end_at < ?)",
            (now - TRACK_DAYS * DAY_S,),
        )
        connection.execute("DELETE FROM price_sample WHERE key < ?", (now - price_days * DAY_S,))
        connection.execute(
            "DELETE FROM reading WHERE key < ? AND EXISTS (SELECT 1 FROM reading AS later"
            " WHERE later.vin = reading.vin AND later.key > reading.key"
            " AND later.key / 86400 = reading.key / 86400)",
            (now - READINGS_DAYS * DAY_S,),
        )
