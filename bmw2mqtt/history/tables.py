"""Writes records into their tables, and reads them back."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar

from bmw2mqtt.history.records import (
    BlockRecord,
    BmwRecord,
    CarRecord,
    CurvePoint,
    OpenState,
    PriceSample,
    ReadingRecord,
    Record,
    RefuelRecord,
    SessionRecord,
    TripRecord,
)
from bmw2mqtt.history.schema import USER_TABLES

Child = TypeVar("Child", BlockRecord, CurvePoint)
TABLES: Final[dict[type[Any], str]] = {
    SessionRecord: "session",
    TripRecord: "trip",
    RefuelRecord: "refuel",
    BmwRecord: "bmw_record",
    CarRecord: "car",
    OpenState: "open_state",
    ReadingRecord: "reading",
    PriceSample: "price_sample",
    BlockRecord: "block",
    CurvePoint: "curve",
}
CHILDREN: Final = {"blocks", "curve", "track"}
"""Fields with tables of their own."""
COLUMNS: Final[dict[type[Any], tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind) if field.name not in CHILDREN)
    for kind in TABLES
}
_FLAGS: Final[dict[type[Any], tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind) if field.type in {"bool", bool})
    for kind in TABLES
}
"""Columns that are yes or no: SQLite has numbers for them."""
_CONFLICT: Final = {"car": "vin", "open_state": "vin, kind"}


def save(connection: sqlite3.Connection, record: Record, now: int) -> None:
    """Insert a record, or update the row of the same key; a person's fields stay."""
    table = TABLES[type(record)]
    values = {name: getattr(record, name) for name in COLUMNS[type(record)]}
    if table in USER_TABLES:
        values["updated_at"] = now
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    conflict = _CONFLICT.get(table, "vin, key")
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names are our own
    sql += f" ON CONFLICT ({conflict}) DO UPDATE SET {changes}"
    connection.execute(sql, tuple(values.values()))
    if isinstance(record, SessionRecord):
        _save_children(connection, record)
    elif isinstance(record, TripRecord) and record.track:
        sql = "INSERT OR REPLACE INTO track VALUES (?, ?)"
        connection.execute(sql, (_row_id(connection, "trip", record), json.dumps(record.track)))


def record_from(kind: type[Any], row: Sequence[Any]) -> Any:
    """Return the record of a row of its `columns`, without its children."""
    values = dict(zip(COLUMNS[kind], row, strict=False))
    for name in _FLAGS[kind]:
        values[name] = bool(values[name])
    return kind(**values)


def children_of(
    connection: sqlite3.Connection, kind: type[Child], session_id: int
) -> tuple[Child, ...]:
    """Return the blocks or the curve of a session."""
    names = ", ".join(COLUMNS[kind])
    sql = f"SELECT {names} FROM {TABLES[kind]} WHERE session_id = ? ORDER BY 1"  # noqa: S608 - our own names
    return tuple(record_from(kind, row) for row in connection.execute(sql, (session_id,)))


def _save_children(connection: sqlite3.Connection, record: SessionRecord) -> None:
    session_id = _row_id(connection, "session", record)
    blocks = {block.start_at: block for block in record.blocks}.values()
    points = {point.at: point for point in record.curve}.values()
    connection.execute("DELETE FROM block WHERE session_id = ?", (session_id,))
    connection.executemany(
        "INSERT INTO block VALUES (?, ?, ?, ?, ?)",
        [(session_id, block.start_at, block.end_at, block.kwh, block.mean_kw) for block in blocks],
    )
    connection.execute("DELETE FROM curve WHERE session_id = ?", (session_id,))
    connection.executemany(
        "INSERT INTO curve VALUES (?, ?, ?, ?)",
        [(session_id, point.at, point.soc, point.power_kw) for point in points],
    )


def _row_id(connection: sqlite3.Connection, table: str, record: Record) -> int:
    sql = f"SELECT id FROM {table} WHERE vin = ? AND key = ?"  # noqa: S608 - names are our own
    row_id: int = connection.execute(sql, (record.vin, record.key)).fetchone()[0]
    return row_id


def time_of(record: Record) -> int:
    """Return the time that decides to which period a record belongs."""
    if isinstance(record, SessionRecord):
        return record.start_at or record.end_at or record.key
    if isinstance(record, TripRecord):
        return record.end_at
    return record.key
