"""The package stays easy to find one's way in: short modules, short functions, unique names."""

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter

import pytest

from tests.package_source import SourceModule, modules

pytestmark = pytest.mark.no_cover

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def test_no_module_is_long() -> None:
    lines = {name: module.text.count("\n") for name, module in modules().items()}
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


def test_no_function_is_long() -> None:
    long = [
        f"{name}.{node.name}: {lines} lines"
        for name, module in modules().items()
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_two_classes_share_a_name() -> None:
    """The simulator is BMW's side, and counts for itself."""
    places = defaultdict(list)
    for name, module in modules().items():
        side = name.startswith("bmw2mqtt.simulator")
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                places[node.name, side].append(name)
    assert {key: names for key, names in places.items() if len(names) > 1} == {}


def test_only_the_backends_themselves_ask_which_backend_it_is() -> None:
    """What differs is in their folders and their table."""
    own = ("accounts.cardata", "accounts.mybmw", "accounts.backends", "config", "simulator", "demo")
    asks = re.compile(r"isinstance\(.*(CarData|MyBmw)|[=!]= ?\"(cardata|mybmw)\"")
    found = [
        f"{name}: {line.strip()}"
        for name, module in modules().items()
        if not name.startswith(tuple(f"bmw2mqtt.{part}" for part in own))
        for line in module.text.splitlines()
        if asks.search(line)
    ]
    assert found == []


def test_imports_have_no_circle() -> None:
    graph = {name: imported(module) - {name} for name, module in modules().items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def imported(module: SourceModule) -> set[str]:
    """Return the modules of the package that a module imports, also within functions."""
    names = set()
    for node in module.nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full in modules() else str(node.module))
    return names & modules().keys()
