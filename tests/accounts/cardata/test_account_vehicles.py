"""A CarData account's cars: pausing, what is current, messages nobody asked for, cars that go."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.simulator.cardata import CarDataUser, empty_list
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts, car
from tests.accounts.cardata.running_account import MILEAGE, RunningAccount, warnings
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover

OTHER_CLIENT = "11111111-2222-3333-4444-555555555555"


# Pausing


async def test_paused_and_resumed(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.account.set_polling(is_polling=False)
        await until(lambda: not home.bmw.stream.clients, "the stream is left to others")
        await home.is_status("paused")
        assert home.entity("switch/polling") == "OFF"
        assert home.entity("sensor/next_update") == "None"
        asked, tokens = home.asked(), home.asked("oauth/token")
        await home.clock.forward(hours=30)
        assert home.asked() == asked
        assert home.asked("oauth/token") > tokens, "the login is kept"
        assert home.status == "paused"
    async with RunningAccount(parts).running() as home:
        await home.is_status("paused")
        await home.clock.forward(minutes=1)
        assert not home.bmw.stream.clients
        assert home.asked() == asked
        assert home.car("sensor/mileage") == "41250", "what is known is shown"
        await home.refresh()
        await until(lambda: home.asked() > asked)
        await home.clock.forward(minutes=1)
        assert (home.status, len(home.bmw.stream.clients)) == ("paused", 0)
        home.account.set_polling(is_polling=True)
        await home.is_ok()
        assert home.entity("switch/polling") == "ON"


async def test_paused_without_a_login(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.attributes.get("user_code"))
        home.account.set_polling(is_polling=False)
        home.bmw.approve(home.attributes["user_code"])
        await home.is_status("paused")
        await home.clock.forward(minutes=1)
        assert (home.asked(), len(home.bmw.stream.connects)) == (0, 0)


# What is current


async def test_silence_keeps_cars_online_and_a_lost_stream_does_not(parts: AccountParts) -> None:
    parts.bmw.registry.lifetimes.id_token_s = timedelta(days=1).total_seconds()
    async with RunningAccount(parts).running() as home:
        availability = f"{VIN}/availability"

        def is_online() -> bool:
            home.fleet.check_availability()
            return home.topic(availability) == "online"

        await home.log_in()
        connects = len(home.bmw.stream.connects)
        for _ in range(6):
            await home.clock.forward(minutes=30)
            assert is_online(), "a parked car says nothing for days"
        assert len(home.bmw.stream.connects) - connects <= 4, "for new tokens, not for silence"
        await home.bmw.stream.stop()
        await until(lambda: not home.account._stream.is_connected)
        await home.clock.forward(minutes=29)
        assert is_online()
        await home.clock.forward(minutes=2)
        assert not is_online()
        await home.bmw.stream.start()
        await home.clock.forward(minutes=10)
        await until(lambda: home.topic(availability) == "online", "with the stream")


async def test_a_lost_login_turns_cars_offline(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.registry.revoke()
        home.bmw.stream.drop_all(135)
        await home.is_status("login_required")
        await home.clock.forward(minutes=31)
        home.fleet.check_availability()
        assert home.topic(f"{VIN}/availability") == "offline"
        assert home.car("sensor/mileage") == "41250", "values stay"
        home.account.log_in(None)
        await home.log_in()
        await until(lambda: home.topic(f"{VIN}/availability") == "online")


# Messages nobody asked for


HOSTILE = [
    b"",
    b"no JSON",
    b"[]",
    b'"text"',
    b"null",
    b"{}",
    b'{"vin": 1, "data": {}}',
    b'{"vin": "WBA00000000000001", "data": []}',
    b'{"vin": "WBA00000000000001", "data": {"vehicle.isMoving": 1}}',
    b'{"vin": "WBA00000000000001", "data": {"vehicle.isMoving": {"value": {"a": [1]}}}}',
    b'{"vin": "WBA00000000000001", "data": {"vehicle.isMoving": {"value": 1e999, "unit": []}}}',
    b'{"vin": "WBA00000000000001", "data": {"vehicle.isMoving": {"value": NaN, "timestamp": 5}}}',
    b'{"vin": "../../etc/passwd#", "data": {}}',
    b'{"vin": "WBA0000000000000+", "data": {"vehicle.isMoving": {"value": true}}}',
    b"[" * 100_000,
    b"\xff\xfe\x00",
    b'{"vin": "WBA00000000000001", "data": ' + b"9" * 10_000 + b"}",
    b'{"vin": "WBA00000000000001", "data": {"unheard.of": {"value": "' + b"x" * 10**6 + b'"}}}',
]


async def test_messages_that_are_none(parts: AccountParts) -> None:
    async with RunningAccount(parts, relay_prefix="bmw/").running() as home:
        await home.log_in()
        relayed = len(home.relayed())
        with capture_logs() as logs:
            for payload in HOSTILE * 3:
                home.bmw.publish_raw(VIN, payload)
            await home.drive(50_000)
        assert "stream_message_crashed" not in {entry["event"] for entry in logs}
        assert len(warnings(logs)) <= 4, "each once"
        assert home.status == "ok"
        assert len(home.bmw.stream.connects) == 1
        topics = {topic for topic, _ in home.relayed()[relayed:]}
        assert topics == {f"bmw/{VIN}"}
        assert max(len(payload) for _, payload in home.relayed()) < 256 * 1024


async def test_cars_without_end(parts: AccountParts) -> None:
    async with RunningAccount(parts, relay_prefix="bmw/").running() as home:
        await home.log_in()
        gcid = home.user.gcid
        client = home.bmw.stream.client_of(gcid)
        assert client is not None
        data = {MILEAGE: {"value": 1, "timestamp": "2026-11-01T10:00:00Z"}}
        for number in range(1500):
            vin = f"WBA{number:014}"
            home.bmw.publish_raw(VIN, json.dumps({"vin": vin, "data": data}).encode())
        await home.drive(50_000)
        assert len({topic for topic, _ in home.relayed()}) <= 1000


async def test_a_car_that_only_the_stream_knows(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.add_car(home.user, car(OTHER_VIN))
        assert home.bmw.publish(OTHER_VIN, {MILEAGE: 7})
        await home.clock.forward(seconds=5)
        assert home.car("sensor/mileage", OTHER_VIN) is None, "first BMW says what car it is"
        await home.clock.forward(minutes=3)
        await until(lambda: home.car("sensor/mileage", OTHER_VIN) == "7", "better than nothing")
        await home.refresh()
        await until(lambda: "i4" in str(home.topic(f"{OTHER_VIN}/state")))


async def test_a_car_that_is_gone(parts: AccountParts) -> None:
    parts.bmw.add_car(parts.user, car(OTHER_VIN))
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        await until(lambda: home.car("sensor/mileage", OTHER_VIN))
        del parts.user.cars[1]
        for _ in range(2):
            assert home.car("sensor/mileage", OTHER_VIN)
            asked = home.asked("mappings")
            await home.clock.forward(hours=24)
            await until(lambda seen=asked: home.asked("mappings") > seen)
            await home.clock.forward(seconds=5)
        await until(lambda: home.car("sensor/mileage", OTHER_VIN) is None)
        assert home.car("sensor/mileage") == "41250"
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.car("sensor/mileage"))
        assert home.car("sensor/mileage", OTHER_VIN) is None


async def test_lists_without_cars_take_no_car_that_streams(parts: AccountParts) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
        home.bmw.faults.add(empty_list())
        for number in range(2):
            await home.clock.forward(hours=24)
            await home.drive(50_000 + number)
        assert home.asked("mappings") == 3
        assert (home.status, home.message) == ("ok", "")
    async with RunningAccount(parts).running() as home:
        await until(lambda: home.car("sensor/mileage") == "50001")


async def test_an_account_without_a_car(parts: AccountParts) -> None:
    parts.user.cars.clear()
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("error", "BMW names no car for this account")


async def test_an_account_without_a_car_of_its_own(parts: AccountParts) -> None:
    parts.user.secondary_vins = {VIN}
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("error", "be their primary user")
        assert home.topic(f"{VIN}/availability") is None, "nothing is known of it"
        parts.user.secondary_vins = set()
        await home.refresh()
        await home.is_ok()


async def test_the_cars_of_another_bmw_account_go(parts: AccountParts) -> None:
    other = CarDataUser(name="other", cars=[car(OTHER_VIN)], client_ids={OTHER_CLIENT})
    parts.bmw.add_user(other)
    async with RunningAccount(parts).running() as home:
        await home.log_in()
    async with RunningAccount(parts, client_id=OTHER_CLIENT).running() as home:
        await until(lambda: home.car("sensor/mileage") == "41250")
        home.user = other
        await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(home.attributes["user_code"])
        await until(lambda: home.car("sensor/mileage", OTHER_VIN) == "41250")
        assert home.car("sensor/mileage") is None
        assert len(other.containers) == 2
        await home.store.flushed()
        files = [str(path) for path in parts.folder.rglob("*") if VIN in path.name]
        assert files == [], "basic data and picture"
        assert VIN.encode() not in b"".join(
            path.read_bytes() for path in parts.folder.glob("account-*.json")
        )
    async with RunningAccount(parts, client_id=OTHER_CLIENT).running() as home:
        await until(lambda: home.car("sensor/mileage", OTHER_VIN) == "41250")
        assert home.car("sensor/mileage") is None


async def test_a_car_of_another_user_that_streams_is_shown(parts: AccountParts) -> None:
    parts.user.secondary_vins, parts.user.streams_secondary = {VIN}, True
    async with RunningAccount(parts).running() as home:
        code = await until(lambda: home.attributes.get("user_code"))
        home.bmw.approve(code)
        await home.is_status("error", "be their primary user")
        await until(lambda: home.bmw.stream.is_subscribed(home.user.gcid))
        assert home.bmw.publish(VIN, {MILEAGE: 7})
        await home.clock.forward(minutes=3)
        await until(lambda: home.car("sensor/mileage") == "7")
        await home.is_status("ok")
        await home.clock.forward(hours=50)
        assert home.car("sensor/mileage") == "7"
        assert home.asked(f"{VIN}/basicData") == 1
        assert home.asked(f"{VIN}/telematicData") == 0


async def test_a_car_that_left_while_nobody_looked_is_swept_at_the_start(
    parts: AccountParts,
) -> None:
    async with RunningAccount(parts).running() as home:
        await home.log_in()
    await parts.bmw.stop()
    try:
        async with RunningAccount(parts).running() as home:
            await until(lambda: home.car("sensor/mileage"))
            assert "eu" in home.fleet._ownership.listed, "the list of before is a whole one"
    finally:
        await parts.bmw.start()
