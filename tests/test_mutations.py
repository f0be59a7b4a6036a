"""The rules that `make mutations` breaks are found where they are now."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "mutations.py"


def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutations", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutations", module)  # its dataclass looks there
    spec.loader.exec_module(module)
    return module


def test_every_rule_is_found_once_and_has_its_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [path.read_text() for path in (ROOT / "bmw2mqtt").rglob("*.py")]
    mutations = load(monkeypatch).MUTATIONS
    assert len(mutations) >= 10
    for mutation in mutations:
        assert sum(text.count(mutation.old) for text in texts) == 1, mutation.rule
        assert mutation.tests, mutation.rule
        for test in mutation.tests:
            assert (ROOT / test).is_file(), (mutation.rule, test)
