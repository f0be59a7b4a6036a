"""What goes wrong at the simulated BMW reaches the unmodified library as it would from BMW."""

import asyncio
import json
import time

import httpx
import pytest
from bimmer_connected.models import (
    MyBMWAPIError,
    MyBMWAuthError,
    MyBMWCaptchaMissingError,
    MyBMWQuotaError,
)
from bimmer_connected.tests import VIN_G20, VIN_I20

from bmw2mqtt.simulator.mybmw import Fault, blocked, quota_exceeded, too_many_requests
from tests.fixture_cars import fixture_car


@pytest.fixture
async def account(user_with, app):
    account = app(user_with(fixture_car(VIN_I20)))
    await account.get_vehicles()
    return account


async def test_blocked(bmw, account):
    bmw.faults.add(blocked())

    with pytest.raises(MyBMWAPIError, match="Blocked"):
        await account.get_vehicles()
    assert bmw.requests[-1].status == 489
    bmw.faults.clear()
    await account.get_vehicles()


async def test_the_quota_is_exceeded(bmw, account, monkeypatch):
    async def no_sleep(_delay):
        return None

    monkeypatch.setattr("bimmer_connected.api.authentication.asyncio.sleep", no_sleep)
    bmw.faults.add(quota_exceeded(replenished_in="01:02:03"))

    with pytest.raises(MyBMWQuotaError, match=r"replenished in 01:02:03\."):
        await account.get_vehicles()


async def test_too_many_requests_once_are_waited_out(bmw, account, monkeypatch):
    slept = []

    async def note(delay):
        slept.append(delay)

    monkeypatch.setattr("bimmer_connected.api.authentication.asyncio.sleep", note)
    bmw.faults.add(too_many_requests(wait_s=3, times=1))

    await account.get_vehicles()

    assert slept == [6]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(path="state", status=401), MyBMWAuthError),
        (Fault(path="state", status=403, body="Forbidden"), MyBMWAuthError),
        (Fault(path="state", status=408), MyBMWAPIError),
        (Fault(path="state", status=503, body="<html>Service Unavailable"), MyBMWAPIError),
        (Fault(path="crccs", status=500), MyBMWAPIError),
        (Fault(path="state", status=200, body='{"state": {"curr'), json.JSONDecodeError),
        (Fault(path="state", status=200, body={"state": []}), AttributeError),
        (Fault(path="state", drop=True), httpx.RemoteProtocolError),
        (Fault(path="state", method="GET", vin=VIN_I20, status=500), MyBMWAPIError),
    ],
)
async def test_a_fault_is_played_until_it_is_cleared(bmw, account, fault, error):
    bmw.faults.add(fault)

    with pytest.raises(error):
        await account.get_vehicles()
    bmw.faults.clear()
    await account.get_vehicles()


async def test_a_fault_of_another_car_or_method_is_not_played(bmw, account):
    bmw.faults.add(Fault(vin=VIN_G20, status=500))
    bmw.faults.add(Fault(path="state", method="POST", status=500))

    await account.get_vehicles()


async def test_a_fault_wears_out(bmw, account):
    bmw.faults.add(Fault(path="state", status=500, times=2))

    for _ in range(2):
        with pytest.raises(MyBMWAPIError):
            await account.get_vehicles()
    await account.get_vehicles()


async def test_a_delay_ends_in_the_truth(bmw, account):
    bmw.faults.add(Fault(path="state", delay_s=0.2, times=1))
    begin = time.monotonic()

    await account.get_vehicles()

    assert time.monotonic() - begin >= 0.2


async def test_a_dropped_connection_is_recorded(bmw, account):
    bmw.faults.add(Fault(path="state", drop=True, times=1))
    with pytest.raises(httpx.TransportError):
        await account.get_vehicles()
    await asyncio.sleep(0)

    assert [r.status for r in bmw.requests if r.path.endswith("state")][-1] == 0


async def test_a_login_server_out_of_order_looks_like_a_missing_captcha(bmw, account):
    refresh_token = account.refresh_token
    bmw.accounts.expire_access_tokens()
    bmw.faults.add(Fault(path="/gcdm/oauth/token", status=503))

    with pytest.raises(MyBMWCaptchaMissingError):
        await account.get_vehicles()
    bmw.faults.clear()
    await account.get_vehicles()
    assert account.refresh_token != refresh_token


async def test_requests_are_recorded_with_what_matters(bmw, account):
    await account.get_vehicles()
    request = bmw.requests[-2]

    assert (request.method, request.path) == ("GET", "/eadrax-vcs/v4/vehicles/state")
    assert request.vin == VIN_I20
    assert request.query["apptimezone"] == "0"
    assert request.status == 200
    assert request.headers["x-user-agent"].endswith(";row")
    assert "authorization" not in request.headers


async def test_an_unknown_address_is_not_found(bmw, certificates):
    async with httpx.AsyncClient(verify=certificates.client_context()) as client:
        response = await client.get(f"https://{bmw.server}/eadrax-chs/v2/charging-sessions")
        anonymous = await client.post(
            f"https://{bmw.server}/eadrax-vcs/v5/vehicle-list",
            headers={"x-user-agent": "android(x);bmw;4.9.2(36892);row"},
        )
        no_app = await client.post(f"https://{bmw.server}/eadrax-vcs/v5/vehicle-list")

    assert (response.status_code, anonymous.status_code, no_app.status_code) == (404, 401, 400)
    assert [request.status for request in bmw.requests] == [404, 401, 400]
