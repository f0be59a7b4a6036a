"""A CarData account as a whole: what it says of itself and of its cars, in good and bad days."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata import check
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.simulator.cardata import API_SCOPE, Fault, cu_error
from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount, warnings
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover

REST = "/customers/"


def is_just_now(home: RunningAccount, moment: datetime | None) -> bool:
    """Whether something happened while the test waited for it."""
    return moment is not None and timedelta() <= home.clock.now - moment < timedelta(seconds=2)


# The login, as it shows


async def test_from_nothing_to_a_car(parts: AccountParts) -> None:
    with capture_logs() as logs:
        async with RunningAccount(parts).running() as home:
            await home.is_status("login_required", "waiting for you")
            code = home.attributes["user_code"]
            assert home.attributes["login_url"].endswith(f"/oneid/link?user_code={code}")
            expires_at = datetime.fromisoformat(home.attributes["expires_at"])
            assert timedelta(minutes=4, seconds=59) < expires_at - home.clock.now
            assert expires_at - home.clock.now <= timedelta(minutes=5)
            assert home.entity("binary_sensor/login_required") == "ON"
            assert home.entity("sensor/next_update") == "None"
            assert home.entity("sensor/requests_24h") == "0", "logins do not count"
            assert home.entity("sensor/requests_left") == "45"
            await home.log_in()
            assert home.attributes == {
                "message": None,
                "login_url": None,
                "user_code": None,
                "expires_at": None,
                "last_refresh": None,
            }
            assert home.entity("binary_sensor/login_required") == "OFF"
            await until(lambda: home.topic(f"{VIN}/availability") == "online")
            used = partial(home.bmw.quota.used, home.user.gcid)
            await until(lambda: home.entity("sensor/requests_24h") == str(used()))
            await until(lambda: home.entity("sensor/requests_left") == str(45 - used()))
            assert is_just_now(home, home.moment("sensor/last_update"))
            next_update = home.moment("sensor/next_update")
            assert next_update is not None
            assert timedelta(hours=20) < next_update - home.clock.now < timedelta(hours=25)
    assert warnings(logs) == ["account_status", "login_code_issued"]


async def test_declined(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.decline(code)
        await home.is_status("login_required", "declined")
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 1
        assert home.attributes["user_code"] is None
        home.account.log_in(None)
        await home.log_in()


async def test_expired(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        seen = set()
        for _ in range(6):
            code = await until(
                lambda: (code := home.attributes.get("user_code")) not in seen and code,
                within_s=310,
            )
            seen.add(code)
        await home.is_status("login_required", "press Log in", within_s=310)
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 6
        home.account.log_in(None)
        await home.log_in()


async def test_a_fault_of_bmws(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.oauth.exchange_failures = 1
        home.bmw.approve(code)
        await home.is_status("login_required", "on BMW's side")
        await home.clock.forward(hours=2)
        assert home.asked("device/code") == 1
        home.account.log_in(None)
        await home.log_in()


async def test_a_service_is_missing(parts: AccountParts) -> None:
    parts.user.granted.discard(API_SCOPE)
    async with RunningAccount(parts).running() as home:
        await home.is_status("login_required", "CarData API")
        assert home.entity("binary_sensor/login_required") == "ON"
        assert "CarData API" in str(home.entity("binary_sensor/login_required/attributes"))
        parts.user.granted.add(API_SCOPE)
        home.account.log_in(None)
        await home.log_in()


async def test_rest_wants_another_login(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.faults.add(cu_error("CU-103", path=REST))
        await home.refresh()
        await home.is_status("login_required", "CarData API off and on")
        await home.drive(50_000)  # the stream goes on
        home.bmw.faults.clear()
        home.account.log_in(None)
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("ok")


async def test_the_login_is_lost(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.registry.revoke()
        with capture_logs() as logs:
            await home.clock.forward(minutes=51)
            await home.is_status("login_required", "log in again")
            await home.clock.forward(hours=1)
        assert warnings(logs) == ["account_status"], "one line"
        assert home.asked("device/code") == 1
    async with RunningAccount(parts).running() as home:
        await home.is_status("login_required", "log in again")
        await home.clock.forward(minutes=1)
        assert home.asked("device/code") == 1, "a restart begins no login"
        home.account.log_in(None)
        await home.log_in()


async def test_a_login_on_the_terminal_is_taken_at_the_next_start(parts: AccountParts) -> None:
    home = RunningAccount(parts)
    async with home.running():
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.decline(code)
        await home.is_status("login_required", "declined")

    def approve(codes: Any) -> None:
        home.bmw.oauth.approve_after_s = 0
        assert codes.user_code in codes.verification_url

    settings: Any = home.settings.accounts["eu"]
    tls = client_context("eu", home.bmw.ca_file)
    await check.log_in("eu", settings, home.store, tls, approve)
    async with RunningAccount(parts).running() as again:
        await again.is_ok()
        assert again.asked("device/code") == 2


# REST's troubles


async def test_bmws_quota_is_used_up(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.quota.exhaust(home.user.gcid)
        await home.refresh()
        await home.is_status("quota_exceeded", "daily quota")
        assert "the stream goes on" in home.message
        await until(lambda: home.entity("sensor/requests_left") == "0")
        next_update = home.moment("sensor/next_update")
        assert next_update is not None
        midnight = datetime(2026, 11, 2, tzinfo=UTC)
        assert midnight < next_update < midnight + timedelta(minutes=30)
        await home.drive(50_000)
        asked, polls = home.asked(), home.account.polling.outcomes.total()
        await home.refresh()
        await until(lambda: home.account.polling.outcomes.total() > polls)
        assert home.asked() == asked, "not even for a person"
        day_s = timedelta(days=1).total_seconds()  # BMW counts a day: one midnight is too early
        await until(lambda: (home.status, home.message) == ("ok", ""), within_s=2 * day_s)


async def test_a_person_asks_within_the_budget(parts: AccountParts) -> None:
    async with RunningAccount(parts, request_budget=10).running() as home:
        await home.log_in()
        before = home.asked()
        await home.refresh()
        await until(lambda: home.asked() > before)
        for _ in range(10):
            await home.refresh()
            await home.clock.forward(minutes=1)
        await home.is_status("ok", "9 of 10 requests")
        assert home.asked() == 9, "a new car finds something left"
        assert home.entity("sensor/requests_left") == "1"
        await home.drive(50_000)
    async with RunningAccount(parts, request_budget=10).running() as home:
        await home.is_ok()
        assert home.entity("sensor/requests_left") == "1"
        assert home.asked() == 9, "a restart gives nothing back"


async def test_a_person_presses_again_and_again(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        asked = home.asked()
        for _ in range(100):
            home.account.refresh()
            await asyncio.sleep(0.002)
        await home.clock.forward(seconds=30)
        assert home.asked() == asked, "it was read a moment ago"
        home.bmw.faults.add(cu_error("CU-103", path=REST))
        await home.refresh()
        await home.is_status("login_required", "CarData API off and on")
        asked = home.asked()
        for _ in range(100):
            home.account.refresh()
            await asyncio.sleep(0.002)
        assert home.asked() == asked, "each try costs quota"


async def test_a_person_gets_what_bmw_knows_now(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        parts.user.cars[0].store({MILEAGE: 41_999})  # type: ignore[attr-defined]
        await home.clock.forward(minutes=10)
        assert home.car("sensor/mileage") == "41250"
        await home.refresh()
        await until(lambda: home.car("sensor/mileage") == "41999")
        assert is_just_now(home, home.moment("sensor/last_update"))


async def test_rest_is_out_of_order_and_the_stream_works(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.faults.add(cu_error("CU-503", path=REST))
        await home.refresh()
        await home.is_status("ok", "REST does not")
        await home.drive(50_000)
        await home.bmw.stream.stop()
        await until(lambda: not home.account._stream.is_connected)
        await home.clock.forward(minutes=2)
        await home.is_status("unreachable", "stream")
        await home.bmw.stream.start()
        home.bmw.faults.clear()
        await until(lambda: (home.status, home.message) == ("ok", ""), within_s=3 * 3600)


async def test_rest_is_out_of_order_before_it_told_which_cars_there_are(
    parts: AccountParts,
) -> None:
    parts.bmw.faults.add(Fault(path=REST, status=503))
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("unreachable", "out of order")
        assert home.moment("sensor/next_update") is not None
        home.bmw.faults.clear()
        await home.refresh()
        await home.is_ok()


async def test_seeing_that_nothing_is_due_is_no_update(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await until(lambda: home.moment("sensor/last_update"))
        last_update, asked = home.moment("sensor/last_update"), home.asked()
        for _ in range(5):
            await home.renew()
        assert home.asked() == asked
        assert home.moment("sensor/last_update") == last_update
        await home.drive(50_000)
        driven_at = home.clock.now
        await until(lambda: home.moment("sensor/last_update") != last_update, within_s=61)
        told = home.moment("sensor/last_update")
        assert told is not None
        assert abs(told - driven_at) < timedelta(seconds=2)
    await parts.clock.forward(hours=1)
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.moment("sensor/last_update") == told, "known after a restart")


# The stream's troubles


async def test_the_stream_is_refused(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        renewals = home.asked("oauth/token")
        home.bmw.stream.refuse_connects(1000)
        with capture_logs() as logs:
            home.bmw.stream.drop_all(135)
            await until(lambda: home.asked("oauth/token") > renewals)
            await home.clock.forward(minutes=2)
            await home.is_status("unreachable", "does not accept the login")
            for _ in range(7):
                await home.clock.forward(minutes=10)
            await home.is_status("error", "CarData Stream off and on")
            assert home.bmw.stream.connects[-1].reason == 135
        assert warnings(logs) == ["account_status", "account_status"], "one line a change"
        assert len(home.bmw.stream.connects) < 16
        home.bmw.stream._refusals.clear()
        await home.clock.forward(minutes=11)
        await home.is_ok()


async def test_another_program_fights_for_the_stream(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        with capture_logs() as logs:
            drops = 0
            while drops < 6:
                if home.bmw.stream.is_subscribed(home.user.gcid):
                    home.bmw.stream.take_over(home.user.gcid)
                    drops += 1
                await home.clock.forward(seconds=8)
            await home.is_status("error", "another program")
        assert [e["reason"] for e in logs if e.get("status") == "error"] == [home.message]
        assert "relay_prefix" in home.message
        for _ in range(5):
            await home.clock.forward(minutes=4)
        await home.is_ok()


async def test_no_stream_is_configured(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        home.bmw.stream.refused_subscriptions = 1
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("error", "configure the data stream of each car")
        await home.clock.forward(seconds=30)
        await home.is_ok()


# Restarts and a week


async def test_values_of_before_are_there_before_bmw_is_reached(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await home.drive(50_000)
    await parts.bmw.stop()
    try:
        async with RunningAccount(parts).running() as home:
            await until(lambda: home.car("sensor/mileage") == "50000")
            assert home.topic(f"{VIN}/availability") == "online"
    finally:
        await parts.bmw.start()


class Sender:
    """Sends messages of a car all the while that the stream's connection changes."""

    def __init__(self, home: RunningAccount, monkeypatch: pytest.MonkeyPatch, mileage: int) -> None:
        self.mileage = mileage
        self.messages: list[bytes] = []
        self.missed = 0
        self._home = home
        self._admit = home.bmw.stream.admit
        monkeypatch.setattr(home.bmw.stream, "admit", self._send_and_admit)

    def send(self) -> None:
        """Send one message; between BMW's CONNACK and its SUBACK nobody listens."""
        self.mileage += 1
        payload = self._home.bmw.stream.message(VIN, {MILEAGE: self.mileage})
        if self._home.bmw.publish_raw(VIN, payload):
            self.messages.append(payload)
        else:
            self.missed += 1

    def _send_and_admit(self, *args: Any) -> Any:
        for _ in range(20):  # in the last moment of the old connection
            self.send()
        answer = self._admit(*args)
        self.send()
        return answer

    async def renew(self) -> None:
        """Live until the login is renewed and the stream has begun anew with it."""
        stream, turns = self._home.bmw.stream, 0
        connects = len(stream.connects)
        await self._home.clock.forward_to(self._home.account._bmw.credentials.renew_at)
        while len(stream.connects) == connects or not stream.is_subscribed(self._home.user.gcid):
            turns += 1
            if turns % 20 == 0 and turns < 400:
                self.send()
            await asyncio.sleep(0 if turns % 20 else 0.001)
        self.send()


async def test_two_days(parts: AccountParts) -> None:
    """Hourly tokens, cars that drive, a bridge that is started anew each day."""
    sent = missed = 0
    mileage = 41_250
    requests: list[datetime] = []
    for day in range(2):
        async with RunningAccount(parts, relay_prefix="bmw/").running() as home:
            parts.bmw.requests.clear()
            await (home.is_ok() if day else home.log_in())
            with pytest.MonkeyPatch.context() as monkeypatch:
                sender = Sender(home, monkeypatch, mileage)
                for _ in range(28):
                    await sender.renew()
                    await home.has_relayed(len(sender.messages))
                    await home.drive(sender.mileage + 1)
                    sender.mileage += 1
                    sender.messages.append(b"")
                    saved = json.loads((parts.folder / "tokens-eu.json").read_bytes())
                    grant = home.bmw.registry._by_refresh_token[saved["refresh_token"]]
                    assert grant.replaced_at is None, "it is the newest one"
            got = [payload for _, payload in home.relayed()]
            assert len(got) == len(sender.messages)
            assert all(sent in (b"", it) for sent, it in zip(sender.messages, got, strict=True))
            sent += len(sender.messages)
            missed += sender.missed
            mileage = sender.mileage
            requests += [r.at for r in parts.bmw.requests if r.path.startswith(REST)]
            assert home.status == "ok"
    connects = parts.bmw.stream.connects
    assert all(connect.reason == 0 for connect in connects)
    assert len(connects) == 2 * 29
    assert sent > 2 * 28
    assert missed < 2 * 28 * 10, "moments between two connections"
    day_long = timedelta(hours=24)
    assert all(sum(at - day_long < r <= at for r in requests) <= 45 for at in requests)
    assert len(requests) >= 2, "REST was asked each day"


# The stream and the last refresh, as they show


async def test_the_stream_shows(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:

        def stream() -> Any:
            return json.loads(home.entity("binary_sensor/stream_connected/attributes") or "{}")

        await until(lambda: home.entity("binary_sensor/stream_connected") == "OFF")
        await until(lambda: stream()["reason"] == "the account is not logged in")
        assert home.entity("sensor/last_message") == "None"
        await home.log_in()
        await until(lambda: home.entity("binary_sensor/stream_connected") == "ON")
        connected_at = stream()["since"]
        assert is_just_now(home, datetime.fromisoformat(connected_at))
        assert stream()["reason"] is None
        await home.drive(50_000)
        await home.clock.forward(minutes=2)
        last_message = home.moment("sensor/last_message")
        assert last_message is not None
        assert home.clock.now - last_message < timedelta(minutes=3)
        await home.renew()
        assert stream()["since"] == connected_at, "another token is no interruption"
        home.bmw.stream.refuse_connects(20, 137)
        home.bmw.stream.drop_all(137)
        await until(lambda: home.entity("binary_sensor/stream_connected") == "OFF")
        assert stream()["reason"] == "BMW's stream is busy"
        assert stream()["since"] > connected_at
        home.account.set_polling(is_polling=False)
        await until(lambda: stream()["reason"] == "polling is paused")


async def test_a_refresh_says_what_it_did(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()

        def result() -> str:
            return str(home.attributes["last_refresh"]).partition(": ")[2]

        await home.refresh()
        await until(lambda: result().endswith("requests sent"))
        home.account.refresh()
        await until(lambda: result().startswith("nothing was requested"))
        home.bmw.quota.exhaust(home.user.gcid)
        await home.refresh()
        await until(lambda: "quota" in result())


async def test_nothing_is_selected_for_the_stream(parts: AccountParts) -> None:
    """The hint comes a day after the login, and goes with the first message."""
    parts.user.selected_descriptors = set()
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await home.clock.forward(hours=23)
        assert home.message == ""
        await home.clock.forward(hours=2)
        await home.is_status("ok", "nothing was streamed in the 24 hours since the login")
        streamed = home.account.streamed(VIN)
        assert streamed.is_silent
        parts.user.selected_descriptors = None
        await home.drive(50_000)
        await home.clock.forward(minutes=2)
        await home.is_status("ok")
        assert home.message == ""
        assert set(home.account.streamed(VIN).last) == {MILEAGE}
