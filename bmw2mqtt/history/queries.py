"""Reads the history: rows as a page or an export shows them, newest first, in pages."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from bmw2mqtt.history.database import open_for_reading
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.records import (
    USER_FIELDS,
    BlockRecord,
    CarRecord,
    CurvePoint,
    PriceSample,
    ReadingRecord,
    RefuelRecord,
    SessionRecord,
    TripRecord,
    UserFields,
)
from bmw2mqtt.history.schema import USER_TABLES
from bmw2mqtt.history.tables import COLUMNS, TABLES, children_of, record_from

T = TypeVar("T")

_TIME: Final = {
    SessionRecord: "COALESCE(start_at, end_at, key)",
    TripRecord: "end_at",
    RefuelRecord: "key",
    ReadingRecord: "key",
    PriceSample: "key",
}


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """A record, and what a person has entered for it."""

    id: int
    record: T
    user: UserFields


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Which rows: of one car or all, from a time until before another."""

    vin: str | None = None
    from_at: int | None = None
    to_at: int | None = None


EVERYTHING: Final = Period()


class HistoryReader:
    """Reads from one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def sessions(
        self,
        period: Period = EVERYTHING,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row[SessionRecord]]:
        """Return charging sessions without blocks, and without those that failed."""
        return self._rows(SessionRecord, period, " AND NOT is_hidden", limit, offset)

    def charge(self, vin: str, key: int) -> Row[SessionRecord] | None:
        """Return one session of a car with its blocks and its curve."""
        row = self._row(SessionRecord, vin, key)
        if row is None:
            return None
        blocks = children_of(self._connection, BlockRecord, row.id)
        curve = children_of(self._connection, CurvePoint, row.id)
        return replace(row, record=replace(row.record, blocks=blocks, curve=curve))

    def trip(self, vin: str, key: int) -> Row[TripRecord] | None:
        """Return one trip of a car, without its track."""
        return self._row(TripRecord, vin, key)

    def trips(
        self, period: Period = EVERYTHING, *, limit: int | None = None, offset: int = 0
    ) -> list[Row[TripRecord]]:
        """Return trips without their tracks."""
        return self._rows(TripRecord, period, "", limit, offset)

    def refuels(
        self, period: Period = EVERYTHING, *, limit: int | None = None, offset: int = 0
    ) -> list[Row[RefuelRecord]]:
        """Return refuelling."""
        return self._rows(RefuelRecord, period, "", limit, offset)

    def readings(self, period: Period = EVERYTHING) -> list[ReadingRecord]:
        """Return readings, oldest first."""
        return [row.record for row in reversed(self._rows(ReadingRecord, period))]

    def last_reading(self, vin: str) -> ReadingRecord | None:
        """Return the newest reading of a car."""
        rows = self._rows(ReadingRecord, Period(vin=vin), limit=1)
        return rows[0].record if rows else None

    def prices(self) -> list[PriceSample]:
        """Return all price samples, oldest first."""
        return [row.record for row in reversed(self._rows(PriceSample, EVERYTHING))]

    def car(self, vin: str) -> CarRecord | None:
        """Return the counters of a car."""
        names = ", ".join(COLUMNS[CarRecord])
        row = self._connection.execute(f"SELECT {names} FROM car WHERE vin = ?", (vin,)).fetchone()  # noqa: S608 - our own names
        return None if row is None else record_from(CarRecord, row)

    def open_state(self, vin: str, kind: str) -> str | None:
        """Return what the rules remember of a car, as JSON."""
        sql = "SELECT json FROM open_state WHERE vin = ? AND kind = ?"
        row = self._connection.execute(sql, (vin, kind)).fetchone()
        return None if row is None else str(row[0])

    def vins(self) -> list[str]:
        """Return the cars that have any history."""
        tables = ("car", "session", "trip", "refuel", "reading")
        sql = " UNION ".join(f"SELECT vin FROM {table}" for table in tables)  # noqa: S608 - our own names
        return sorted(row[0] for row in self._connection.execute(sql))

    def position_count(self, vin: str) -> int:
        """Return how many sessions, trips and refuelling of a car have a position or an address."""
        sql = (
            "SELECT (SELECT COUNT(*) FROM session WHERE vin = :vin"
            " AND COALESCE(latitude, longitude, place) IS NOT NULL)"
            " + (SELECT COUNT(*) FROM trip WHERE vin = :vin"
            " AND (COALESCE(from_latitude, to_latitude) IS NOT NULL"
            " OR id IN (SELECT trip_id FROM track)))"
            " + (SELECT COUNT(*) FROM refuel WHERE vin = :vin AND latitude IS NOT NULL)"
        )
        return int(self._connection.execute(sql, {"vin": vin}).fetchone()[0])

    def _rows(
        self,
        kind: type[T],
        period: Period,
        condition: str = "",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row[T]]:
        where, values = _where(kind, period)
        table, names = TABLES[kind], COLUMNS[kind]
        is_editable = table in USER_TABLES
        wanted = ", ".join((*names, "id", *USER_FIELDS) if is_editable else (*names, "key"))
        sql = f"SELECT {wanted} FROM {table} WHERE {where}{condition}"  # noqa: S608 - our own names
        sql += f" ORDER BY {_TIME[kind]} DESC, key DESC LIMIT ? OFFSET ?"
        rows = self._connection.execute(sql, [*values, -1 if limit is None else limit, offset])
        width = len(names)
        return [
            Row(
                row[width],
                record_from(kind, row),
                UserFields(**dict(zip(USER_FIELDS, row[width + 1 :], strict=False))),
            )
            for row in rows
        ]

    def _row(self, kind: type[T], vin: str, key: int) -> Row[T] | None:
        rows = self._rows(kind, Period(vin=vin), f" AND key = {key:d}")
        return rows[0] if rows else None


def read(path: Path, function: Callable[[HistoryReader], T]) -> T:
    """Return what a function reads beside the writer. It waits for the disk.

    The file is opened anew each time: it may have been set aside or restored since.

    Raises:
        HistoryError: There is no history, or it cannot be read.
    """
    with closing(open_for_reading(path)) as connection:
        try:
            return function(HistoryReader(connection))
        except sqlite3.Error as error:
            raise HistoryError(f"{path}: {error}") from error


def _where(kind: type[Any], period: Period) -> tuple[str, list[object]]:
    conditions: list[str] = ["1"]
    values: list[object] = []
    if period.vin is not None:
        conditions.append("vin = ?")
        values.append(period.vin)
    for bound, operator in ((period.from_at, ">="), (period.to_at, "<")):
        if bound is not None:
            conditions.append(f"{_TIME[kind]} {operator} ?")
            values.append(bound)
    return " AND ".join(conditions), values
