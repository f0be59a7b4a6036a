"""Everything that people or other programs can see of a daemon, searched for what must not be seen.

A new place (a page, metrics) is one more entry of `PLACES`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.daemon import Daemon
from tests.mosquitto import Observer

LOGIN_TOPIC = "/login/set"
"""Where people put a secret themselves; it is not said by the bridge."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A running or ended daemon, and where it can be looked at."""

    daemon: Daemon
    observer: Observer
    data_dir: Path
    settings: Mapping[str, Any]


def _log(seen: Seen) -> str:
    return seen.daemon.log_file.read_text()


def _topics(seen: Seen) -> str:
    messages = [m for m in tuple(seen.observer.messages) if not m.topic.endswith(LOGIN_TOPIC)]
    return "\n".join(f"{m.topic} {m.payload!r} {m.correlation_data!r}" for m in messages)


def _files(seen: Seen) -> str:
    files = [path for path in seen.data_dir.rglob("*") if path.is_file()]
    others = [path for path in files if not path.name.startswith(("tokens-", ".tokens-"))]
    return "\n".join(f"{path} {path.read_bytes()!r}" for path in others)


def _processes(seen: Seen) -> str:
    """Return what `ps` shows of the daemon and its children: command line and environment."""
    process = Path("/proc") / str(seen.daemon.pid)
    if not (process / "task").exists():
        return ""
    children = (process / "task" / str(seen.daemon.pid) / "children").read_text().split()
    shown = [process, *(Path("/proc") / child for child in children)]
    return "\n".join(
        repr((path / name).read_bytes()) for path in shown for name in ("cmdline", "environ")
    )


PLACES: dict[str, Callable[[Seen], str]] = {
    "log": _log,
    "topics": _topics,
    "files": _files,
    "processes": _processes,
}


def everything_said(seen: Seen) -> dict[str, str]:
    """Return what there is to see, by place."""
    return {name: look(seen) for name, look in PLACES.items()}


def secrets_of(bmw: MyBmwSimulator) -> Iterator[tuple[str, str]]:
    """Return what BMW and the bridge have told each other in confidence, each with its name."""
    for user in bmw.accounts.users:
        yield "password", user.password
        yield "gcid", user.gcid
    yield from (("token", token) for token in bmw.accounts.issued)
    for request in tuple(bmw.requests):
        for header in ("bmw-session-id", "hcaptchatoken"):
            if value := request.headers.get(header):
                yield header, value


def leaks(said: Mapping[str, str], secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return which secrets (by their values, with names) are seen, and where."""
    return [
        (place, name)
        for place, text in said.items()
        for secret, name in secrets.items()
        if secret in text
    ]
