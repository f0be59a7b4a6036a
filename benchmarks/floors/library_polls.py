"""bimmer_connected alone, polling: `… library_polls SERVER CA_FILE [MODE]`.

With MODE `as-it-comes` it loads the usual certificates for each request, as it does unless told
otherwise; else it is given one SSLContext.
"""

import asyncio
import atexit
import logging
import os
import ssl
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import certifi
from bimmer_connected import const
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.const import Regions

from benchmarks.child import Request, serve


def trust_simulator(ca_file: str) -> None:
    """Let the library trust the simulator beside the authorities it comes with."""
    with tempfile.NamedTemporaryFile("wb", suffix=".pem", delete=False) as bundle:
        bundle.write(Path(certifi.where()).read_bytes() + Path(ca_file).read_bytes())
    os.environ["SSL_CERT_FILE"] = bundle.name
    atexit.register(os.unlink, bundle.name)


def make_account(server: str, tls: ssl.SSLContext | None) -> MyBMWAccount:
    """Make an account at the simulator, with one TLS context or as it comes; nothing is sent."""
    const.SERVER_URLS_MYBMW[Regions.REST_OF_WORLD] = server
    return MyBMWAccount(
        "me@example.com",
        "a-password-42",
        Regions.REST_OF_WORLD,
        verify=tls or True,
        hcaptcha_token=str(uuid.uuid4()),
    )


async def main(server: str, ca_file: str, mode: str = "one-context") -> None:
    logging.disable()
    tls = None
    if mode == "as-it-comes":
        trust_simulator(ca_file)
    else:
        tls = ssl.create_default_context(cafile=ca_file)
    account = make_account(server, tls)
    await account.get_vehicles()

    async def answer(request: Request) -> dict[str, Any]:
        started, cpu = time.monotonic(), time.process_time()
        for _ in range(request["times"]):
            await account.get_vehicles()
        return {"cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - started}

    await serve(answer)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
