"""The documentation says what the code does, and hangs together."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference import documents
from tests.markdown import ROOT, Page, pages

GENERATED = documents()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_file_is_up_to_date(path: Path):
    assert path.read_text("utf-8") == GENERATED[path], "run: make reference"


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
