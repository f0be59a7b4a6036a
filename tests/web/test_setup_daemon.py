"""A daemon without an account: it waits for its setup, then goes on in the same process."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from bmw2mqtt.web.bodies import READ_TIMEOUT_S
from tests.daemon import EXIT_TIMEOUT_S
from tests.mosquitto import Mosquitto, free_port, wait_until
from tests.web.empty_folder import LOG, run_in
from tests.web.setup_visitor import FORM

CLIENT_ID = "0a0a0a0a-0000-0000-0000-00000000000b"
CONNECTED = "Connected to the MQTT broker"


class WaitingDaemon:
    """`bmw2mqtt run` in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = run_in(folder, self.port)

    def log(self) -> str:
        return (self.folder / LOG).read_text()

    def health(self) -> int:
        """Return the exit status of the health check."""
        command = [sys.executable, "-m", "bmw2mqtt", "healthcheck"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[WaitingDaemon]:
    folder = tmp_path / "empty"
    folder.mkdir()
    daemon = WaitingDaemon(folder)
    yield daemon
    daemon.process.kill()
    daemon.process.join()


def test_it_waits_and_goes_on(waiting: WaitingDaemon, broker: Mosquitto) -> None:
    link = re.compile(r"http://[^/]+(/setup/start/[\w-]+)")
    found = wait_until(lambda: link.search(waiting.log()), what="the link in the log")
    assert waiting.health() == 0
    with httpx.Client(
        base_url=f"http://127.0.0.1:{waiting.port}", timeout=READ_TIMEOUT_S, trust_env=False
    ) as browser:

        def send(page: str, **values: str) -> str:
            token = FORM.search(browser.get(f"/setup/{page}").text)
            assert token
            answer = browser.post(f"/setup/{page}", data={"form_token": token[1], **values})
            assert answer.status_code == 303, answer.text
            return answer.headers["Location"]

        def accounts() -> object:
            try:
                return browser.get("/api/state").json()["accounts"]
            except httpx.TransportError:
                return None

        assert browser.get("/healthz").json() == {"status": "setup"}
        assert browser.get("/api/state").status_code == 401
        browser.post(found[1], data={"language": "en"})
        assert send("broker", host="127.0.0.1", port=str(broker.port)) == "car"
        assert CONNECTED not in waiting.log(), "no broker before there is an account"
        assert send("cardata", client_id=CLIENT_ID) == "login?account=bmw"
        wait_until(accounts, what="the account, with the session of before")
        wait_until(lambda: CONNECTED in waiting.log(), what="the broker")
    saved = waiting.folder / "data" / "settings.yaml"
    assert yaml.safe_load(saved.read_text())["accounts"]["bmw"]["client_id"] == CLIENT_ID
    assert waiting.process.is_alive(), "the same process"
    waiting.process.terminate()
    waiting.process.join(EXIT_TIMEOUT_S)
    assert waiting.process.exitcode == 0
    assert "Traceback" not in waiting.log()


def test_no_page_no_setup(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bmw2mqtt", "run", "--option", "http.enabled=false"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no account is configured" in done.stderr
