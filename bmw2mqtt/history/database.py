"""`history.db`: opens, migrates and repairs the file, and writes records.

Every method belongs to the one thread that has opened it. Several readers may read at the same
time (`open_for_reading`).
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog

from bmw2mqtt.history.errors import HistoryError, HistoryTooNew
from bmw2mqtt.history.records import Record
from bmw2mqtt.history.schema import MIGRATIONS
from bmw2mqtt.history.tables import save

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_S: Final = 15
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class HistoryDatabase:
    """The file."""

    def __init__(
        self,
        path: Path,
        *,
        migrations: tuple[str, ...] = MIGRATIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._migrations = migrations
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The open file.

        Raises:
            HistoryError: It is not open.
        """
        if self._connection is None:
            raise HistoryError(f"{self.path} is not open")
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether the file can be used."""
        return self._connection is not None

    def open(self, *, sets_aside: bool = True) -> None:
        """Open or make the file; a damaged one is set aside, an older one copied and migrated.

        Raises:
            HistoryTooNew: A newer version wrote it; it is left as it is.
            HistoryError: The folder or the file cannot be used.
        """
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self.close()
            if not (sets_aside and is_damage(error)):
                raise self._error(error) from error
            self.set_aside(str(error))
            self.open(sets_aside=False)

    def write(self, records: Iterable[Record]) -> None:
        """Write records, all or none.

        A record that cannot be written is logged and left out: it must not stop the others.

        Raises:
            HistoryError: The file cannot be written now; the records are to be kept.
        """
        connection = self.connection
        now = int(self._clock())
        with self._replaced_if_damaged(), transaction(connection):
            for record in records:
                _save(connection, record, now)

    def checkpoint(self) -> None:
        """Bring everything written so far to the disk: the only place that waits for it.

        Raises:
            HistoryError: The disk is full, or the file is damaged.
        """
        with self._replaced_if_damaged():
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close the file; what was written is on the disk afterwards."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def set_aside(self, reason: str) -> None:
        """Rename a damaged file, so that a new one can be begun and the old one rescued.

        Raises:
            HistoryError: It cannot be renamed.
        """
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._clock()))
        aside = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{self.path.suffix}")
        try:
            for suffix in ("", "-wal", "-shm"):
                part = self.path.with_name(self.path.name + suffix)
                if part.exists():
                    part.replace(aside.with_name(aside.name + suffix))
        except OSError as error:
            raise self._error(error) from error
        log.error("history_damaged", file=str(self.path), reason=reason, kept_as=str(aside))

    def _open(self) -> None:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own mode is 0644
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._connection = connection
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(self._migrations):
            self.close()
            raise HistoryTooNew(
                f"{self.path} was written by a newer bmw2mqtt (schema {version}, this version knows"
                f" {len(self._migrations)}): install that version again, or move the file away to"
                " begin a new history"
            )
        for problem in connection.execute("PRAGMA quick_check(1)"):
            if problem[0] != "ok":
                raise _damage(problem[0])
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise _damage("it has tables of another program")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        self._migrate(connection, version)

    @contextlib.contextmanager
    def _replaced_if_damaged(self) -> Iterator[None]:
        """Begin a new file if an error of SQLite shows that this one is damaged; raise ours."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self.close()
                self.set_aside(str(error))
                self.open(sets_aside=False)
            raise self._error(error) from error

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        wanted = len(self._migrations)
        if version == wanted:
            return
        if version:
            copy = self.path.with_name(f"{self.path.stem}.schema-{version}{self.path.suffix}")
            copy.unlink(missing_ok=True)
            _copy(connection, copy)
            log.info("history_migrated", file=str(self.path), schema=wanted, copy=str(copy))
        with transaction(connection):
            for migration in self._migrations[version:]:
                for statement in migration.split(";"):
                    if statement.strip():
                        connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {wanted}")

    def _error(self, error: Exception) -> HistoryError:
        return HistoryError(f"{self.path}: {error}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or roll it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it
            connection.execute("ROLLBACK")
        raise


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file beside the running writer.

    Raises:
        HistoryError: There is none, or a newer version wrote it.
    """
    try:
        is_there = path.exists()
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror}") from error
    except sqlite3.Error as error:
        reason = error if is_there else "no such file yet; bmw2mqtt run records it"
        raise HistoryError(f"{path}: {reason}") from error
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        connection.close()
        raise HistoryError(f"{path}: {error}") from error
    if version > len(MIGRATIONS):
        connection.close()
        raise HistoryTooNew(f"{path} was written by a newer bmw2mqtt (schema {version})")
    return connection


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole database to a new file.

    Raises:
        HistoryError: The target exists or cannot be written.
    """
    try:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection.execute("VACUUM INTO ?", (str(target),))
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise HistoryError(f"{target}: {error}") from error


def _save(connection: sqlite3.Connection, record: Record, now: int) -> None:
    connection.execute("SAVEPOINT record")
    try:
        save(connection, record, now)
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, OverflowError) as error:
        connection.execute("ROLLBACK TO record")
        log.exception("history_record_refused", kind=type(record).__name__, reason=str(error))
    connection.execute("RELEASE record")


def is_damage(error: Exception) -> bool:
    """Whether the file is broken, not just busy, full or read-only."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED


def _damage(reason: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
