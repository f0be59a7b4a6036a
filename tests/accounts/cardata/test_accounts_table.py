"""CarData's tables in docs/accounts.md leave out nothing that the code decides by."""

import re

from bmw2mqtt.accounts.cardata.rest import client as rest
from bmw2mqtt.accounts.cardata.rest import containers
from bmw2mqtt.accounts.cardata.stream import disconnect_reasons as refusals
from tests.accounts.mybmw.simulated_day import DOCS


def answers(heading: str) -> str:
    """Return the first column of the table below a heading."""
    section = DOCS.read_text().split(f"\n### {heading}\n")[1].split("\n#")[0]
    return "\n".join(line.split(" | ")[0] for line in section.splitlines() if line[:2] == "| ")


def test_the_stream() -> None:
    codes = [int(code) for code in re.findall(r"(?<![\d.])\d+(?=[,:])", answers("The stream"))]
    assert sorted(codes) == sorted(refusals._CODES)


def test_rest() -> None:
    by_name = {
        rest.NO_VEHICLE,
        rest.NO_CONTAINER,
        rest.BEING_DELETED,
        rest.TOO_MANY_CONTAINERS,
        rest.NO_IMAGE,
        rest._NO_API_SCOPE,
        rest._QUOTA,
    }
    decided = by_name | rest._TOKEN | rest._OUTAGE | containers._LIST_REFUSED
    assert set(re.findall(r"CU-\d+", answers("REST"))) == decided
