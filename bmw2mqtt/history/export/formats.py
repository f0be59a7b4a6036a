"""Writes an export: CSV with commas and dots, CSV for a German Excel, JSON lines."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final, TextIO, TypeAlias

from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import (
    CHARGES,
    GERMAN,
    READINGS,
    SCHEMA,
    TRANSLATED,
    TRIPS,
    Column,
    Options,
    Sum,
)
from bmw2mqtt.history.queries import EVERYTHING, HistoryReader, Period
from bmw2mqtt.history.statistics import period_sums

KINDS: Final = {"charges": CHARGES, "trips": TRIPS, "readings": READINGS}
FORMATS: Final = ("csv", "json")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula."""
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it Excel reads UTF-8 as something else."""
Values: TypeAlias = list[tuple[Column, Any]]
Write: TypeAlias = Callable[[Values], None]


def export(
    reader: HistoryReader,
    kind: str,
    file: TextIO,
    *,
    period: Period = EVERYTHING,
    form: str = "csv",
    locale: str = "en",
    options: Options | None = None,
) -> int:
    """Write `charges`, `trips` or `readings` (sums per month), oldest first.

    The file is opened as text, UTF-8, `newline=""`. In German, CSV is as a German Excel expects it.

    Returns:
        How many rows were written.

    Raises:
        HistoryError: There is no such kind or format.
    """
    if kind not in KINDS or form not in FORMATS:
        raise HistoryError(f"cannot export {kind} as {form}")
    options = options or Options()
    columns, count = KINDS[kind], 0
    write = _json_lines(file, kind) if form == "json" else _csv_rows(file, columns, locale)
    for row in _rows(reader, kind, period, options):
        write([(column, column.value(row, options)) for column in columns])
        count += 1
    return count


def _rows(reader: HistoryReader, kind: str, period: Period, options: Options) -> Iterable[Any]:
    if kind == "charges":
        return reversed(reader.sessions(period))
    if kind == "trips":
        return reversed(reader.trips(period))
    return _sums(reader, period, options)


def _sums(reader: HistoryReader, period: Period, options: Options) -> Iterator[Sum]:
    for vin in [period.vin] if period.vin else reader.vins():
        sums = period_sums(reader, vin, zone=options.zone, currency=options.currency, period=period)
        for one in sums:
            currencies: list[str | None] = [*sorted(one.costs)] or [None]
            for currency in currencies:
                yield Sum(vin, one, currency, is_first=currency == currencies[0])


def _json_lines(file: TextIO, kind: str) -> Write:
    def write(values: Values) -> None:
        line: dict[str, Any] = {"schema": SCHEMA, "record": kind.removesuffix("s")}
        line |= {column.name: _json(value, column) for column, value in values}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return write


def _csv_rows(file: TextIO, columns: Iterable[Column], locale: str) -> Write:
    """Write the headings, and return what writes a row."""
    is_german = locale == "de"
    if is_german:
        file.write(_BYTE_ORDER_MARK)
    writer = csv.writer(file, delimiter=";" if is_german else ",")
    writer.writerow([column.german if is_german else column.name for column in columns])
    text = _german if is_german else _plain

    def write(values: Values) -> None:
        writer.writerow([text(value, column) for column, value in values])

    return write


def _json(value: Any, column: Column) -> Any:
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    if isinstance(value, float):
        return round(value, column.digits if column.digits is not None else 3)
    return value


def _plain(value: Any, column: Column) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    return _number(value, column) if isinstance(value, int | float) else _safe(str(value))


def _german(value: Any, column: Column) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, int | float):
        return _number(value, column).replace(".", ",")
    return _safe(GERMAN.get(value, value) if column.name in TRANSLATED else str(value))


def _number(value: float, column: Column) -> str:
    return str(value) if column.digits is None else f"{value:.{column.digits}f}"


def _safe(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
