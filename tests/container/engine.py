"""A Docker engine as the tests use it; `$DOCKER` is its client, `docker` if not set."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

COMMAND = shlex.split(os.environ.get("DOCKER", "docker"))
IMAGE = "bmw2mqtt:test"
BASE_IMAGE = os.environ.get("BASE_IMAGE", "python:3.13-slim")
ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 600
LINE = re.compile(r"(?:[\d-]{10} [\d:]{8} \[(?P<level>\w+) *\] )?(?P<message>.*)")
"""A line of the log; errors in the configuration are lines without time and level."""


def docker(
    *arguments: str | Path, is_checked: bool = True, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the client; what it printed is in the result."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        input=text,
        timeout=TIMEOUT_S,
        cwd=ROOT,
    )
    assert done.returncode == 0 or not is_checked, f"{arguments}: {done.stdout}{done.stderr}"
    return done


def is_there() -> bool:
    """Whether an engine answers."""
    try:
        return docker("version", is_checked=False).returncode == 0
    except OSError:
        return False


def inspect(container: str) -> dict[str, Any]:
    """What the engine knows about a container."""
    found: dict[str, Any] = json.loads(docker("inspect", container).stdout)[0]
    return found


def state(container: str) -> dict[str, Any]:
    """How it is, or how it ended."""
    found: dict[str, Any] = inspect(container)["State"]
    return found


def logs(container: str) -> list[dict[str, Any]]:
    """Return the lines that the bridge in it logged, and those of errors in its configuration."""
    said = docker("logs", container)
    found = map(LINE.fullmatch, (said.stdout + said.stderr).splitlines())
    return [{"level": line["level"], "message": line["message"]} for line in found if line]


def mosquitto_image() -> str:
    """The compose file's image of the broker; where it cannot be had, one of Debian's."""
    official = "eclipse-mosquitto:2"
    if docker("image", "inspect", official, is_checked=False).returncode == 0:
        return official
    if docker("pull", "--quiet", official, is_checked=False).returncode == 0:
        return official
    docker(
        *("build", "--quiet", "--network", "host", "--tag", "bmw2mqtt-mosquitto:test", "-"),
        text=(
            f"FROM {BASE_IMAGE}\n"
            "RUN useradd --uid 1883 mosquitto && apt-get update"
            " && apt-get install --yes --no-install-recommends mosquitto\n"
            'CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]\n'
        ),
    )
    return "bmw2mqtt-mosquitto:test"
