"""The heartbeat: a small file that the daemon touches and `bmw2mqtt healthcheck` reads.

Both sides use the standard library only: a health check runs every half minute and must be cheap.
"""

import json
import os
import time
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

from bmw2mqtt.files import open_plain, read_plain

BEAT_S = 20
STALE_S = 3 * BEAT_S
LARGEST_BEAT = 1024
LENGTH = 32
"""Bytes of the heartbeat file, whatever its content."""

IN_MEMORY = (Path("/dev/shm"), Path("/tmp"))  # noqa: S108 - named for data_dir, holds nothing
"""Where the heartbeat file is written while `data_dir` is not writable."""


def _files(data_dir: Path) -> tuple[Path, ...]:
    """Return the possible paths of the heartbeat file, the preferred one first."""
    name = f"bmw2mqtt-health{str(data_dir.resolve()).replace(os.sep, '-')}.json"
    return (data_dir / "health.json", *(folder / name for folder in IN_MEMORY))


class Heartbeat:
    """Writes the heartbeat file."""

    def __init__(self, data_dir: Path) -> None:
        self._paths = _files(data_dir)
        self._written: tuple[Path, dict[str, bool]] | None = None

    def beat(self, *, is_connected: bool, is_waiting: bool = False) -> OSError | None:
        """Record that the daemon is alive, and whether it is connected to the broker.

        While it is waiting for the setup in the browser, it is not connected and yet healthy.

        A full or read-only disk must not get the daemon killed, because data that is not saved yet
        would be lost; the file is then written elsewhere. Return the error of writing to
        `data_dir`, `None` if there was none.
        """
        first_error: OSError | None = None
        status = {"setup": True} if is_waiting else {"mqtt_connected": is_connected}
        for path in self._paths:
            try:
                self._beat(path, status)
            except OSError as error:
                first_error = first_error or error
            else:
                break
        return first_error

    def _beat(self, path: Path, status: dict[str, bool]) -> None:
        with os.fdopen(open_plain(path, os.O_WRONLY | os.O_CREAT), "wb", buffering=0) as file:
            if self._written == (path, status) and os.fstat(file.fileno()).st_size:
                os.utime(file.fileno())
                return
            # One write of a fixed length: a health check never reads half of it.
            content = json.dumps(status).encode().ljust(LENGTH)
            file.write(content)
            file.truncate(len(content))
        self._written = path, status

    def stop(self) -> None:
        """Delete the heartbeat file, because the daemon ends."""
        for path in self._paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def problem(data_dir: Path, *, needs_broker: bool = True) -> str | None:
    """Return why the daemon is not healthy, `None` if it is."""
    newest = _newest(data_dir)
    if newest is None:
        return f"bmw2mqtt is not running (data_dir: {data_dir})"
    beat_at, status = newest
    age_s = time.time() - beat_at
    if age_s > STALE_S:
        return f"bmw2mqtt has not responded for {age_s:.0f} s"
    if needs_broker and not status.get("setup") and not status.get("mqtt_connected"):
        return "bmw2mqtt is not connected to the MQTT broker"
    return None


def is_waiting_for_setup(data_dir: Path) -> bool:
    """Return whether the daemon has no account yet."""
    newest = _newest(data_dir)
    return newest is not None and bool(newest[1].get("setup"))


def _newest(data_dir: Path) -> tuple[float, dict[str, object]] | None:
    """Return when the newest heartbeat was written, and what is in it."""
    beats: list[tuple[float, dict[str, object]]] = []
    for path in _files(data_dir):
        with suppress(OSError, ValueError, RecursionError):
            status = json.loads(read_plain(path, LARGEST_BEAT))
            if isinstance(status, dict):
                beats.append((path.stat().st_mtime, status))
    return max(beats, key=itemgetter(0)) if beats else None
