"""Every benchmark runs to its end. Its bounds are for people: machines differ, so none fails."""

import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import SUBJECTS
from benchmarks.figures import Figure
from benchmarks.processes import Process
from tests.forked_process import ForkedPopen

pytestmark = pytest.mark.no_cover


THE_LIBRARY_ALONE = {"benchmarks.floors.library_polls", "benchmarks.floors.commands"}
"""Begin with nothing imported: the bridge changes what the library does."""


def start_quickly(arguments: Sequence[str], **options: Any) -> subprocess.Popen[str] | ForkedPopen:
    """Fork all but the library's processes."""
    has_library = THE_LIBRARY_ALONE.intersection(arguments)
    return (subprocess.Popen if has_library else ForkedPopen)(arguments, **options)


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_runs_to_its_end(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Process, "starts", start_quickly)
    lines = list(SUBJECTS[name](tmp_path, quick=True))
    assert all(str(line).strip() for line in lines)
    figures = [line for line in lines if isinstance(line, Figure)]
    measured = [value for figure in figures for value in (*figure.ours, *figure.floor)]
    assert all(math.isfinite(value) and value > 0 for value in measured)
    assert figures or name == "stream_growth"  # which is all in its note
