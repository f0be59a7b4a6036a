"""Reads the history beside the writer: for the page, exports and copies. It waits for the disk."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from bmw2mqtt.history.database import backup, open_for_reading
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.queries import HistoryReader

T = TypeVar("T")


def read(path: Path, function: Callable[[HistoryReader], T]) -> T:
    """Return what a function reads.

    The file is opened anew each time: it may have been set aside or restored since.

    Raises:
        HistoryError: There is no history, or it cannot be read.
    """
    with closing(open_for_reading(path)) as connection:
        try:
            return function(HistoryReader(connection))
        except sqlite3.Error as error:
            raise HistoryError(f"{path}: {error}") from error


def copy(path: Path, target: Path) -> None:
    """Copy the whole history to a new file while the bridge writes.

    Raises:
        HistoryError: There is no history, or the target exists or cannot be written.
    """
    with closing(open_for_reading(path)) as connection:
        backup(connection, target)
