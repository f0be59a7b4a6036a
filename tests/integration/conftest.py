"""What tests of a daemon with a CarData account need."""

from pathlib import Path

import pytest

from tests.conftest import BackgroundBmw
from tests.integration.cardata_owner import CarDataOwner
from tests.mosquitto import Mosquitto


@pytest.fixture
def customer(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    """Who owns a car, and has not logged in yet."""
    return CarDataOwner(bmw_servers, broker.port, tmp_path / "data")
