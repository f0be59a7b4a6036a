"""What is written in a thread: a slow disk, a full one, and a bug hold up nothing."""

import asyncio
import errno
import json
import os
import threading

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import StoreError
from tests.accounts.failing_disk import failing
from tests.accounts.waiting import until


class SlowDisk:
    """A disk that takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.is_asked = threading.Event()
        self.syncs = 0
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._wait)

    def _wait(self, descriptor: int) -> None:
        self.syncs += 1
        self.is_asked.set()
        assert self.go_on.wait(30)
        self._fsync(descriptor)


async def test_a_slow_disk_does_not_hold_up_the_loop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    done: list[object] = []
    for number in range(100):
        store.save_later("state", {"n": number}, done.append)
        assert store.load("state") == {"n": number}, "what is on its way counts"
    saving = asyncio.create_task(store.save_now("tokens", {"a": 1}))
    await until(disk.is_asked.is_set)
    assert done == []
    assert not saving.done()
    disk.go_on.set()
    await saving
    await until(lambda: len(done) == 100)
    assert set(done) == {None}
    assert json.loads((store.directory / "state.json").read_bytes()) == {"n": 99}
    assert json.loads((store.directory / "tokens.json").read_bytes()) == {"a": 1}
    assert disk.syncs <= 6, "only the newest of a hundred is written"


async def test_what_a_cancelled_caller_wanted_written_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    saving = asyncio.create_task(store.save_now("tokens", {"a": 1}))
    await until(disk.is_asked.is_set)
    saving.cancel()
    disk.go_on.set()
    await store.flushed()
    assert json.loads((store.directory / "tokens.json").read_bytes()) == {"a": 1}


async def test_a_disk_that_hangs_does_not_hang_the_stop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmw2mqtt.accounts.background_writer.FLUSH_S", 0.05)
    disk = SlowDisk(monkeypatch)
    store.save_later("state", {"a": 1}, lambda _: None)
    with capture_logs() as lines:
        await store.flushed()
        await store.flushed()
    assert [line["event"] for line in lines] == ["data_dir_is_slow"]
    disk.go_on.set()


async def test_who_left_it_to_the_thread_is_told_of_a_full_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("state", {"a": 1})
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    done: list[StoreError | None] = []
    store.save_later("state", {"a": 2}, done.append)
    with pytest.raises(StoreError, match="No space left"):
        await store.save_now("tokens", {"a": 2})
    assert "No space left" in str(done[0])
    assert store.load("state") == {"a": 1}


async def test_a_bug_in_the_thread_is_logged_and_the_next_one_has_its_turn(store: Store) -> None:
    def crash() -> None:
        raise ZeroDivisionError

    with capture_logs() as lines:
        store.writer.submit(crash, lambda _: None)
        with pytest.raises(ZeroDivisionError):
            await store.writer.run(crash)
        assert await store.writer.run(lambda: 7) == 7
    assert [line["event"] for line in lines] == ["bug"]
