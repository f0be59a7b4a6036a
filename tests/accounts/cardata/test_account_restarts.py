"""A CarData account over restarts and days: nothing is lost, the quota is kept."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.accounts.cardata.account_parts import VIN, AccountParts
from tests.accounts.cardata.running_account import MILEAGE, REST, RunningAccount
from tests.accounts.waiting import until

pytestmark = pytest.mark.no_cover


class Sender:
    """Sends messages of a car all the while that the stream's connection changes."""

    def __init__(self, home: RunningAccount, monkeypatch: pytest.MonkeyPatch, mileage: int) -> None:
        self.mileage = mileage
        self.messages: list[bytes] = []
        self.gaps, self._is_heard = 0, True
        self._home = home
        self._admit = home.bmw.stream.admit
        monkeypatch.setattr(home.bmw.stream, "admit", self._send_and_admit)

    def send(self) -> None:
        """Send one message; between BMW's CONNACK and its SUBACK nobody listens."""
        self.mileage += 1
        payload = self._home.bmw.stream.message(VIN, {MILEAGE: self.mileage})
        was_heard, self._is_heard = self._is_heard, self._home.bmw.publish_raw(VIN, payload)
        if self._is_heard:
            self.messages.append(payload)
        else:
            self.gaps += was_heard

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
        await self._home.clock.forward_to(self._home.account._credentials.renew_at)
        while len(stream.connects) == connects or not stream.is_subscribed(self._home.user.gcid):
            turns += 1
            if turns % 20 == 0 and turns < 400:
                self.send()
            await asyncio.sleep(0 if turns % 20 else 0.001)
        self.send()


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


async def test_two_days(parts: AccountParts) -> None:
    """Hourly tokens, cars that drive, a bridge that is started anew each day."""
    sent = gaps = 0
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
            gaps += sender.gaps
            mileage = sender.mileage
            requests += [r.at for r in parts.bmw.requests if r.path.startswith(REST)]
            assert home.status == "ok"
    connects = parts.bmw.stream.connects
    assert all(connect.reason == 0 for connect in connects)
    assert len(connects) == 2 * 29
    assert sent > 2 * 28
    assert gaps <= 2 * 28, "moments between two connections"
    day_long = timedelta(hours=24)
    assert all(sum(at - day_long < r <= at for r in requests) <= 45 for at in requests)
    assert len(requests) >= 2, "REST was asked each day"
