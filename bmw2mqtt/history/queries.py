"""Reads the history: rows as a page or an export shows them, newest first, in pages."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from bmw2mqtt.history.records import (
    BmwRecord,
    CarRecord,
    OpenState,
    PriceSample,
    ReadingRecord,
    RefuelRecord,
    SessionRecord,
    TripRecord,
    UserFields,
)
from bmw2mqtt.history.schema import USER_FIELDS, USER_TABLES
from bmw2mqtt.history.tables import TABLES, blocks_of, curve_of, record_from

T = TypeVar("T")

_TIME: Final = {
    SessionRecord: "COALESCE(start_at, end_at, key)",
    TripRecord: "end_at",
    RefuelRecord: "key",
    ReadingRecord: "key",
    BmwRecord: "key",
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
        connection.row_factory = sqlite3.Row
        self._connection = connection

    def sessions(
        self,
        period: Period = EVERYTHING,
        *,
        hidden: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row[SessionRecord]]:
        """Return charging sessions without blocks; failed ones only if `hidden` is set."""
        only = "" if hidden else " AND NOT is_hidden"
        return self._rows(SessionRecord, period, only, limit, offset)

    def session(self, session_id: int) -> SessionRecord | None:
        """Return one session with its blocks and its curve."""
        row = self._connection.execute(
            "SELECT * FROM session WHERE id = ?", (session_id,)
        ).fetchone()
        if row is None:
            return None
        session: SessionRecord = record_from(SessionRecord, row)
        values = {name: getattr(session, name) for name in session.__dataclass_fields__}
        values["blocks"] = blocks_of(self._connection, session_id)
        values["curve"] = curve_of(self._connection, session_id)
        return SessionRecord(**values)

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

    def bmw_records(self, period: Period = EVERYTHING) -> list[BmwRecord]:
        """Return BMW's own records, oldest first."""
        return [row.record for row in reversed(self._rows(BmwRecord, period))]

    def prices(self, period: Period = EVERYTHING) -> list[PriceSample]:
        """Return price samples, oldest first."""
        return [row.record for row in reversed(self._rows(PriceSample, period))]

    def car(self, vin: str) -> CarRecord | None:
        """Return the counters of a car."""
        row = self._connection.execute("SELECT * FROM car WHERE vin = ?", (vin,)).fetchone()
        return None if row is None else record_from(CarRecord, row)

    def open_state(self, vin: str, kind: str) -> OpenState | None:
        """Return what the rules remember of a car."""
        sql = "SELECT * FROM open_state WHERE vin = ? AND kind = ?"
        row = self._connection.execute(sql, (vin, kind)).fetchone()
        return None if row is None else record_from(OpenState, row)

    def vins(self) -> list[str]:
        """Return the cars that have any history."""
        tables = ("car", "session", "trip", "refuel", "reading")
        sql = " UNION ".join(f"SELECT vin FROM {table}" for table in tables)  # noqa: S608 - our own names
        return sorted(row[0] for row in self._connection.execute(sql))

    def track(self, trip_id: int) -> str | None:
        """Return the positions of a trip, as a JSON list of pairs."""
        sql = "SELECT points FROM track WHERE trip_id = ?"
        row = self._connection.execute(sql, (trip_id,)).fetchone()
        return None if row is None else str(row[0])

    def count(self, kind: type[Any], period: Period = EVERYTHING) -> int:
        """Return how many rows there are, hidden ones included."""
        where, values = _where(kind, period)
        sql = f"SELECT COUNT(*) FROM {TABLES[kind]} WHERE {where}"  # noqa: S608 - our own names
        return int(self._connection.execute(sql, values).fetchone()[0])

    def _rows(
        self,
        kind: type[T],
        period: Period,
        condition: str = "",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row[T]]:
        where, values = _where(kind, period)
        table = TABLES[kind]
        sql = f"SELECT * FROM {table} WHERE {where}{condition}"  # noqa: S608 - our own names
        sql += f" ORDER BY {_TIME[kind]} DESC, key DESC LIMIT ? OFFSET ?"
        rows = self._connection.execute(sql, [*values, -1 if limit is None else limit, offset])
        editable = table in USER_TABLES
        return [
            Row(
                row["id"] if editable else row["key"],
                record_from(kind, row),
                UserFields(**{name: row[name] for name in USER_FIELDS})
                if editable
                else UserFields(),
            )
            for row in rows
        ]


def _where(kind: type[Any], period: Period) -> tuple[str, list[object]]:
    conditions: list[str] = ["1"]
    values: list[object] = []
    if period.vin is not None and kind is not PriceSample:
        conditions.append("vin = ?")
        values.append(period.vin)
    for bound, operator in ((period.from_at, ">="), (period.to_at, "<")):
        if bound is not None:
            conditions.append(f"{_TIME[kind]} {operator} ?")
            values.append(bound)
    return " AND ".join(conditions), values
