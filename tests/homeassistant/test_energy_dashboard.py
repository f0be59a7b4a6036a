"""The energy counters in the real Home Assistant: its Energy dashboard, its statistics, its sums.

It computes statistics every five minutes of real time, so this takes a quarter of an hour.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bmw2mqtt.history.database import open_for_reading
from bmw2mqtt.history.queries import HistoryReader
from tests.accounts.cardata.driven_car import DESCRIPTORS
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon
from tests.integration.cardata_owner import VIN, CarDataOwner
from tests.mosquitto import Mosquitto, Observer, wait_until

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(3600)]

KEYS = ("energy_charged", "energy_charged_home")
HOME = (48.137, 11.575)
STATISTICS_S = 660
"""Five minutes until a period is over, and its computation; the period may have just begun."""
LOCATION = "vehicle.cabin.infotainment.navigation.currentLocation"


@pytest.fixture
def customer(bmw_servers: BackgroundBmw, broker: Mosquitto, tmp_path: Path) -> CarDataOwner:
    customer = CarDataOwner(bmw_servers, broker.port, tmp_path / "data")
    customer.car.basic["driveTrain"] = "BEV"
    position = {f"{LOCATION}.latitude": HOME[0], f"{LOCATION}.longitude": HOME[1]}
    customer.car.store(position, measured_at=datetime.now(UTC) - timedelta(hours=1))
    customer.log_in()
    return customer


class Dashboard:
    """What Home Assistant makes of the two counters."""

    def __init__(self, home_assistant: Any) -> None:
        self._ha = home_assistant
        self.begin = datetime.now(UTC) - timedelta(minutes=5)
        self.entities: dict[str, str] = {}
        """Entity ids by key."""

    def find_entities(self) -> None:
        def found() -> bool:
            entities = self._ha.entities()
            self.entities = {
                key: entity["entity_id"]
                for key in KEYS
                for entity in entities
                if entity["unique_id"].endswith(f"{VIN}_sensor_{key}")
            }
            return len(self.entities) == len(KEYS)

        wait_until(found, what="both counters are entities")

    def add(self) -> None:
        """Add them as individual devices, as the dialog of the dashboard does."""
        devices = [{"stat_consumption": entity} for entity in self.entities.values()]
        self._ha.ws("energy/save_prefs", device_consumption=devices)

    def complaints(self) -> list[Any]:
        found: dict[str, list[Any]] = self._ha.ws("energy/validate")
        return [complaint for device in found["device_consumption"] for complaint in device]

    def wait_for_states(self, kwh: float) -> None:
        def is_there() -> bool:
            states = self._ha.states()
            shown = [states[entity]["state"] for entity in self.entities.values()]
            return all(state not in {"unknown", "unavailable"} for state in shown) and all(
                float(state) == kwh for state in shown
            )

        wait_until(is_there, 90, what=f"both counters show {kwh}")

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return the statistics by entity id, oldest first."""
        found: dict[str, list[dict[str, Any]]] = self._ha.ws(
            "recorder/statistics_during_period",
            start_time=self.begin.isoformat(),
            statistic_ids=list(self.entities.values()),
            period="5minute",
            types=["state", "sum"],
        )
        return found

    def wait_for_sums(self, kwh: float) -> None:
        """Wait until the statistics have caught up, and compare their sums."""
        began_ms = time.time() * 1000

        def are_there() -> bool:
            rows = self.rows()
            newest = [found[-1] for entity in self.entities.values() if (found := rows.get(entity))]
            return len(newest) == len(KEYS) and all(row["end"] >= began_ms for row in newest)

        wait_until(are_there, STATISTICS_S, what="statistics of this moment")
        for entity, rows in self.rows().items():
            sums = [row["sum"] for row in rows]
            assert sums == sorted(sums), (entity, sums)
            assert sums[-1] == pytest.approx(kwh, abs=0.005), (entity, rows)


def report(customer: CarDataOwner, **values: Any) -> None:
    readings = {DESCRIPTORS[name]: value for name, value in values.items()}
    customer.stream(*(customer.bmw.stream.message(VIN, {n: v}) for n, v in readings.items()))


def charge(customer: CarDataOwner, observer: Observer, begin: int, end: int) -> None:
    """Charge in some seconds, so that it counts as direct current."""

    def wait_for(entity: str, *payloads: str) -> None:
        topic = f"bmw2mqtt/{VIN}/{entity}"
        wanted = {payload.encode() for payload in payloads}
        wait_until(lambda: observer.current().get(topic) in wanted, what=f"{entity} {payloads}")

    report(customer, PL="CONNECTED", ME=78, HD=begin, ST="CHARGINGACTIVE")
    wait_for("sensor/charging_status", "charging")
    report(customer, HD=end)
    wait_for("sensor/remaining_battery_percent", str(end))
    report(customer, ST="CHARGINGENDED")
    wait_for("sensor/charging_status", "complete", "target_reached")
    report(customer, PL="DISCONNECTED")
    wait_for("binary_sensor/connection_status", "OFF")


def corrected(customer: CarDataOwner, begin: datetime, kwh: float) -> None:
    """Let BMW's own record say that less was charged, and let it be read at the next start."""
    now = datetime.now(UTC)
    customer.car.sessions.append(
        {
            "startTime": int(begin.timestamp()),
            "endTime": int(now.timestamp()),
            "timeZone": "Europe/Berlin",
            "totalChargingDurationSec": int((now - begin).total_seconds()),
            "displayedStartSoc": 40,
            "displayedSoc": 60,
            "energyConsumedFromPowerGridKwh": kwh,
            "isPreconditioningActivated": True,
            "mileage": 1000,
            "mileageUnits": "KM",
            "chargingBlocks": [],
        }
    )
    path = customer.folder / "account-eu.json"
    state = json.loads(path.read_bytes())
    for vehicle in state["vehicles"]["vehicles"].values():
        vehicle |= {"read_at": None, "charges_read_at": None}
    path.write_text(json.dumps(state))


def sources(customer: CarDataOwner) -> list[str | None]:
    """Return where the energy of each recorded session comes from."""
    with closing(open_for_reading(customer.folder / "history.db")) as connection:
        return [row.record.energy_source for row in HistoryReader(connection).sessions()]


def test_corrections_restarts_and_a_lost_file_leave_the_sum_right(
    home_assistant: Any,
    broker: Mosquitto,
    observer: Observer,
    customer: CarDataOwner,
    launch: Callable[..., Daemon],
) -> None:
    home_assistant.add_mqtt(broker.port)
    settings = customer.settings() | {
        "history": {"home": {"latitude": HOME[0], "longitude": HOME[1]}}
    }
    process = launch(settings)
    dashboard = Dashboard(home_assistant)
    dashboard.find_entities()
    dashboard.wait_for_states(0.0)
    dashboard.add()

    begin = datetime.now(UTC)
    charge(customer, observer, 40, 60)
    dashboard.wait_for_states(16.08)
    dashboard.wait_for_sums(16.08)
    assert dashboard.complaints() == []

    # BMW corrects it downwards, and both sides are restarted: the sum stands.
    assert process.stop() == 0
    corrected(customer, begin, 12.0)
    customer.let_a_minute_pass()
    home_assistant.restart()
    process = launch(settings)
    process.wait_log("stream_connected")
    wait_until(lambda: sources(customer) == ["bmw"], what="BMW's record is merged")
    dashboard.wait_for_states(16.08)
    # The next charge makes up for it: 12 kWh and 10 % of the battery.
    charge(customer, observer, 60, 70)
    dashboard.wait_for_states(20.04)
    dashboard.wait_for_sums(20.04)

    # Without its file, the bridge goes on with what the broker retains.
    assert process.stop() == 0
    for file in customer.folder.glob("history.db*"):
        file.unlink()
    customer.let_a_minute_pass()
    process = launch(settings)
    process.wait_log("stream_connected")
    dashboard.wait_for_states(20.04)
    charge(customer, observer, 70, 80)
    dashboard.wait_for_states(28.08)
    dashboard.wait_for_sums(28.08)

    assert dashboard.complaints() == []
    lines = [str(line) for line in home_assistant.problems()]
    assert not [line for line in lines if "energy_charged" in line or "statistic" in line]
