"""kill -9 at every point around a renewal of the login: a restart needs no password, no captcha."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = pytest.mark.no_cover

CONFIG, TOKEN, STATE = "/oauth/config", "/oauth/token", "/vehicles/state"
STATUS = "bmw2mqtt/account/home/sensor/status"
REFRESH = "bmw2mqtt/account/home/button/refresh/press"
GRACE_S = 300.0
LIMIT_S = 60.0

# The bridge, which kills itself at a point of its own writing of tokens once a file is there.
PROGRAM = """
import os, pathlib, signal, sys
from bmw2mqtt.cli.main import main

point, armed = sys.argv[1:3]
paths = {}
os_open, os_fsync, path_replace = os.open, os.fsync, pathlib.Path.replace

def reach(name, path):
    if name == point and "tokens-" in str(path) and os.path.exists(armed):
        os.kill(os.getpid(), signal.SIGKILL)

def open_(path, *rest, **more):
    reach("read, not yet written", path)
    descriptor = os_open(path, *rest, **more)
    paths[descriptor] = path
    reach("draft opened", path)
    return descriptor

def fsync(descriptor):
    reach("draft written", paths.get(descriptor))
    os_fsync(descriptor)
    reach("draft synced", paths.get(descriptor))

def replace(path, target):
    done = path_replace(path, target)
    reach("renamed", target)
    return done

os.open, os.fsync, pathlib.Path.replace = open_, fsync, replace
sys.exit(main(sys.argv[3:]))
"""

WITHIN = ["read, not yet written", "draft opened", "draft written", "draft synced", "renamed"]
"""Points of the bridge's own writing."""
LOST_WITHOUT_GRACE = ["answered, not yet read", *WITHIN[:-1]]
"""Where the old refresh token is used and the new one not on disk."""
POINTS = [
    "before the renewal",
    "asked, not processed",
    "answered, not yet read",
    *WITHIN,
    "before the first use",
]


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car("WBA00000000DEMO03")]


class Victim:
    """A daemon that is started and killed again and again, on the same data."""

    def __init__(
        self, servers: BackgroundBmw, bmw: MyBmwSimulator, broker: Mosquitto, directory: Path
    ) -> None:
        self.bmw = bmw
        self._servers = servers
        self._broker = broker
        self._directory = directory
        self._armed = directory / "armed"
        self._number = 0
        self.process: Daemon

    def start(self, point: str = "never", captcha: str | None = None) -> None:
        self._number += 1
        self._armed.unlink(missing_ok=True)
        account = {"poll_interval": 3600, "captcha_token": captcha}
        settings = settings_for(
            self.bmw, self._broker.port, self._directory / "data", account=account
        )
        self.process = Daemon(
            self._directory / f"daemon{self._number}",
            settings,
            program=PROGRAM,
            arguments=[point, str(self._armed)],
        ).start()

    def stop(self) -> None:
        self.process.kill()

    def told(self) -> int:
        """How often BMW told how the car is."""
        return sum(STATE in r.path and r.status == 200 for r in tuple(self.bmw.requests))

    def passwords(self) -> int:
        return sum("/authenticate" in request.path for request in tuple(self.bmw.requests))

    def knows_that_the_login_is_lost(self) -> bool:
        """Return whether it is on disk, and with which credentials it was lost."""
        state = json.loads((self._directory / "data" / "account-home.json").read_bytes())
        failure = state.get("polling", {}).get("failure") or {}
        has_credentials = bool(state.get("login", {}).get("captcha"))
        return has_credentials and failure.get("status") == "login_required"

    def renewals(self) -> int:
        return sum(TOKEN in request.path for request in tuple(self.bmw.requests))

    def wait_told(self, observer: Observer, before: int) -> None:
        """Wait until the daemon has polled; one that was started too often has to be asked."""
        is_asked = False

        def is_told() -> bool:
            nonlocal is_asked
            if not is_asked and "polling_delayed" in self.process.log_file.read_text():
                is_asked = True
                observer.publish(REFRESH, "")
            return self.told() > before

        wait_until(is_told, LIMIT_S, "BMW tells of the car")

    def die_at(self, point: str, observer: Observer) -> None:
        """Let the login be renewed, and the daemon die meanwhile."""
        faults = {
            "before the renewal": Fault(path=CONFIG, drop=True, on_hit=self._kill),
            "asked, not processed": Fault(path=TOKEN, drop=True, on_hit=self._kill),
            "answered, not yet read": Fault(
                path=TOKEN, drop=True, is_processed=True, on_hit=self._kill
            ),
            "before the first use": Fault(path=STATE, drop=True, on_hit=self._kill),
        }
        self._armed.touch()
        if point == "before the first use":
            self.bmw.faults.add(Fault(path=STATE, status=401, times=1))
        else:
            self.bmw.accounts.expire_access_tokens()
        if point in faults:
            self.bmw.faults.add(faults[point])
        observer.publish(REFRESH, "")
        assert self.process.wait(LIMIT_S) == -signal.SIGKILL
        self.bmw.faults.clear()

    def _kill(self) -> None:
        """BMW's thread does it, while the test's waits for the exit status, which only one can."""
        pid = self.process.pid  # the test may start the next one as soon as this one is dead
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(pid), what="it is dead")


@pytest.fixture
def victim(
    bmw_servers: BackgroundBmw, bmw: MyBmwSimulator, broker: Mosquitto, tmp_path: Path
) -> Iterator[Victim]:
    victim = Victim(bmw_servers, bmw, broker, tmp_path)
    yield victim
    victim.stop()


@pytest.mark.timeout(300)  # many starts, perhaps on a busy machine
def test_no_login_is_lost(victim: Victim, observer: Observer) -> None:
    """Each restart shows that the last kill cost nothing, and is killed at the next point."""
    captcha: str | None = "captcha"
    for point in POINTS:
        before = victim.told()
        victim.start(point, captcha)
        victim.wait_told(observer, before)
        observer.wait_for(STATUS, "ok")
        captcha = None
        victim.bmw.accounts.refresh_grace_s = GRACE_S if point in LOST_WITHOUT_GRACE else 0
        expected = victim.renewals() + (0 if point == "before the renewal" else 1)
        victim.die_at(point, observer)
        wait_until(lambda at=expected: victim.renewals() == at, what=f"died: {point}")  # type: ignore[misc]
    before = victim.told()
    victim.start()
    victim.wait_told(observer, before)
    assert victim.passwords() == 2, "the two steps of the very first login"
    victim.bmw.accounts.refresh_grace_s = 0
    victim.bmw.accounts.expire_access_tokens()
    before = victim.told()
    observer.publish(REFRESH, "")
    wait_until(lambda: victim.told() > before, what="the newest refresh token is at hand")
    assert victim.passwords() == 2


def test_a_login_that_bmw_forgot_is_called_lost_and_tried_no_more(
    victim: Victim, observer: Observer
) -> None:
    """An answer that never arrived, from a BMW that lets no refresh token work twice."""
    victim.start(captcha="captcha")
    victim.wait_told(observer, 0)
    before = victim.told()
    victim.bmw.faults.add(Fault(path=STATE, status=401, times=1))
    victim.bmw.faults.add(
        Fault(path=TOKEN, drop=True, is_processed=True, on_hit=victim._kill, times=1)
    )
    observer.publish(REFRESH, "")
    assert victim.process.wait(LIMIT_S) == -signal.SIGKILL
    victim.bmw.faults.clear()

    victim.start()
    victim.wait_told(observer, before)  # the access token is good for some hours
    observer.wait_for(STATUS, "ok")
    victim.bmw.accounts.expire_access_tokens()
    observer.publish(REFRESH, "")
    observer.wait_for(STATUS, "login_required")
    page = b"captcha/rest_of_world.html"
    wait_until(lambda: page in observer.current()[f"{STATUS}/attributes"], LIMIT_S, "the page")
    wait_until(victim.knows_that_the_login_is_lost, LIMIT_S, "it is on disk")
    asked = len(victim.bmw.requests)
    victim.stop()
    victim.start()
    victim.process.wait_log("account_status")
    assert (len(victim.bmw.requests), victim.passwords()) == (asked, 2)


def test_an_answer_lost_on_the_way_is_asked_for_again_at_once(
    daemon: Callable[..., Daemon], observer: Observer, bmw: MyBmwSimulator
) -> None:
    bmw.accounts.refresh_grace_s = GRACE_S
    daemon(account={"poll_interval": 3600})
    observer.wait_for(STATUS, "ok")
    bmw.accounts.expire_access_tokens()
    bmw.faults.add(Fault(path=TOKEN, drop=True, is_processed=True, times=1))
    said, told = len(observer.on(STATUS)), len(bmw.requests)
    observer.publish(REFRESH, "")
    wait_until(lambda: sum(TOKEN in r.path for r in tuple(bmw.requests)[told:]) == 2)
    wait_until(lambda: bmw.requests[-1].status == 200 and STATE in bmw.requests[-1].path)
    observer.quiet(0.3)
    assert len(observer.on(STATUS)) == said, "nobody has noticed"
