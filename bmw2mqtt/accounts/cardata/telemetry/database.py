"""Readings on disk: one SQLite file that stays whole however the process ends.

Failures are logged once and never raised: the readings are in memory too.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog

from bmw2mqtt.files import UnsuitableFile, open_plain

log = structlog.get_logger(__name__)

Row = tuple[str, str, str, str | None, str | None]
"""VIN, descriptor, value (JSON), unit, measured time (ISO 8601)."""

MAX_BYTES = 256 * 1024**2
"""A thousand cars that have reported everything need a sixth of it."""
MAX_VALUE_BYTES = 4 * 1024**2
"""No message of BMW's stream is as long."""
_BESIDE = ("-wal", "-shm", "-journal")
"""The files that SQLite keeps beside its own."""
_DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_TOOBIG,
}
"""Error codes of a damaged file, or of a table that is not ours."""
_CREATE = """
CREATE TABLE IF NOT EXISTS readings (
  vin TEXT NOT NULL, descriptor TEXT NOT NULL, value TEXT NOT NULL, unit TEXT, measured_at TEXT,
  PRIMARY KEY (vin, descriptor)
) WITHOUT ROWID
"""
_SELECT = "SELECT vin, descriptor, value, unit, measured_at FROM readings"
_SAVE = "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?)"


class ReadingDatabase:
    """The file of one account; used by one thread at a time, whichever it is."""

    def __init__(self, path: Path, *, has_locks: bool = True) -> None:
        """Prepare; where the file system cannot lock files, SQLite works without."""
        self._path = path
        self._has_locks = has_locks
        self._database: sqlite3.Connection | None = None
        self._is_failing = False

    def open(self) -> list[Row]:
        """Open the file and return all readings; a damaged one is renamed and logged."""
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            self.close()
            if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                self._log_failure(error)
                return self._read_only()
            self._rename_damaged(str(error))
        except UnsuitableFile as error:
            self._rename_damaged(str(error.strerror))
        except OSError as error:
            self._log_failure(error)
            return self._read_only()
        try:
            return self._open()
        except (sqlite3.Error, OSError) as error:
            self.close()
            self._log_failure(error)
            return []

    def save(self, rows: Iterable[Row]) -> bool:
        """Write rows, all or none; return whether they need not be written again."""
        if self._database is None:
            return True
        try:
            with self._database:  # commits, or rolls back
                self._database.executemany(_SAVE, rows)
        except sqlite3.Error as error:
            self._log_failure(error)
            return False
        self._is_failing = False
        return True

    def remove(self, vin: str) -> None:
        """Remove all rows of a car."""
        if self._database is None:
            return
        try:
            with self._database:
                self._database.execute("DELETE FROM readings WHERE vin = ?", (vin,))
        except sqlite3.Error as error:
            self._log_failure(error)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> list[Row]:
        self._check()
        no_lock = "" if self._has_locks else "?nolock=1"
        self._database = sqlite3.connect(
            f"{self._path.absolute().as_uri()}{no_lock}",
            uri=True,
            timeout=1,
            check_same_thread=False,
        )
        self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        self._database.execute(f"PRAGMA journal_mode = {'WAL' if self._has_locks else 'DELETE'}")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_CREATE)
        return list(_read(self._database))

    def _check(self) -> None:
        """Check that SQLite will find plain files only: it would wait for a FIFO for ever.

        Raises:
            UnsuitableFile: it is no plain file, or too large to be ours.
            OSError: it cannot be opened.
        """
        for suffix in _BESIDE:
            beside = self._path.with_name(self._path.name + suffix)
            try:
                os.close(open_plain(beside, os.O_RDONLY))
            except FileNotFoundError:
                continue
            except UnsuitableFile as error:
                aside = beside.with_name(f"{beside.name}.damaged")
                log.error(  # noqa: TRY400 - the reason is enough
                    "file_damaged", file=str(beside), reason=error.strerror, kept_as=str(aside)
                )
                beside.replace(aside)
        descriptor = open_plain(self._path, os.O_RDWR | os.O_CREAT)  # SQLite's own mode is 0644
        size = os.fstat(descriptor).st_size
        os.close(descriptor)
        if size > MAX_BYTES:
            raise UnsuitableFile(self._path, f"it is larger than {MAX_BYTES // 1024**2} MiB")

    def _read_only(self) -> list[Row]:
        """Read a file that cannot be written; the failure was logged before."""
        try:
            database = sqlite3.connect(f"{self._path.absolute().as_uri()}?immutable=1", uri=True)
        except sqlite3.Error:
            return []
        try:
            return list(_read(database))
        except sqlite3.Error:
            return []
        finally:
            database.close()

    def _rename_damaged(self, reason: str) -> None:
        aside = self._path.with_suffix(".damaged")
        log.error("file_damaged", file=str(self._path), reason=reason, kept_as=str(aside))
        try:
            self._path.replace(aside)
            for suffix in _BESIDE:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            log.error("damaged_file_kept", file=str(self._path), reason=str(error))  # noqa: TRY400

    def _log_failure(self, error: Exception) -> None:
        again = "" if self._database else ", then restart it"
        if not self._is_failing:
            self._is_failing = True
            log.error(
                "readings_not_saved",
                file=str(self._path),
                reason=str(error),
                remedy=f"free disk space, or allow bmw2mqtt to write there{again}",
                consequence="new readings are lost at a restart",
            )


def _read(database: sqlite3.Connection) -> Iterator[Row]:
    """Return all rows whose columns are of our types."""
    for row in database.execute(_SELECT):
        vin, descriptor, value, unit, measured_at = row
        if all(isinstance(text, str) for text in (vin, descriptor, value)) and all(
            text is None or isinstance(text, str) for text in (unit, measured_at)
        ):
            yield row
