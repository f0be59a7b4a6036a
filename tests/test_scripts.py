"""What `make` installs before it does anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"
DEBIAN = "echo Chromium 150.0 built on Debian GNU/Linux"
SNAP = "echo Chromium 150.0 snap"
SNAP_IS_MISSING = "echo requires the chromium snap to be installed >&2; exit 1"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the few programs that there are."""
    for name in ("dirname", "env", "grep"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    return tmp_path


def add(programs: Path, name: str, script: str) -> None:
    """Add a program that is a shell script."""
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def run(programs: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of our scripts with these programs alone."""
    command, environment = [SCRIPTS / script, *words], {"PATH": str(programs)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({}, None),
        ({"chromium": DEBIAN}, "chromium"),
        ({"chromium-browser": DEBIAN, "google-chrome": DEBIAN}, "chromium-browser"),
        ({"chromium": SNAP}, None),
        ({"chromium-browser": SNAP_IS_MISSING}, None),
        ({"chromium-browser": SNAP_IS_MISSING, "google-chrome": DEBIAN}, "google-chrome"),
    ],
)
def test_a_chromium_that_tests_can_use(
    programs: Path, there: dict[str, str], found: str | None
) -> None:
    for name, script in there.items():
        add(programs, name, script)
    done = run(programs, "chromium")
    assert done.stdout.strip() == (str(programs / found) if found else "")
    assert (done.returncode == 0) == (found is not None)


@pytest.mark.parametrize(
    ("candidate", "installed"),
    [
        pytest.param("150.0-1~deb12u1", True, id="Debian"),
        pytest.param("(none)", False, id="Ubuntu"),
    ],
)
def test_a_name_that_stands_for_a_snap_is_not_installed(
    programs: Path, candidate: str, *, installed: bool
) -> None:
    for name, script in {
        "id": "echo 0",
        "tee": ":",
        "chmod": ":",
        "rm": ":",
        "apt-cache": f"echo '  Installed: (none)'; echo '  Candidate: {candidate}'",
        "apt-get": f'echo "$@" >>{programs}/log',
    }.items():
        add(programs, name, script)
    optional = run(programs, "need", "--optional", "chromium")
    wanted = run(programs, "need", "chromium")
    log = (programs / "log").read_text()
    assert ("install -y -qq --no-install-recommends chromium" in log) == installed
    assert optional.returncode == 0
    assert (wanted.returncode, "please install: chromium" in wanted.stderr) == (
        (0, False) if installed else (1, True)
    )
