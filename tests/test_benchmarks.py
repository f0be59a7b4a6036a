"""Every benchmark runs to its end. Its bounds are for people: machines differ, so none fails."""

import math
from pathlib import Path

import pytest

from benchmarks.__main__ import SUBJECTS
from benchmarks.figures import Figure

pytestmark = pytest.mark.no_cover


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_runs_to_its_end(name: str, tmp_path: Path) -> None:
    lines = list(SUBJECTS[name](tmp_path, quick=True))
    assert all(str(line).strip() for line in lines)
    figures = [line for line in lines if isinstance(line, Figure)]
    measured = [value for figure in figures for value in (*figure.ours, *figure.floor)]
    assert all(math.isfinite(value) and value > 0 for value in measured)
    assert figures or name == "stream_growth"  # which is all in its note
