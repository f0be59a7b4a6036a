"""Files in `data_dir`: what has to survive a restart.

A file is written beside its place, synced, and renamed, so that it is either the old one or the new
one. Only the bridge's own user can read it.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import structlog

from bmw2mqtt.vehicle.errors import ConfigError, StoreError, StoreInUse

_NO_ROOM = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}

log = structlog.get_logger(__name__)


class Store:
    """A folder of small JSON documents and pictures."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Make the folder and take its lock: two bridges would spoil each other's tokens.

        Raises:
            ConfigError: the folder cannot be used; `StoreInUse`: another bridge uses it.
        """
        lock: IO[bytes] | None = None
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._open_lock()
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if lock is not None:
                lock.close()
            if isinstance(error, BlockingIOError):
                used = f"another bmw2mqtt uses {self.directory}; stop it or choose another"
                raise StoreInUse([f"data_dir: {used}"]) from error
            problem = (
                f"{self.directory} cannot be written ({error.strerror}); choose another folder, or"
                f" let it belong to the user the bridge runs as: chown {os.geteuid()}"
            )
            raise ConfigError([f"data_dir: {problem}"]) from error
        self._lock = lock

    def _open_lock(self) -> IO[bytes]:
        """Open the file to lock; a folder that cannot be written is still good for reading."""
        path = self.directory / "lock"
        try:
            return path.open("wb")
        except OSError as error:
            if error.errno not in _NO_ROOM or not path.exists():
                raise
            log.error(  # noqa: TRY400 - the reason says it all
                "data_dir_not_writable",
                directory=str(self.directory),
                reason=error.strerror,
                remedy="fix it soon: new tokens are kept in memory only, a restart needs a login",
            )
            return path.open("rb")

    def close(self) -> None:
        """Give the folder free."""
        if self._lock is not None:
            self._lock.close()

    def load(self, name: str) -> dict[str, Any]:
        """Read a document; `{}` if there is none. A damaged one is set aside and named."""
        path = self.directory / f"{name}.json"
        try:
            return dict(json.loads(path.read_bytes()).items())
        except FileNotFoundError:
            return {}
        except OSError as error:
            log.error(  # noqa: TRY400 - the reason says it all
                "file_not_read",
                file=str(path),
                reason=error.strerror,
                remedy="let the bridge read it; until then it goes on without",
            )
            return {}
        except (ValueError, AttributeError) as error:
            aside = path.with_suffix(".damaged")
            log.error("file_damaged", file=str(path), reason=str(error), kept_as=str(aside))  # noqa: TRY400
            self._set_aside(path, aside)
            return {}

    def load_draft(self, name: str) -> dict[str, Any]:
        """Read what was being saved when the process was killed; `{}` if there is nothing whole."""
        try:
            return dict(json.loads(_draft(self.directory / f"{name}.json").read_bytes()).items())
        except (OSError, ValueError, AttributeError):
            return {}

    def save(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        self.write(f"{name}.json", json.dumps(document).encode())

    def read(self, name: str) -> bytes | None:
        """Read any file; `None` if there is none."""
        try:
            return (self.directory / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write any file.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        path = self.directory / name
        draft = _draft(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    @staticmethod
    def _set_aside(path: Path, aside: Path) -> None:
        try:
            path.replace(aside)
        except OSError as error:
            log.error("file_not_set_aside", file=str(path), reason=str(error))  # noqa: TRY400


def is_in_use(directory: Path) -> bool:
    """Return whether a running bridge uses this folder; nothing is created or changed."""
    try:
        with (directory / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _sync_folder(folder: Path) -> None:
    """Let a renaming survive a power cut; not every file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
