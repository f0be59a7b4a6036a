"""Files read and opened without waiting: a FIFO, a device or a huge file must not stop the bridge.

The standard library alone: the health check uses it too.
"""

import errno
import os
import select
import stat
import time
from pathlib import Path

LARGEST_DOCUMENT = 8 * 1024 * 1024
"""Bytes. No file of ours, and none that a person writes, is anywhere near as large."""
PATIENCE_S = 10.0
"""How long a pipe that somebody names as a file has time to say everything."""


class UnsuitableFile(OSError):  # noqa: N818 - named for what it is
    """There is something at the path, but no plain file of a sensible size."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(errno.EINVAL, why, str(path))


def open_plain(path: Path | str, flags: int, mode: int = 0o600) -> int:
    """Open a plain file of ours and return its descriptor; never waits, follows no link.

    Raises:
        UnsuitableFile: a link, a FIFO, a device or a folder is in its place.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
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


def read_plain(path: Path | str, limit: int = LARGEST_DOCUMENT) -> bytes:
    """Return the content of a plain file of ours.

    Raises:
        UnsuitableFile: it is no plain file, or larger than `limit` bytes.
        OSError: it cannot be read.
    """
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        content = file.read(limit + 1)
    return _within(content, path, limit)


def read_named(
    path: Path | str, limit: int = LARGEST_DOCUMENT, patience_s: float = PATIENCE_S
) -> bytes:
    """Return the content of a file that a person named; links and pipes are as good as files.

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
            content = _drain(descriptor, path, limit, patience_s)
    finally:
        os.close(descriptor)
    return _within(content, path, limit)


def check_named(path: Path | str, limit: int = LARGEST_DOCUMENT) -> None:
    """Make sure that a file which a library will read is one that it can read at once.

    Raises:
        UnsuitableFile: it is no file, behind whatever links, or larger than `limit` bytes.
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


def _drain(descriptor: int, path: Path | str, limit: int, patience_s: float) -> bytes:
    """Read a pipe to its end; its writer may come a moment later than we do."""
    content = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    end_s = time.monotonic() + patience_s
    while len(content) <= limit:
        if not poll.poll(max(0.0, end_s - time.monotonic()) * 1000):
            raise UnsuitableFile(path, f"nothing came out of it for {patience_s:.0f} seconds")
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
