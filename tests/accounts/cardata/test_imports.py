"""What an installation with CarData alone loads."""

import subprocess
import sys

PROGRAM = """
import importlib, pkgutil, sys
import bmw2mqtt.accounts.cardata as room
for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(f"{room.__name__}.{module.name}")
print(*sorted(name for name in sys.modules if "." not in name))
"""


def test_neither_the_app_apis_library_nor_its_http_client_is_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert {"aiohttp", "oauthlib"} <= loaded
    assert not loaded & {"bimmer_connected", "httpx", "jwt", "requests"}
