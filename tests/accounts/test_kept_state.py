"""State on disk: files of version 0.1 are read, and what is damaged or out of time is left out.

The files in `tests/data/data_dir` were written by version 0.1 in simulated accounts.
"""

import asyncio
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
import time_machine

from bmw2mqtt.accounts.cardata.auth.manager import LoginDocument
from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.rest.quota import RequestQuota
from bmw2mqtt.accounts.cardata.stream.reconnect_policy import ReconnectPolicy
from bmw2mqtt.accounts.mybmw.auth import attempts as attempts_module
from bmw2mqtt.accounts.mybmw.auth.attempts import LoginAttempts
from bmw2mqtt.accounts.mybmw.auth.tokens import MyBmwTokens
from bmw2mqtt.accounts.mybmw.library.installation_id import InstallationDocument
from bmw2mqtt.accounts.request_counter import RequestCounter, utc_now
from bmw2mqtt.accounts.scheduler import PollScheduler
from bmw2mqtt.accounts.state_document import StateDocument, Time, within
from bmw2mqtt.accounts.state_file import WRITE_EVERY_S, StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.accounts.token_file import TokenFile
from bmw2mqtt.config import MyBmwSettings
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import AccountError
from tests import virtual_time
from tests.accounts.state_parts import read_part
from tests.forked_process import HASH_ROUNDS

FILES = Path(__file__).parents[1] / "data" / "data_dir"
MYBMW_AT = datetime(2026, 11, 28, 18, 47, tzinfo=UTC)
"""Shortly after `account-home.json` was written."""
CARDATA_AT = datetime(2026, 11, 1, 10, 1, 50, tzinfo=UTC)
"""Shortly after `account-eu.json` was written."""
CLIENT_ID = "0f0e0d0c-0b0a-4908-8706-050403020100"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(FILES, tmp_path / "data")
    store = Store(tmp_path / "data")
    store.open()
    yield store
    store.close()


async def _no_poll() -> None:
    raise AssertionError


def _restored_scheduler(state_file: StateFile, now: datetime) -> tuple[PollScheduler, Any]:
    outcomes: list[AccountError | None] = []
    scheduler = PollScheduler(3600, _no_poll, outcomes.append, state_file, lambda: now)
    scheduler.restore()
    return scheduler, read_part(state_file, "polling")["failure"]


def test_a_mybmw_account_of_version_0_1_is_read(store: Store) -> None:
    state_file = StateFile(store, "home")
    scheduler, _ = _restored_scheduler(state_file, MYBMW_AT)
    assert scheduler.succeeded_at == datetime(2026, 11, 28, 18, 46, 15, 875352, tzinfo=UTC)
    assert scheduler.outcomes == {}
    requests = RequestCounter(state_file, lambda: MYBMW_AT)
    requests.restore()
    assert requests.count() == 12


@pytest.mark.parametrize(
    ("password", "is_known"), [("p", True), ("another", False)], ids=["same", "new"]
)
def test_refused_logins_of_version_0_1_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, password: str, *, is_known: bool
) -> None:
    monkeypatch.setattr(attempts_module, "HASH_ROUNDS", HASH_ROUNDS)
    with time_machine.travel(MYBMW_AT, tick=False):
        captcha = json.loads((FILES / "account-home.json").read_text())["login"]["captcha"]
        settings = MyBmwSettings.model_validate(
            {
                "backend": "mybmw",
                "username": "me0@example.com",
                "password": password,
                "region": "rest_of_world",
            }
        )
        attempts = LoginAttempts(StateFile(store, "home"), settings)
        assert attempts.is_spent("another")
        assert len(attempts._attempts()) == int(is_known)
        assert attempts._kept().captcha == captcha


def test_mybmw_tokens_of_version_0_1_are_read(store: Store) -> None:
    owner = {"username": "me0@example.com", "region": "row"}
    file = TokenFile(store, "home", MyBmwTokens, owner=owner, now=lambda: MYBMW_AT)
    tokens = file.read()
    written = json.loads((FILES / "tokens-home.json").read_text())
    assert tokens is not None
    assert (tokens.refresh_token, tokens.session_id, tokens.gcid) == tuple(
        written[name] for name in ("refresh_token", "session_id", "gcid")
    )
    assert tokens.session_at is not None
    later = TokenFile(
        store, "home", MyBmwTokens, owner=owner, now=lambda: MYBMW_AT + timedelta(days=15)
    ).read()
    assert later is not None
    assert later.session_at is None, "a session lives for 14 days"
    other = {**owner, "username": "somebody@example.com"}
    assert TokenFile(store, "home", MyBmwTokens, owner=other, now=utc_now).read() is None


def test_a_cardata_account_of_version_0_1_is_read(store: Store) -> None:
    state_file = StateFile(store, "eu")
    scheduler, failure = _restored_scheduler(state_file, CARDATA_AT)
    assert failure["status"] == AccountStatus.UNREACHABLE
    assert scheduler.next_at == datetime(2026, 11, 1, 10, 2, 40, 942073, tzinfo=UTC)
    quota = RequestQuota(state_file, 45, lambda: CARDATA_AT)
    quota.restore()
    assert quota.left() == 45 - 9
    policy = ReconnectPolicy(state_file, lambda: CARDATA_AT)
    policy.restore()
    assert policy.is_contested, "another program has taken the stream half a minute ago"
    assert policy.wait_s() == 22
    login = state_file.read("login", LoginDocument, CARDATA_AT)
    assert (login.client_id, len(login.codes)) == (CLIENT_ID, 2)


def test_cardata_tokens_of_version_0_1_are_read(store: Store) -> None:
    file = TokenFile(
        store, "eu", OAuthTokens, owner={"client_id": CLIENT_ID}, now=lambda: CARDATA_AT
    )
    tokens = file.read()
    assert tokens is not None
    assert "cardata:streaming:read" in tokens.scope
    assert tokens.expires_at - tokens.issued_at == timedelta(hours=1)


def test_the_installation_id_of_version_0_1_is_read(store: Store) -> None:
    document = InstallationDocument.parse(store.load("identity"), MYBMW_AT)
    assert document.build == "AP2A.534228.164"


class _Document(StateDocument):
    count: int = 3
    at: Annotated[Time, within(past=timedelta(hours=1), future=timedelta())] | None = None
    times: tuple[Annotated[Time, within(past=timedelta(hours=1), future=timedelta())], ...] = ()


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"count": "x", "at": NOW.isoformat()}, _Document(at=NOW)),
        ({"count": 5, "at": "yesterday"}, _Document(count=5)),
        ({"count": 5, "at": 7}, _Document(count=5)),
        ({"at": "2026-11-01T12:00:01+00:00"}, _Document()),
        ({"at": "2026-11-01T11:00:00+00:00"}, _Document()),
        ({"at": "2026-11-01T11:30:00"}, _Document(at=NOW - timedelta(minutes=30))),
        ({"times": ["x", 1, None, NOW.isoformat()]}, _Document(times=(NOW,))),
        ({"times": 7, "unknown": 1}, _Document()),
        ([], _Document()),
        (None, _Document()),
    ],
    ids=str,
)
def test_what_is_damaged_or_out_of_time_is_left_out(content: Any, expected: _Document) -> None:
    assert _Document.parse(content, NOW) == expected


def test_what_a_crash_may_cost_is_written_once_a_minute(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    written: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        state_file = StateFile(store, "home")
        path = tmp_path / "account-home.json"
        for second in range(300):
            state_file.write("x", _Document(count=second), can_wait=True)
            await state_file.saved()
            kept = json.loads(path.read_text())["x"]["count"]
            if not written or written[-1] != kept:
                written.append(kept)
            await asyncio.sleep(1)
        assert loop.time() >= 300
        assert len(written) <= 1 + 300 / WRITE_EVERY_S
        state_file.write("y", _Document(count=7))
        await state_file.saved()
        assert json.loads(path.read_text()) == {
            "x": {"count": 299, "times": []},
            "y": {"count": 7, "times": []},
        }
        state_file.write("x", _Document(count=1), can_wait=True)
        await store.flushed()
        assert json.loads(path.read_text())["x"]["count"] == 1, "a stop loses nothing"

    virtual_time.run(main)
    store.close()
