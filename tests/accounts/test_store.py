"""Files that survive a restart."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import ConfigError, StoreError


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


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"[1, 2]", b"null", b"7"])
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


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="data_dir: "):
        Store(tmp_path / "file" / "data").open()


def test_a_folder_that_has_gone(store: Store) -> None:
    (store.directory / "lock").unlink()
    store.directory.rmdir()
    assert store.read("tokens.json") is None
    assert store.load("tokens") == {}
    store.save("tokens", {"a": 1})
    assert store.load("tokens") == {"a": 1}


def test_a_file_that_cannot_be_read_now_stays_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save("tokens-home", {"refresh_token": "x"})
    path = tmp_path / "tokens-home.json"
    content = path.read_bytes()
    path.unlink()
    path.symlink_to(path)  # a loop: it is there, and nobody can read it
    with capture_logs() as lines:
        assert store.load("tokens-home") == {}
    assert [line["event"] for line in lines] == ["file_not_read"]
    path.unlink()
    path.write_bytes(content)
    assert store.load("tokens-home") == {"refresh_token": "x"}
    assert not path.with_suffix(".damaged").exists()
