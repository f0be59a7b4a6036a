"""Files in `data_dir`: what has to survive a restart.

A file is written beside its place, synced, and renamed, so that it is either the old one or the new
one. Only the bridge's own user can read it. Only plain files of a sensible size are read; whatever
else is in a file's place is set aside.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import structlog

from bmw2mqtt.accounts.background_writer import BackgroundWriter
from bmw2mqtt.accounts.data_folder import FolderLock, lock_folder
from bmw2mqtt.accounts.json_document import decode, encode
from bmw2mqtt.files import UnsuitableFile, open_plain, read_plain
from bmw2mqtt.vehicle.errors import StoreError

Done = Callable[[StoreError | None], None]

log = structlog.get_logger(__name__)


class Store:
    """A folder of small JSON documents and pictures.

    `save` blocks until the disk has it: for the terminal, and for threads. In the event loop
    `save_later` and `write_later` leave the disk to a thread; `save_now` waits for the thread.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.writer = BackgroundWriter()
        self._lock: FolderLock | None = None
        self._unwritten: dict[str, bytes | None] = {}
        """The newest content of files that are to be written; `None`: they are to be removed."""
        self._callbacks: dict[str, list[Done]] = {}
        """What to call when they are."""
        self._submitted: set[str] = set()
        """Files that the thread is about to write."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """Files whose next write has to wait, see `save_later`."""
        self._written_s: dict[str, float] = {}
        """When files were written last, by the event loop's clock."""
        self._queue = Lock()
        self._disk = Lock()

    def open(self) -> None:
        """Make the folder and lock it: two processes would spoil each other's tokens.

        Raises:
            ConfigError: the folder cannot be used; `StoreInUse`: another process uses it.
        """
        self._lock = lock_folder(self.directory)

    @property
    def has_locks(self) -> bool:
        """Whether the file system can lock files; network file systems may not."""
        return self._lock is None or self._lock.is_real

    async def flushed(self) -> None:
        """Wait until everything left to the thread so far is written, or has failed to be."""
        self.submit_delayed()
        await self.writer.flushed()

    def submit_delayed(self) -> None:
        """Let the thread write now what `save_later` would write in a moment."""
        for name in list(self._timers):
            self._submit(name)

    def close(self) -> None:
        """Release the folder."""
        self.submit_delayed()
        self.writer.close()
        if self._lock is not None:
            self._lock.release()

    # Reading

    def load(self, name: str) -> dict[str, Any]:
        """Read a document; `{}` if there is none. A damaged one is renamed and logged."""
        path = self.directory / f"{name}.json"
        try:
            return decode(self._read(path))
        except FileNotFoundError:
            return {}
        except (UnsuitableFile, ValueError) as error:
            self._set_aside(path, error)
        except OSError as error:
            log.error(  # noqa: TRY400 - the reason says it all
                "file_not_read",
                file=str(path),
                reason=error.strerror,
                remedy="let bmw2mqtt read it; until then it runs without it",
            )
        return {}

    def load_draft(self, name: str) -> dict[str, Any]:
        """Read what was being saved when the process was killed; `{}` if there is nothing whole."""
        try:
            return decode(read_plain(_draft(self.directory / f"{name}.json")))
        except (OSError, ValueError):
            return {}

    def adopt_draft(self, name: str) -> None:
        """Finish what a killed process began: rename its draft to the document's name.

        Raises:
            StoreError: the folder cannot be written.
        """
        path = self.directory / f"{name}.json"
        try:
            _draft(path).replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    def read(self, name: str) -> bytes | None:
        """Read any file; `None` if there is none. What is no plain file is renamed and logged."""
        path = self.directory / name
        try:
            return self._read(path)
        except UnsuitableFile as error:
            self._set_aside(path, error)
        except FileNotFoundError:
            pass
        except OSError as error:
            log.debug("file_not_read", file=str(path), reason=error.strerror)
        return None

    def _read(self, path: Path) -> bytes:
        name = str(path.relative_to(self.directory))
        with self._queue:
            is_queued, unwritten = name in self._unwritten, self._unwritten.get(name)
        if unwritten is not None:
            return unwritten
        if is_queued:
            raise FileNotFoundError(path)
        self._clear_folder(path)
        return read_plain(path)

    def _clear_folder(self, path: Path) -> None:
        """Set aside a link that is in the place of a folder: it leads out of `data_dir`."""
        folder = path.parent
        if folder != self.directory and folder.is_symlink():
            self._set_aside(folder, UnsuitableFile(folder, "it is a link"))

    @staticmethod
    def _set_aside(path: Path, error: OSError | ValueError) -> None:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        aside = path.with_suffix(".damaged")
        log.error("file_damaged", file=str(path), reason=reason, kept_as=str(aside))
        try:
            path.replace(aside)
        except OSError as failure:
            log.error("file_not_set_aside", file=str(path), reason=str(failure))  # noqa: TRY400

    # Writing

    def save(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document and wait for the disk.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        file, content = f"{name}.json", self._encoded(name, document)
        with self._disk:
            with self._queue:
                self._unwritten.pop(file, None)  # it is older
            self._write(file, content)

    def save_later(
        self, name: str, document: Mapping[str, Any], done: Done, *, every_s: float = 0
    ) -> None:
        """Leave a document to the thread; of several in a row only the newest is written.

        Args:
            name: the document's name.
            document: its content; it may be changed afterwards.
            done: called with `None` once it is on disk, with the error if it cannot be written.
            every_s: the shortest time between two writes, for what a crash may cost.
        """
        try:
            content = self._encoded(name, document)
        except StoreError as error:
            done(error)
        else:
            self.write_later(f"{name}.json", content, done, every_s=every_s)

    def write_later(
        self, name: str, content: bytes | None, done: Done, *, every_s: float = 0
    ) -> None:
        """Leave any file to the thread, like `save_later`; without content it is removed."""
        with self._queue:
            self._unwritten[name] = content
            self._callbacks.setdefault(name, []).append(done)
        wait_s = self._wait_s(name, every_s)
        if wait_s <= 0:
            self._submit(name)
        elif name not in self._timers and name not in self._submitted:
            loop = asyncio.get_running_loop()
            self._timers[name] = loop.call_later(wait_s, self._submit, name)

    def _wait_s(self, name: str, every_s: float) -> float:
        """Return how long a write has to wait; never where no event loop runs."""
        written_s = self._written_s.get(name)
        if not every_s or written_s is None:
            return 0
        try:
            return written_s + every_s - asyncio.get_running_loop().time()
        except RuntimeError:
            return 0

    def _submit(self, name: str) -> None:
        """Let the thread write a file, unless it is about to do so anyway."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        with contextlib.suppress(RuntimeError):
            self._written_s[name] = asyncio.get_running_loop().time()
        if name not in self._submitted:
            self._submitted.add(name)
            self.writer.submit(lambda: self._write_newest(name), _call_back)

    async def save_now(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a document; it is on disk when this returns, also if the caller is cancelled.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        result: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()

        def done(error: StoreError | None) -> None:
            if not result.done():
                result.set_result(error)

        self.save_later(name, document, done)
        if error := await result:
            raise error

    def _write_newest(self, name: str) -> tuple[list[Done], StoreError | None]:
        """Write what was left to the thread; return the callbacks and what went wrong."""
        error = None
        with self._disk:
            with self._queue:
                self._submitted.discard(name)
                is_queued, content = name in self._unwritten, self._unwritten.get(name)
                callbacks = self._callbacks.pop(name, [])
            try:
                if content is not None:
                    self._write(name, content)
                elif is_queued:
                    self._remove(name)
            except StoreError as caught:
                error = caught
            with self._queue:
                if name not in self._callbacks:
                    self._unwritten.pop(name, None)
        return callbacks, error

    def _write(self, name: str, content: bytes) -> None:
        path = self.directory / name
        draft = _draft(path)
        try:
            self._clear_folder(path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(_open_draft(draft), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    def _remove(self, name: str) -> None:
        path = self.directory / name
        try:
            self._clear_folder(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from error

    def _encoded(self, name: str, document: Mapping[str, Any]) -> bytes:
        try:
            return encode(document)
        except ValueError as error:
            path = self.directory / f"{name}.json"
            raise StoreError(f"{path} cannot be written: {error}") from error


def _call_back(outcome: tuple[list[Done], StoreError | None]) -> None:
    callbacks, error = outcome
    for done in callbacks:
        done(error)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _open_draft(draft: Path) -> int:
    """Open a draft; remove whatever else is in its place."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return open_plain(draft, flags)
    except UnsuitableFile:
        if draft.is_dir() and not draft.is_symlink():
            raise
        draft.unlink()
        return open_plain(draft, flags | os.O_EXCL)


def _sync_folder(folder: Path) -> None:
    """Make a renaming survive a power cut; not every file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
