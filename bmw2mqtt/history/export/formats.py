"""Writes an export: CSV with commas and dots, CSV for a German Excel, JSON lines."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final, TextIO

from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import (
    CHARGES,
    CHARGES_POSITION,
    GERMAN,
    READINGS,
    SCHEMA,
    TRANSLATED,
    TRIPS,
    TRIPS_POSITION,
    Column,
    Options,
    Sum,
)
from bmw2mqtt.history.queries import EVERYTHING, HistoryReader, Period
from bmw2mqtt.history.statistics import period_sums

KINDS: Final = ("charges", "trips", "readings")
FORMATS: Final = ("csv", "json")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the begin of a formula."""
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it Excel reads UTF-8 as something else."""


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

    Args:
        reader: Of the history.
        kind: One of `KINDS`.
        file: Opened as text, UTF-8, `newline=""`.
        period: Which car and time.
        form: One of `FORMATS`.
        locale: `de`: CSV as a German Excel expects it; else with commas and dots.
        options: Names of cars, zone, currency.

    Returns:
        How many rows were written.

    Raises:
        HistoryError: There is no such kind or format.
    """
    if kind not in KINDS or form not in FORMATS:
        raise HistoryError(f"cannot export {kind} as {form}")
    options = options or Options()
    columns = _columns(kind, options)
    rows = _rows(reader, kind, period, options)
    if form == "json":
        return _write_json(file, kind, columns, rows, options)
    if locale == "de":
        return _write_german(file, columns, rows, options)
    return _write_csv(file, columns, rows, options)


def _columns(kind: str, options: Options) -> tuple[Column, ...]:
    if kind == "readings":
        return READINGS
    columns = CHARGES if kind == "charges" else TRIPS
    positions = CHARGES_POSITION if kind == "charges" else TRIPS_POSITION
    return (*columns, *positions) if options.has_positions else columns


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


def _write_json(
    file: TextIO, kind: str, columns: Iterable[Column], rows: Iterable[Any], options: Options
) -> int:
    count = 0
    for row in rows:
        line: dict[str, Any] = {"schema": SCHEMA, "record": kind.removesuffix("s")}
        line |= {column.name: _json(column.value(row, options), column) for column in columns}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        count += 1
    return count


def _json(value: Any, column: Column) -> Any:
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    if isinstance(value, float):
        return round(value, column.digits if column.digits is not None else 3)
    return value


def _write_csv(
    file: TextIO, columns: Iterable[Column], rows: Iterable[Any], options: Options
) -> int:
    writer = csv.writer(file)
    writer.writerow([column.name for column in columns])
    return _write_rows(writer.writerow, columns, rows, options, _plain)


def _write_german(
    file: TextIO, columns: Iterable[Column], rows: Iterable[Any], options: Options
) -> int:
    file.write(_BYTE_ORDER_MARK)
    writer = csv.writer(file, delimiter=";")
    writer.writerow([column.german for column in columns])
    return _write_rows(writer.writerow, columns, rows, options, _german)


def _write_rows(
    write: Callable[[list[str]], Any],
    columns: Iterable[Column],
    rows: Iterable[Any],
    options: Options,
    text: Callable[[Any, Column], str],
) -> int:
    count = 0
    for row in rows:
        write([text(column.value(row, options), column) for column in columns])
        count += 1
    return count


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
