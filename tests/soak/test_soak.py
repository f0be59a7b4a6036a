"""Short forms of the soaks; `make soak` and `make soak-real` run the long ones."""

from pathlib import Path

import pytest

from tests.soak import real, virtual

pytestmark = pytest.mark.no_cover


@pytest.mark.timeout(600)  # beside busy processes
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # connections that were broken
def test_hours_in_virtual_time(tmp_path: Path) -> None:
    plan = virtual.Plan(days=0.1, trouble_every_s=150, quiet_s=6.5 * 3600, has_last_drive=True)
    virtual.run(plan, 7, tmp_path)


def test_seconds_in_real_time(tmp_path: Path) -> None:
    real.soak(seconds=20, seed=1, folder=tmp_path)
