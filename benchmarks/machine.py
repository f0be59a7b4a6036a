"""Where the figures were measured."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Lines, Note

LIBRARIES = ("bmw2mqtt", "aiomqtt", "paho-mqtt", "bimmer_connected", "httpx", "pydantic")


def describe() -> Lines:
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    yield Note(f"{_processor()}, {os.cpu_count()} cores, load {load}")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    yield Note(f"{platform.system()} {platform.release()}, {python}, {_mosquitto()}")
    yield Note(", ".join(f"{name} {version(name)}" for name in LIBRARIES))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _mosquitto() -> str:
    path = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None:
        return "no mosquitto"
    told = subprocess.run([path, "-h"], check=False, capture_output=True, text=True)
    return told.stdout.partition("\n")[0]
