"""What a refresh says of itself."""

from pathlib import Path

from bmw2mqtt.accounts.refresh import RefreshRecorder
from bmw2mqtt.accounts.request_counter import RequestCounter
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.tls import Certificates
from bmw2mqtt.vehicle.errors import Unreachable
from tests.accounts.mybmw.polled_account import polled_account
from tests.fixture_cars import fixture_cars


def result(changes: dict[str, str]) -> str:
    return changes["last_refresh"].partition(": ")[2]


def test_the_result_is_one_sentence(tmp_path: Path) -> None:
    requests = RequestCounter(StateFile(Store(tmp_path), "home"))
    refresh = RefreshRecorder(requests)
    assert not refresh.poll_started()
    requests.add(200)
    assert refresh.poll_ended(None) == {}, "nobody has asked for this poll"
    refresh.request()
    assert refresh.poll_started()
    requests.add(200)
    assert result(refresh.poll_ended(None)) == "1 request sent"
    refresh.request()
    refresh.poll_started()
    assert result(refresh.poll_ended(None)).startswith("nothing was requested")
    refresh.request()
    refresh.poll_started()
    assert result(refresh.poll_ended(Unreachable("BMW does not answer"))) == "BMW does not answer"
    assert refresh.poll_ended(None) == {}


async def test_a_mybmw_account_publishes_it(certificates: Certificates, tmp_path: Path) -> None:
    user = SimulatedUser(username="me@example.com", password="p", cars=fixture_cars()[:1])
    async with (
        MyBmwSimulator([user], certificates=certificates) as bmw,
        polled_account(bmw, user, certificates, tmp_path) as watched,
    ):
        assert (await watched.poll()).last_refresh is None
        watched.account.set_polling(is_polling=False)
        state = await watched.poll_with_list()
        assert state.last_refresh is not None
        assert state.last_refresh.endswith("requests sent")
