"""Other programs as people install them, beside the running demo.

They come from npm and take minutes to install: `make recipes-test` does it and runs these tests;
otherwise, and where there is no Node.js, they are skipped.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.markdown import ROOT
from tests.mosquitto import Observer, free_port, wait_until
from tests.test_demo import Demo, cars_appear

INSTALLED = Path(os.environ.get("RECIPES_DIR", ROOT / ".recipes"))
PROGRAMS = {"test_node_red.py": "node-red", "test_iobroker.py": "iobroker"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in here:
        program = PROGRAMS.get(item.path.name)
        if program is None:
            continue
        item.add_marker(pytest.mark.timeout(400))
        item.add_marker(pytest.mark.no_cover)
        if "RECIPES_TEST" not in os.environ:
            item.add_marker(pytest.mark.skip(reason="takes minutes: make recipes-test"))
        elif not (INSTALLED / program / "node_modules").exists():
            item.add_marker(pytest.mark.skip(reason=f"{program} is not installed: needs npm"))


class Program:
    """A process whose output is kept in a file."""

    def __init__(self, directory: Path, log_file: Path, *command: str) -> None:
        self.log_file = log_file
        with log_file.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)

    @property
    def text(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_for(self, *parts: str, timeout_s: float = 60) -> None:
        """Wait until each of these was printed."""
        for part in parts:
            wait_until(lambda part=part: part in self.text, timeout_s, what=part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def demo_port(tmp_path: Path) -> Iterator[int]:
    """The broker's port of a demo whose five cars are there: of both backends."""
    directory = tmp_path / "demo"
    directory.mkdir()
    with ExitStack() as stack:
        demo = stack.enter_context(Demo(directory, "--port", str(free_port())))
        port = demo.port()
        with Observer(port) as observer:
            cars_appear(observer)
        yield port


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    """Where the logs of the programs go: `RECIPES_LOGS`, to keep them."""
    directory = Path(os.environ.get("RECIPES_LOGS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    return directory
