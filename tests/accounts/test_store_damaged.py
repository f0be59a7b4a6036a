"""Files of `data_dir` that are damaged, of another kind, or half written."""

import errno
import json
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.store import Store
from tests.accounts.failing_disk import failing

DAMAGED = [
    b"",
    b"{",
    b'{"a": 1',
    b"\xff\xfe",
    b"[]",
    b"[1, 2]",
    b'[["a", 1]]',
    b'["ab"]',
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


def test_a_file_that_cannot_be_read_now_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.save("tokens-home", {"refresh_token": "x"})
    monkeypatch.setattr(os, "open", failing(errno.EIO))
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
    (tmp_path / "outside" / "x.json").write_bytes(b"not ours")
    (store.directory / "cars").symlink_to(tmp_path / "outside")
    with capture_logs() as lines:
        assert store.read("cars/x.json") is None
        store.save("cars/x", {"a": "ours"})
    assert [line["event"] for line in lines] == ["file_damaged"]
    assert store.read("cars/x.json") == b'{"a": "ours"}'
    assert (tmp_path / "outside" / "x.json").read_bytes() == b"not ours"
