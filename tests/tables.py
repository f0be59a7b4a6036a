"""Checks every row of a table in one test, and names the rows that fail."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

RowT = TypeVar("RowT")
SHOWN_FAILURES = 20


def check_rows(
    rows: Iterable[RowT], check: Callable[[RowT], Any], name: Callable[[RowT], str]
) -> None:
    """Call `check` with each row; fail with the names of all rows for which it raised.

    Args:
        rows: the table; it must not be empty.
        check: raises for a row that is wrong.
        name: names a row.
    """
    failures: list[str] = []
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - counted
        try:
            check(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this row
            failures.append(f"{name(row)}: {type(error).__name__}: {error}")
    assert count, "the table is empty"
    shown = "\n\n".join(failures[:SHOWN_FAILURES])
    assert not failures, f"{len(failures)} of {count} rows are wrong:\n{shown}"
