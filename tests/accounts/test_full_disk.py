"""A data folder that cannot be written: the account goes on with what it has in memory."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import StoreInUse
from tests.accounts.failing_disk import failing
from tests.accounts.mybmw.polled_account import polled_account
from tests.fixture_cars import fixture_car


async def test_a_full_disk_stops_no_poll_and_no_login(
    watch: Callable[..., Any], near_bmw: MyBmwSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = await watch(fixture_car("WBA00000000DEMO02"))
    assert (await watched.poll()).status is AccountStatus.OK
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    near_bmw.accounts.expire_access_tokens()
    with capture_logs() as lines:
        assert (await watched.poll()).status is AccountStatus.OK
        near_bmw.accounts.expire_access_tokens()
        assert (await watched.poll()).status is AccountStatus.OK, "the new tokens are in memory"
    complaint = next(line for line in lines if line["event"] == "tokens_not_saved")
    assert "No space left" in complaint["reason"]
    assert "tokens-" in complaint["reason"]


def test_a_read_only_folder_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Store(tmp_path)
    before.open()
    before.save("tokens-home", {"refresh_token": "r"})
    before.close()
    opened = os.open

    def read_only(path: Path, flags: int, *rest: Any, **more: Any) -> Any:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    store = Store(tmp_path)
    with capture_logs() as lines:
        store.open()
    assert [line["event"] for line in lines] == ["data_dir_not_writable"]
    assert store.load("tokens-home") == {"refresh_token": "r"}
    with pytest.raises(StoreInUse):
        Store(tmp_path).open()
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 128 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or shutil.which("mount") is None
        or subprocess.run(mount, check=False).returncode
    ):
        pytest.skip("only root can mount a small file system, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


@pytest.mark.parametrize(
    ("spoil", "reason"), [(fill, "No space left"), (make_read_only, "Read-only file system")]
)
async def test_on_a_real_disk(
    small_disk: Path,
    near_bmw: MyBmwSimulator,
    certificates: Certificates,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    user = SimulatedUser(
        username="me@example.com", password="p", cars=[fixture_car("WBA00000000DEMO02")]
    )
    near_bmw.accounts.users.append(user)
    async with polled_account(near_bmw, user, certificates, small_disk) as watched:
        assert (await watched.poll()).status is AccountStatus.OK
    spoil(small_disk)
    with capture_logs() as lines:
        async with polled_account(near_bmw, user, certificates, small_disk) as watched:
            for _ in range(2):
                near_bmw.accounts.expire_access_tokens()
                assert (await watched.poll()).status is AccountStatus.OK
    assert len([r for r in near_bmw.requests if "/authenticate" in r.path]) == 2, "one login"
    complaints = [line for line in lines if line["event"] == "tokens_not_saved"]
    assert len(complaints) == 1, "said once"
    assert reason in complaints[0]["reason"]
    assert Store(small_disk).load("tokens-home"), "the old file is whole"
