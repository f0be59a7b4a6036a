"""Files that survive a restart."""

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt import files
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import ConfigError, StoreError
from tests.accounts.failing_disk import failing


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_saved_is_loaded(store: Store) -> None:
    assert store.load("tokens") == {}
    store.save("tokens", {"a": "ü"})
    store.save("tokens", {"b": 1})
    assert store.load("tokens") == {"b": 1}
    assert store.read("cars/x.json") is None
    store.save("cars/x", {})
    assert store.read("cars/x.json") == b"{}"


def test_nobody_else_can_read_it(store: Store) -> None:
    before = os.umask(0)
    try:
        store.save("tokens", {"a": 1})
        store.save("cars/x", {})
    finally:
        os.umask(before)
    assert mode(store.directory) == 0o700
    assert mode(store.directory / "cars") == 0o700
    assert mode(store.directory / "tokens.json") == 0o600
    assert mode(store.directory / "cars" / "x.json") == 0o600


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

    place = (os, "fsync") if step == "fsync" else (Path, "replace")
    monkeypatch.setattr(*place, failing(errno.ENOSPC))
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
    monkeypatch.setattr(Path, "mkdir", failing(number))
    with pytest.raises(ConfigError) as caught:
        Store(tmp_path / "data").open()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO])
def test_a_file_system_without_locks_is_warned_of_once(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(number))
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


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", object()])
def test_what_could_not_be_read_again_is_not_written(store: Store, value: object) -> None:
    store.save("tokens", {"a": 1})
    with pytest.raises(StoreError, match=r"tokens\.json cannot be written"):
        store.save("tokens", {"a": value})
    assert store.load("tokens") == {"a": 1}
