"""Logging in to the simulated BMW with the unmodified library."""

import asyncio
import logging

import pytest
from bimmer_connected.const import Regions
from bimmer_connected.models import MyBMWAuthError, MyBMWCaptchaMissingError

from tests.fixture_cars import fixture_cars

CHINA_USES_GETDATA = pytest.mark.filterwarnings("ignore:.*getdata.*:DeprecationWarning")
REGIONS = ["rest_of_world", "north_america", pytest.param("china", marks=CHINA_USES_GETDATA)]


@pytest.mark.parametrize("region", REGIONS)
async def test_logs_in_and_finds_all_nine_cars(user_with, app, region):
    user = user_with(*fixture_cars(), region=region)
    account = app(user)

    await account.get_vehicles()

    assert {vehicle.vin for vehicle in account.vehicles} == {car.vin for car in user.cars}
    assert account.gcid == user.gcid


@pytest.mark.parametrize("region", REGIONS)
async def test_an_expired_access_token_is_recovered_by_refresh(bmw, user_with, app, region):
    account = app(user_with(*fixture_cars()[:1], region=region))
    await account.get_vehicles()
    first_refresh_token = account.refresh_token
    bmw.accounts.expire_access_tokens()
    bmw.requests.clear()

    await account.get_vehicles()

    assert account.refresh_token != first_refresh_token
    assert [request.status for request in bmw.requests if "state" in request.path] == [401, 200]
    assert not [r for r in bmw.requests if r.path.endswith(("authenticate", "login/pwd"))]


async def test_an_access_token_lives_as_long_as_it_says(bmw, user_with, app):
    bmw.accounts.access_token_lifetime_s = 0.05
    account = app(user_with(*fixture_cars()[:1]))
    await account.config.authentication.login()
    await asyncio.sleep(0.1)
    bmw.requests.clear()
    bmw.accounts.access_token_lifetime_s = 3600

    await account.get_vehicles()

    assert bmw.requests[0].status == 401
    assert bmw.requests[-1].status == 200


@pytest.mark.parametrize("region", REGIONS)
async def test_a_refresh_token_works_once(user_with, app, region):
    user = user_with(region=region)
    account = app(user)
    await account.get_vehicles()
    used = account.refresh_token

    second = app(user, captcha_token=None)
    second.set_refresh_token(used, account.gcid)
    await second.config.authentication.login()
    assert second.refresh_token != used

    third = app(user, captcha_token=None, password="wrong")
    third.set_refresh_token(used, account.gcid)
    with pytest.raises((MyBMWCaptchaMissingError, MyBMWAuthError)):
        await third.config.authentication.login()


@CHINA_USES_GETDATA
async def test_china_refreshes_only_with_the_gcid(bmw, user_with, app):
    user = user_with(region="china")
    account = app(user)
    await account.get_vehicles()
    token = account.refresh_token

    forgetful = app(user)
    forgetful.set_refresh_token(token)
    bmw.requests.clear()
    await forgetful.config.authentication.login()

    assert [(r.path.rpartition("/")[2], r.status) for r in bmw.requests] == [
        ("token", 400),
        ("publickey", 200),
        ("slider-captcha", 200),
        ("check-captcha", 200),
        ("pwd", 200),
    ]


@pytest.mark.parametrize("region", REGIONS)
async def test_a_wrong_password_is_refused(user_with, app, region):
    account = app(user_with(region=region), password="wrong")

    with pytest.raises(MyBMWAuthError):
        await account.get_vehicles()


async def test_a_user_of_another_region_is_unknown(user_with, app):
    account = app(user_with(region="north_america"))
    account.config.authentication.region = Regions.REST_OF_WORLD

    with pytest.raises(MyBMWAuthError, match="invalid_client"):
        await account.get_vehicles()


async def test_a_captcha_token_works_once(user_with, app):
    user = user_with()
    await app(user, captcha_token="P1_same").get_vehicles()

    with pytest.raises(MyBMWAuthError, match="invalid_client"):
        await app(user, captcha_token="P1_same").get_vehicles()
    with pytest.raises(MyBMWCaptchaMissingError):
        await app(user, captcha_token=None).get_vehicles()


async def test_users_see_only_their_own_cars(user_with, app):
    first, second = fixture_cars()[:2]
    one, other = user_with(first), user_with(second)
    account_of_one, account_of_other = app(one), app(other)
    await account_of_one.get_vehicles()
    await account_of_other.get_vehicles()

    assert [vehicle.vin for vehicle in account_of_one.vehicles] == [first.vin]
    assert [vehicle.vin for vehicle in account_of_other.vehicles] == [second.vin]


async def test_a_restart_keeps_address_and_tokens(bmw, user_with, app):
    account = app(user_with(*fixture_cars()[:1]))
    await account.get_vehicles()
    server = bmw.server

    await bmw.stop()
    await bmw.start()
    bmw.requests.clear()
    await account.get_vehicles()

    assert bmw.server == server
    assert {request.status for request in bmw.requests} == {200}


async def test_the_library_has_nothing_to_complain_about(user_with, app, caplog):
    caplog.set_level(logging.WARNING)
    await app(user_with(*fixture_cars())).get_vehicles()

    assert not caplog.records
