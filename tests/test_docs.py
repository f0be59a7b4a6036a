"""The documentation says what the code does, and hangs together."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference import DOCUMENTS
from tests.markdown import ROOT, Page, pages
from tests.package_source import modules


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_generated_file_is_up_to_date(path: Path):
    assert path.read_text("utf-8") == DOCUMENTS[path](), "run: make reference"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the built site; a link that leads nowhere ends the build."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_site_loads_nothing_from_elsewhere(site):
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//"
        r"|<link[^>]*\shref=[\"']?(?:https?:)?//"
        r"|@import\s+[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//"
    )
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 20
    assert not [file for file in files if loads.search(file.read_text("utf-8"))]


def test_site_has_the_files_that_pages_link_to(site):
    assert (site / "asyncapi.yaml").is_file()
    assert (site / "project" / "docker" / "acl.conf").is_file()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_to_files(page: Page):
    """Also those of the README, which is no part of the site."""
    broken = [
        link
        for link in page.links()
        if link.partition("#")[0] and not (page.path.parent / link.partition("#")[0]).exists()
    ]
    assert broken == []


def names_of_code() -> set[str]:
    """Return the names that the package defines: classes, functions, attributes, constants."""
    names = set()
    for module in modules().values():
        for node in module.nodes:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Name):
                names.add(node.id)
    return names


def ends_of_paths(*tops: str) -> list[str]:
    """Return the files and folders below these, each from a slash on; folders end with one."""
    found = [path for top in tops for path in (ROOT / top).rglob("*")]
    return [f"/{path.relative_to(ROOT).as_posix()}{'/' * path.is_dir()}" for path in found]


def test_architecture_names_what_exists() -> None:
    """Files and folders by the end of their path, and names of the code."""
    page = next(page for page in pages() if page.name == "docs/architecture.md")
    ends = [*ends_of_paths("bmw2mqtt", "docs", "reference"), "/reference/"]
    defined = names_of_code()
    prose = page.text.replace("\n```\n", "\n``` \n")
    unknown = []
    for name in re.findall(r"`([\w/.]+)`", re.sub(r"```.*?``` ?", "", prose, flags=re.DOTALL)):
        if name.endswith(("/", ".py", ".tsv")):
            if not any(end.endswith(f"/{name}") for end in ends):
                unknown.append(name)
        elif re.search(r"_|[a-z][A-Z]", name) and name not in {*defined, "bimmer_connected"}:
            unknown.append(name)
    assert unknown == []


def test_decisions_name_files_that_exist() -> None:
    ends = ends_of_paths("bmw2mqtt", "reference", "tests", "benchmarks", "scripts")
    decisions = [page for page in pages() if page.name.startswith("docs/adr/")]
    unknown = [
        f"{page.name}: {name}"
        for page in decisions
        for name in re.findall(r"`([\w/.]+\.py)`", page.text)
        if not any(end.endswith(f"/{name}") for end in ends)
    ]
    assert decisions
    assert unknown == []
