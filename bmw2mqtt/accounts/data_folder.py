"""The folder `data_dir`: create it, lock it, and explain what is wrong with it."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

import structlog

from bmw2mqtt.files import UnsuitableFile, open_plain
from bmw2mqtt.vehicle.errors import ConfigError, StoreInUse

log = structlog.get_logger(__name__)

_NO_ROOM = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO, errno.EINVAL}
"""What network file systems (NFS, CIFS) without locks answer."""


class FolderLock:
    """The lock on a folder; `is_real` is false where the file system has no locks."""

    def __init__(self, descriptor: int, *, is_real: bool) -> None:
        self._descriptor = descriptor
        self.is_real = is_real

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def lock_folder(directory: Path) -> FolderLock:
    """Create a folder and lock it: two processes would spoil each other's tokens.

    Raises:
        ConfigError: the folder cannot be used; `StoreInUse`: another process uses it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _open_lock(directory)
    except OSError as error:
        raise ConfigError([f"data_dir: {explain(error, directory)}"]) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            log.warning(
                "data_dir_has_no_locks",
                directory=str(directory),
                reason=error.strerror,
                remedy="make sure that no second bmw2mqtt uses this folder",
            )
            return FolderLock(descriptor, is_real=False)
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            used = f"another bmw2mqtt uses {directory}; stop it or choose another folder"
            raise StoreInUse([f"data_dir: {used}"]) from error
        raise ConfigError([f"data_dir: {explain(error, directory)}"]) from error
    return FolderLock(descriptor, is_real=True)


def is_in_use(directory: Path) -> bool:
    """Return whether a running bmw2mqtt uses this folder; creates and changes nothing."""
    try:
        descriptor = open_plain(directory / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def folder_problem(directory: Path) -> str | None:
    """Return why a folder cannot be used, with the remedy; creates and changes nothing."""
    nearest = directory
    while not _target_exists(nearest) and not nearest.is_symlink() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return _obstacle(directory)
    if os.access(nearest, os.W_OK | os.X_OK):
        return None
    return explain(OSError(_write_error(nearest), ""), directory)


def _write_error(directory: Path) -> int:
    with contextlib.suppress(OSError):
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return errno.EROFS
    return errno.EACCES


def _open_lock(directory: Path) -> int:
    """Open the file to lock, for reading only where the folder cannot be written."""
    path = directory / "lock"
    try:
        return open_plain(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        if error.errno not in _NO_ROOM or not path.is_file():
            raise
        log.error(  # noqa: TRY400 - the reason says it all
            "data_dir_not_writable",
            directory=str(directory),
            reason=error.strerror,
            remedy="fix it soon: new tokens are kept in memory only, a restart needs a login",
        )
        return open_plain(path, os.O_RDONLY)


def explain(error: OSError, directory: Path) -> str:
    """Return one sentence: what is wrong with a folder and what to do about it."""
    if isinstance(error, UnsuitableFile):
        return f"{error.filename} cannot be used: {error.strerror}; remove it"
    if error.errno in _CAUSES:
        return f"{directory} {_CAUSES[error.errno].format(user=os.geteuid())}"
    if error.errno in {errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ELOOP}:
        return _obstacle(directory)
    return (
        f"{directory} cannot be used ({error.strerror}); check the disk, or choose another folder"
    )


_FORBIDDEN = (
    "cannot be written: bmw2mqtt runs as user {user}, who has no permission; make that user"
    " the owner of the folder (chown {user}), or choose another folder"
)
_CAUSES = {
    errno.EROFS: "cannot be written: its file system is read-only; mount it writable, or choose"
    " another folder",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOSPC: "cannot be written: no space is left on its disk; make room",
    errno.EDQUOT: "cannot be written: the disk quota of its user is used up; make room",
    errno.ENAMETOOLONG: "cannot be created: the name is too long; choose a shorter one",
}


def _obstacle(directory: Path) -> str:
    """Return the part of the path that is not a usable folder."""
    for part in reversed([directory, *directory.parents]):
        if part.is_symlink() and not _target_exists(part):
            target = os.readlink(part)  # noqa: PTH115 - as it is written, for a person
            return (
                f"{directory} cannot be used: {part} is a link to {target}, which does not exist;"
                " create that folder or correct the link"
            )
        if _target_exists(part) and not part.is_dir():
            return (
                f"{directory} cannot be used: {part} is a file, not a folder; choose another folder"
            )
    return f"{directory} cannot be created; create the folder yourself, or choose another"


def _target_exists(path: Path) -> bool:
    with contextlib.suppress(OSError):
        path.stat()
        return True
    return False
