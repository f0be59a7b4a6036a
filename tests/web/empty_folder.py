"""`bmw2mqtt run` in an empty folder, with a BMW that is not the real one."""

import os
from contextlib import chdir
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest import mock

from tests import forked_process

LOG = "terminal.log"
LAUNCHER = """
import sys
from pathlib import Path
from bmw2mqtt.config import CarDataSettings, register_account_settings
names = ("auth_url", "api_url", "stream_host", "stream_port", "ca_file")
for name, value in zip(names, sys.argv[1:6]):
    CarDataSettings.model_fields[name].default = value or None
CarDataSettings.model_rebuild(force=True)
register_account_settings(CarDataSettings)
from bmw2mqtt.cli.main import main
sys.exit(main(sys.argv[6:]))
"""
"""Lets `bmw2mqtt run` know the simulated BMW as its own servers: what an owner need not enter."""


def run_in(folder: Path, port: int, *places: str) -> ForkServerProcess:
    """Start it; `places` are BMW's, by default where nobody listens."""
    places = places or ("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1", "1", "")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BMW2MQTT_")}
    environment["BMW2MQTT_HTTP__PORT"] = str(port)  # others may use the usual one
    log_file = folder / LOG
    log_file.touch()
    with chdir(folder), mock.patch.dict(os.environ, environment, clear=True):
        return forked_process.start(LAUNCHER, [*places, "run"], log_file)
