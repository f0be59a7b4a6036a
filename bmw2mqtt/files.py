"""Open and read files without blocking: a FIFO, a device or a huge file must not stop the daemon.

Standard library only, because the health check uses it too.
"""

import errno
import os
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

LARGEST_DOCUMENT = 8 * 1024 * 1024
"""Bytes, far more than any file of ours or any configuration file has."""
PIPE_TIMEOUT_S = 10.0
"""Time within which a pipe named as a file must end."""


class UnsuitableFile(OSError):  # noqa: N818 - named for what it is
    """The path exists, but is not a regular file of a reasonable size."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(errno.EINVAL, why, str(path))


def open_plain(path: Path | str, flags: int, mode: int = 0o600) -> int:
    """Open a regular file of ours and return its descriptor; never block or follow a link.

    A file that root creates belongs to the owner of its folder: a command that somebody runs with
    `sudo` must not lock out the daemon, which runs as that owner.

    Raises:
        UnsuitableFile: a link, a FIFO, a device or a folder is in its place.
        OSError: it cannot be opened.
    """
    try:
        descriptor = _open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK} and Path(path).is_symlink():
            raise UnsuitableFile(path, "it is a link") from error
        if error.errno in {errno.ENXIO, errno.EISDIR} and Path(path).exists():
            raise UnsuitableFile(path, _kind(Path(path).stat().st_mode)) from error
        raise
    found = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(found):
        os.close(descriptor)
        raise UnsuitableFile(path, _kind(found))
    return descriptor


def _open(path: Path | str, flags: int, mode: int) -> int:
    if os.geteuid() != 0 or not flags & os.O_CREAT:
        return os.open(path, flags, mode)
    try:
        descriptor = os.open(path, flags | os.O_EXCL, mode)
    except FileExistsError:  # a file that was there keeps its owner: it may be a hard link
        return os.open(path, flags, mode)
    folder = Path(path).parent.stat()
    if folder.st_uid != 0:
        with suppress(OSError):  # a network share may not allow it
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def read_plain(path: Path | str, limit: int = LARGEST_DOCUMENT) -> bytes:
    """Return the content of a regular file of ours.

    Raises:
        UnsuitableFile: it is not a regular file, or larger than `limit` bytes.
        OSError: it cannot be read.
    """
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        content = file.read(limit + 1)
    return _within(content, path, limit)


def read_named(
    path: Path | str, limit: int = LARGEST_DOCUMENT, timeout_s: float = PIPE_TIMEOUT_S
) -> bytes:
    """Return the content of a file that a person named; it may be a link or a pipe.

    Raises:
        UnsuitableFile: it is larger than `limit` bytes, or a pipe that does not end in time.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        else:
            content = _drain(descriptor, path, limit, timeout_s)
    finally:
        os.close(descriptor)
    return _within(content, path, limit)


def check_named(path: Path | str, limit: int = LARGEST_DOCUMENT) -> None:
    """Check that a library can read this file without blocking.

    Raises:
        UnsuitableFile: it is not a regular file or a link to one, or larger than `limit` bytes.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnsuitableFile(path, _kind(found.st_mode))
    if found.st_size > limit:
        raise UnsuitableFile(path, _too_large(limit))


def _drain(descriptor: int, path: Path | str, limit: int, timeout_s: float) -> bytes:
    """Read a pipe to its end; its writer may open it a moment later."""
    content = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    end_s = time.monotonic() + timeout_s
    while len(content) <= limit:
        if not poll.poll(max(0.0, end_s - time.monotonic()) * 1000):
            raise UnsuitableFile(
                path, f"it is a pipe that sent nothing for {timeout_s:.0f} seconds"
            )
        part = os.read(descriptor, 65536)
        if not part:
            break
        content += part
    return content


def _within(content: bytes, path: Path | str, limit: int) -> bytes:
    if len(content) > limit:
        raise UnsuitableFile(path, _too_large(limit))
    return content


def _too_large(limit: int) -> str:
    return f"it is larger than {limit // 1024} KiB"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "it is a folder"
    if stat.S_ISFIFO(mode):
        return "it is a FIFO (named pipe)"
    if stat.S_ISSOCK(mode):
        return "it is a socket"
    return "it is a device"
