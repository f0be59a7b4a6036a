"""What a person enters on the page: price, cost, label, class, note. Every change is logged."""

import sqlite3
import unicodedata
from collections.abc import Sequence
from typing import Final

from bmw2mqtt.history.database import transaction
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.records import USER_FIELDS, UserFields
from bmw2mqtt.history.schema import USER_TABLES

CLASSES: Final = ("private", "business", "commute")
_NUMBERS: Final = {"user_price_per_kwh", "user_cost"}
_MAX_TEXT: Final = 500
_NO_TEXT: Final = frozenset({"Cc", "Cs"})
"""Unicode's categories of control characters and of halves of characters."""


def edit(
    connection: sqlite3.Connection,
    table: str,
    vin: str,
    key: int,
    changes: dict[str, object],
    now: int,
) -> UserFields:
    """Set a person's fields of a `session`, `trip` or `refuel`; `None` clears one.

    Raises:
        HistoryError: There is no such row or field, or the value does not fit.
    """
    if table not in USER_TABLES:
        raise HistoryError(f"{table} cannot be edited")
    values = {name: _check(name, value) for name, value in changes.items()}
    with transaction(connection):
        before = user_fields(connection, table, vin, key)
        for name, value in values.items():
            old = getattr(before, name)
            if value == old:
                continue
            sql = f"UPDATE {table} SET {name} = ? WHERE vin = ? AND key = ?"  # noqa: S608 - checked
            connection.execute(sql, (value, vin, key))
            connection.execute(
                "INSERT INTO change_log (at, vin, kind, key, field, old, new)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (now, vin, table, key, name, _text(old), _text(value)),
            )
        return user_fields(connection, table, vin, key)


def user_fields(connection: sqlite3.Connection, table: str, vin: str, key: int) -> UserFields:
    """Return a person's fields of a row.

    Raises:
        HistoryError: There is no such row.
    """
    names = ", ".join(USER_FIELDS)
    sql = f"SELECT {names} FROM {table} WHERE vin = ? AND key = ?"  # noqa: S608 - our own names
    row = connection.execute(sql, (vin, key)).fetchone()
    if row is None:
        raise HistoryError(f"there is no {table} {key}")
    return UserFields(**dict(zip(USER_FIELDS, row, strict=True)))


def merge_sessions(
    connection: sqlite3.Connection, vin: str, kept: int, absorbed: Sequence[int]
) -> None:
    """Remove sessions that turned out to be pieces of another; a person's fields move there."""
    with transaction(connection):
        for key in absorbed:
            if key == kept:
                continue
            for name in USER_FIELDS:
                connection.execute(
                    f"UPDATE session SET {name} = COALESCE({name}, (SELECT {name} FROM session"  # noqa: S608 - our own names
                    " WHERE vin = ? AND key = ?)) WHERE vin = ? AND key = ?",
                    (vin, key, vin, kept),
                )
            connection.execute("DELETE FROM session WHERE vin = ? AND key = ?", (vin, key))


def _check(name: str, value: object) -> object:
    if name not in USER_FIELDS:
        raise HistoryError(f"{name} cannot be edited")
    if value is None:
        return None
    if name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:  # noqa: PLR2004
            raise HistoryError(f"{value!r} is not an amount of money")
        return float(value)
    if name == "user_class" and value not in CLASSES:
        raise HistoryError(f"{value!r} is none of {', '.join(CLASSES)}")
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise HistoryError(f"a text of at most {_MAX_TEXT} characters is expected")
    if any(unicodedata.category(character) in _NO_TEXT for character in value):
        raise HistoryError("a text on one line is expected, without control characters")
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)
