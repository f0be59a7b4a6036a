"""A sign of life: a small file that the daemon touches and `bmw2mqtt healthcheck` reads.

Both sides use the standard library alone: a health check that runs every half a minute must not
cost more than the daemon.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

BEAT_S = 20
STALE_S = 3 * BEAT_S


def _file(data_dir: Path) -> Path:
    return data_dir / "health.json"


class Heartbeat:
    """The daemon's side."""

    def __init__(self, data_dir: Path) -> None:
        self._path = _file(data_dir)
        self._written: bool | None = None

    def beat(self, *, is_connected: bool) -> None:
        """Say that the daemon lives, and whether it has its broker.

        Raises:
            OSError: the file cannot be written.
        """
        if is_connected is self._written and self._path.exists():
            os.utime(self._path)
            return
        self._path.write_text(json.dumps({"mqtt_connected": is_connected}))
        self._written = is_connected

    def stop(self) -> None:
        """Say that the daemon has ended."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def problem(data_dir: Path, *, needs_broker: bool = True) -> str | None:
    """Return what is wrong with the running daemon, `None` if it is healthy."""
    path = _file(data_dir)
    try:
        age_s = time.time() - path.stat().st_mtime
        status = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return f"no daemon uses {data_dir}"
    if age_s > STALE_S:
        return f"the daemon has given no sign of life for {age_s:.0f} s"
    if needs_broker and not status.get("mqtt_connected"):
        return "the daemon is not connected to the MQTT broker"
    return None
