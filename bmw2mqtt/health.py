"""A sign of life: a small file that the daemon touches and `bmw2mqtt healthcheck` reads.

Both sides use the standard library alone: a health check that runs every half a minute must not
cost more than the daemon.
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

IN_MEMORY = (Path("/dev/shm"), Path("/tmp"))  # noqa: S108 - named for data_dir, holds nothing
"""Where the sign of life is given while `data_dir` cannot be written."""


def _files(data_dir: Path) -> tuple[Path, ...]:
    """Where it may be, first choice first."""
    name = f"bmw2mqtt-health{str(data_dir.resolve()).replace(os.sep, '-')}.json"
    return (data_dir / "health.json", *(folder / name for folder in IN_MEMORY))


class Heartbeat:
    """The daemon's side."""

    def __init__(self, data_dir: Path) -> None:
        self._paths = _files(data_dir)
        self._written: tuple[Path, bool] | None = None

    def beat(self, *, is_connected: bool) -> OSError | None:
        """Say that the daemon lives, and whether it has its broker.

        A disk that is full or read-only is no reason to be killed: what could not be saved would
        be lost. Return why it could not be said in `data_dir`; `None`: it could.
        """
        trouble: OSError | None = None
        for path in self._paths:
            try:
                self._beat(path, is_connected=is_connected)
            except OSError as error:
                trouble = trouble or error
            else:
                break
        return trouble

    def _beat(self, path: Path, *, is_connected: bool) -> None:
        with os.fdopen(open_plain(path, os.O_WRONLY | os.O_CREAT), "w") as file:
            if self._written == (path, is_connected) and os.fstat(file.fileno()).st_size:
                os.utime(file.fileno())
                return
            file.truncate()
            json.dump({"mqtt_connected": is_connected}, file)
        self._written = path, is_connected

    def stop(self) -> None:
        """Say that the daemon has ended."""
        for path in self._paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def problem(data_dir: Path, *, needs_broker: bool = True) -> str | None:
    """Return what is wrong with the running daemon, `None` if it is healthy."""
    beats = []
    for path in _files(data_dir):
        with suppress(OSError, ValueError, RecursionError):
            status = json.loads(read_plain(path, LARGEST_BEAT))
            if isinstance(status, dict):
                beats.append((path.stat().st_mtime, status))
    if not beats:
        return f"no daemon uses {data_dir}"
    beat_at, status = max(beats, key=itemgetter(0))
    age_s = time.time() - beat_at
    if age_s > STALE_S:
        return f"the daemon has given no sign of life for {age_s:.0f} s"
    if needs_broker and not status.get("mqtt_connected"):
        return "the daemon is not connected to the MQTT broker"
    return None
