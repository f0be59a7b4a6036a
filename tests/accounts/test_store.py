"""Files that survive a restart."""

import asyncio
import errno
import fcntl
import json
import os
import socket
import stat
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt import files
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import ConfigError, StoreError
from tests.accounts.waiting import until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "deep" / "data")
    store.open()
    yield store
    store.close()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_saved_is_loaded(store: Store) -> None:
    assert store.load("tokens") == {}
    store.save("tokens", {"a": "ü"})
    store.save("tokens", {"b": 1})
    assert store.load("tokens") == {"b": 1}
    assert store.read("images/x.png") is None
    store.write("images/x.png", b"png")
    assert store.read("images/x.png") == b"png"


def test_nobody_else_can_read_it(store: Store) -> None:
    before = os.umask(0)
    try:
        store.save("tokens", {"a": 1})
        store.write("images/x.png", b"png")
    finally:
        os.umask(before)
    assert mode(store.directory) == 0o700
    assert mode(store.directory / "images") == 0o700
    assert mode(store.directory / "tokens.json") == 0o600
    assert mode(store.directory / "images" / "x.png") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    """`sudo bmw2mqtt login` must not lock out the service, which has a user of its own."""
    folder, other = tmp_path / "data", 12345
    folder.mkdir()
    os.chown(folder, other, other)
    outside = tmp_path / "secret"
    outside.write_text("root's")
    os.link(outside, folder / ".tokens-eu.json.new")
    store = Store(folder)
    store.open()
    store.save("account-eu", {"a": 1})
    store.close()
    for name in ("lock", "account-eu.json"):
        assert (folder / name).stat().st_uid == other, name
    os.close(files.open_plain(folder / ".tokens-eu.json.new", os.O_WRONLY | os.O_CREAT))
    assert outside.stat().st_uid == 0, "a link to somebody else's file changes nothing"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_old_file_stays_until_the_new_one_is_complete(
    store: Store, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("tokens", {"a": 1})

    def disk_is_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), disk_is_full)
    with pytest.raises(StoreError, match=r"tokens\.json cannot be written: No space left"):
        store.save("tokens", {"a": 2})
    monkeypatch.undo()
    assert store.load("tokens") == {"a": 1}
    store.save("tokens", {"a": 3})
    assert store.load("tokens") == {"a": 3}
    assert {path.name for path in store.directory.iterdir()} == {"lock", "tokens.json"}


def test_it_is_synced_before_it_takes_the_place_and_its_folder_after_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("fsync"), fsync(fd)))
    monkeypatch.setattr(Path, "replace", lambda *a: (steps.append("replace"), replace(*a))[1])
    store.save("tokens", {"a": 1})
    assert steps == ["fsync", "replace", "fsync"]


def test_a_folder_that_cannot_be_synced_is_as_good_as_any(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def sync_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_files_only)
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}


DAMAGED = [
    b"",
    b"{",
    b'{"a": 1',
    b"\xff\xfe",
    b"[1, 2]",
    b"null",
    b"7",
    b'{"a": "\xff"}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": %s}' % (b"9" * 5000),
    b'{"a": 1, "a": 2}',
    b'{"b": {"a": 1, "a": 2}}',
    b'{"a": %s%s}' % (b"[" * 100_000, b"]" * 100_000),
    b'{"a": %s1%s}' % (b'{"a":' * 100_000, b"}" * 100_000),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_set_aside_and_named(
    store: Store, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store.directory / "tokens.json"
    path.write_bytes(content)
    assert store.load("tokens") == {}
    assert not path.exists()
    assert path.with_suffix(".damaged").read_bytes() == content
    said = capsys.readouterr().out
    assert "file_damaged" in said
    assert "tokens.json" in said
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}


def test_what_a_killed_process_has_written_can_be_had(store: Store) -> None:
    assert store.load_draft("tokens") == {}
    (store.directory / ".tokens.json.new").write_text('{"a": 1}')
    assert store.load_draft("tokens") == {"a": 1}
    assert store.load("tokens") == {}, "a draft is only for who asks for it"
    for half in ("", '{"a": ', "[]"):
        (store.directory / ".tokens.json.new").write_text(half)
        assert store.load_draft("tokens") == {}


def test_a_list_of_pairs_or_an_empty_list_is_no_document(store: Store) -> None:
    for content in ([], [["a", 1]], ["ab"]):
        (store.directory / "tokens.json").write_text(json.dumps(content))
        assert store.load("tokens") == {}
        assert not (store.directory / "tokens.json").exists()


def test_one_bridge_at_a_time(store: Store) -> None:
    other = Store(store.directory)
    with pytest.raises(ConfigError, match="another bmw2mqtt uses"):
        other.open()
    store.close()
    other.open()
    other.close()


def blocked(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "data"


def a_file(tmp_path: Path) -> Path:
    (tmp_path / "data").touch()
    return tmp_path / "data"


def dangling(tmp_path: Path) -> Path:
    (tmp_path / "data").symlink_to("nowhere")
    return tmp_path / "data"


def lock_is_a_fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "lock")
    return tmp_path


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (blocked, "{0}/file/data cannot be used: {0}/file is a file, not a folder"),
        (a_file, "{0}/data cannot be used: {0}/data is a file, not a folder"),
        (dangling, "{0}/data cannot be used: {0}/data is a link to nowhere, which does not exist"),
        (lambda path: path / ("x" * 300), "cannot be created: the name is too long"),
        (lock_is_a_fifo, "{0}/lock cannot be used: it is a FIFO (named pipe); remove it"),
    ],
)
def test_each_obstacle_has_its_own_sentence(
    tmp_path: Path, prepare: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(prepare(tmp_path)).open()
    assert str(caught.value).startswith("data_dir: ")
    assert sentence.format(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EROFS, "its file system is read-only; mount it writable"),
        (errno.EACCES, "has no permission; make that user the owner of the folder (chown"),
        (errno.ENOSPC, "no space is left on its disk; make room"),
        (errno.EDQUOT, "the disk quota of its user is used up; make room"),
        (errno.ESTALE, "Stale file handle); check the disk"),
    ],
)
def test_each_trouble_of_the_disk_has_its_own_sentence(
    tmp_path: Path, number: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError) as caught:
        Store(tmp_path / "data").open()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO])
def test_a_file_system_without_locks_is_warned_of_once(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    store = Store(tmp_path)
    with capture_logs() as lines:
        store.open()
    assert [line["event"] for line in lines] == ["data_dir_has_no_locks"]
    assert not store.has_locks
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}
    store.close()


def test_a_folder_that_has_gone(store: Store) -> None:
    (store.directory / "lock").unlink()
    store.directory.rmdir()
    assert store.read("tokens.json") is None
    assert store.load("tokens") == {}
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}


def test_a_file_that_cannot_be_read_now_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.save("tokens-home", {"refresh_token": "x"})

    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "open", refuse)
    with capture_logs() as lines:
        assert store.load("tokens-home") == {}
    monkeypatch.undo()
    assert [line["event"] for line in lines] == ["file_not_read"]
    assert store.load("tokens-home") == {"refresh_token": "x"}
    assert not (tmp_path / "tokens-home.damaged").exists()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    outside = path.parent.parent / "outside.json"
    outside.write_text('{"a": "not ours"}')
    path.symlink_to(outside)


def make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(600 * 1024 * 1024)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "make", [make_fifo, make_folder, make_link, make_device_link, make_socket, make_huge]
)
def test_what_is_no_plain_file_of_ours_is_set_aside(
    store: Store, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.directory)  # the name of a socket has to be short
    path = store.directory / "tokens.json"
    make(path)
    tracemalloc.start()
    with capture_logs() as lines:
        assert store.load("tokens") == {}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 1024 * 1024
    assert [line["event"] for line in lines] == ["file_damaged"]
    assert os.path.lexists(path.with_suffix(".damaged"))
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}

    path.unlink()
    path.with_suffix(".damaged").rename(path)
    assert store.load_draft("tokens") == {}
    with capture_logs() as lines:
        assert store.read("tokens.json") is None
    assert [line["event"] for line in lines] == ["file_damaged"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [make_fifo, make_link, make_huge])
def test_what_is_in_a_drafts_place_is_in_nobodys_way(
    store: Store, make: Callable[[Path], None]
) -> None:
    make(store.directory / ".tokens.json.new")
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}
    assert json.loads((store.directory / "tokens.json").read_text()) == {"a": 1}
    outside = store.directory.parent / "outside.json"
    assert not outside.exists() or "not ours" in outside.read_text()


def test_a_folder_that_leads_out_of_data_dir_is_not_used(store: Store, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.png").write_bytes(b"not ours")
    (store.directory / "images").symlink_to(tmp_path / "outside")
    with capture_logs() as lines:
        assert store.read("images/x.png") is None
        store.write("images/x.png", b"ours")
    assert [line["event"] for line in lines] == ["file_damaged"]
    assert store.read("images/x.png") == b"ours"
    assert (tmp_path / "outside" / "x.png").read_bytes() == b"not ours"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()])
def test_what_could_not_be_read_again_is_not_written(store: Store, value: object) -> None:
    store.save("tokens", {"a": 1})
    with pytest.raises(StoreError, match=r"tokens\.json cannot be written"):
        store.save("tokens", {"a": value})
    assert store.load("tokens") == {"a": 1}


# Off the event loop


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
    def disk_is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store.save("state", {"a": 1})
    monkeypatch.setattr(os, "fsync", disk_is_full)
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
