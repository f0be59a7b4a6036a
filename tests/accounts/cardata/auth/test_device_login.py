"""Logging in to CarData: each answer of BMW's login, and what a person reads of it."""

import re
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.auth.device_login import DeviceLogin
from bmw2mqtt.accounts.cardata.auth.oauth import OAuth
from bmw2mqtt.accounts.cardata.auth.tokens import OAuthTokens
from bmw2mqtt.accounts.cardata.errors import CodeExpired, LoginFailed
from bmw2mqtt.accounts.cardata.http import HttpClient
from bmw2mqtt.accounts.tls import client_context
from bmw2mqtt.simulator.cardata import API_SCOPE, STREAM_SCOPE, Fault, oauth_error
from bmw2mqtt.vehicle.errors import BadAnswer, LoginOutage, NoConnection
from tests.accounts.cardata.account_parts import AccountParts

KEY_FAULT = {"fault": {"detail": {"errorcode": "keymanagement.service.invalid_access_token"}}}
DEVICE_CODE = "/device/code"
TOKEN = "/oauth/token"


async def failure(login: Awaitable[Any]) -> LoginFailed:
    with pytest.raises(LoginFailed) as caught:
        await login
    return caught.value


def polls(parts: AccountParts) -> int:
    return sum(request.path.endswith(TOKEN) for request in parts.bmw.requests)


async def test_a_person_confirms_and_the_tokens_are_there(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    assert re.fullmatch(r"[A-Z0-9]{8}", codes.user_code)
    assert codes.verification_url == f"{parts.bmw.auth_url}/oneid/link?user_code={codes.user_code}"
    assert codes.expires_at - parts.clock.now == timedelta(minutes=5)
    parts.bmw.approve(codes.user_code)
    tokens = await parts.finish(codes)
    assert tokens.gcid == parts.user.gcid
    assert {API_SCOPE, STREAM_SCOPE} <= tokens.scope
    assert tokens.expires_at - parts.clock.now == timedelta(hours=1)
    assert parts.clock.slept_s == [12], "BMW's login breaks if it is asked too early"


async def test_the_page_that_bmw_gives_complete_is_taken_as_it_is(parts: AccountParts) -> None:
    complete = "https://example.com/link?code=ABCD"
    body = {
        "user_code": "ABCD EF",
        "device_code": "d",
        "expires_in": "300",
        "interval": "7",
        "verification_uri": "https://example.com/link",
    }
    parts.break_down(Fault(path=DEVICE_CODE, status=200, body=body, times=1))
    codes = await parts.login.begin()
    assert codes.verification_url == "https://example.com/link?user_code=ABCD%20EF"
    assert codes.interval_s == 7
    given = body | {"verification_uri_complete": complete}
    parts.break_down(Fault(path=DEVICE_CODE, status=200, body=given))
    assert (await parts.login.begin()).verification_url == complete


async def test_no_secret_is_in_a_repr(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    assert codes.device_code not in repr(codes)
    assert codes.code_verifier not in repr(codes)
    parts.bmw.approve(codes.user_code)
    tokens = await parts.finish(codes)
    secrets = tokens.gcid, tokens.access_token, tokens.id_token, tokens.refresh_token
    assert not any(secret in repr(tokens) for secret in secrets)


async def test_it_waits_for_the_person_at_bmws_interval(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    parts.bmw.oauth.approve_after_s = 30
    await parts.finish(codes)
    assert parts.clock.slept_s == [12, 5, 5, 5, 5]


async def test_it_slows_down_each_time_bmw_says_so(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    parts.break_down(oauth_error("slow_down", times=2))
    parts.bmw.oauth.approve_after_s = 40
    await parts.finish(codes)
    assert parts.clock.slept_s == [12, 10, 15, 15]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=TOKEN, status=503, times=3),
        Fault(path=TOKEN, status=500, body="<html>oops</html>", times=3),
        Fault(path=TOKEN, status=429, body={"error": "too_many_requests"}, times=3),
        Fault(path=TOKEN, status=403, body="<html>Access Denied</html>", times=3),
        Fault(path=TOKEN, drop=True, times=3),
    ],
    ids=["503", "500", "429", "no-oauth-403", "network"],
)
async def test_an_outage_is_waited_for(parts: AccountParts, fault: Fault) -> None:
    codes = await parts.login.begin()
    parts.break_down(fault)
    parts.bmw.approve(codes.user_code)
    assert await parts.finish(codes)
    assert polls(parts) >= 4


async def test_a_declined_login_is_over(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    parts.bmw.decline(codes.user_code)
    error = await failure(parts.login.wait(codes))
    assert "declined" in str(error)
    assert "create a new one" in str(error), "the same answer may be BMW's fault"
    assert polls(parts) == 1


async def test_a_code_that_nobody_confirms_expires(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    error = await failure(parts.login.wait(codes))
    assert isinstance(error, CodeExpired)
    assert "log in again" in str(error)
    assert parts.clock.now <= codes.expires_at + timedelta(seconds=5)


async def test_a_code_that_expires_during_an_outage_names_it(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    parts.break_down(Fault(path=TOKEN, status=503))
    error = await failure(parts.login.wait(codes))
    assert isinstance(error, CodeExpired)
    assert "did not answer" in str(error)
    assert "503" in str(error)


async def test_bmws_key_fault_ends_the_login_and_spends_the_code(parts: AccountParts) -> None:
    parts.bmw.oauth.exchange_failures = 1
    codes = await parts.login.begin()
    parts.bmw.approve(codes.user_code)
    error = await failure(parts.login.wait(codes))
    for remedy in ("BMW's side", "some hours", "create a new one", "bmwcardata-b2c-support@"):
        assert remedy in str(error)
    assert polls(parts) == 1, "the code is spent"


async def test_access_denied_after_a_500_is_bmws_fault(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    parts.break_down(
        Fault(path=TOKEN, status=500, times=1), oauth_error("access_denied", status=403)
    )
    error = await failure(parts.login.wait(codes))
    assert "BMW's side" in str(error)


@pytest.mark.parametrize(
    ("word", "status", "expected", "remedy"),
    [
        ("expired_token", 401, CodeExpired, "log in again"),
        ("invalid_client", 401, LoginFailed, "client_id"),
        ("unauthorized_client", 400, LoginFailed, "client_id"),
        ("invalid_grant", 400, LoginFailed, "with a new one"),
        ("invalid_request", 400, LoginFailed, "with a new one"),
        ("something_new", 400, LoginFailed, "something_new"),
    ],
)
async def test_what_ends_a_login(
    parts: AccountParts, word: str, status: int, expected: type[LoginFailed], remedy: str
) -> None:
    codes = await parts.login.begin()
    parts.break_down(oauth_error(word, status=status))
    error = await failure(parts.login.wait(codes))
    assert type(error) is expected
    assert remedy in str(error)
    assert polls(parts) == 1


@pytest.mark.parametrize(
    ("granted", "named"),
    [({API_SCOPE}, "CarData Stream"), ({STREAM_SCOPE}, "CarData API")],
)
async def test_a_service_that_is_not_switched_on_is_named(
    parts: AccountParts, granted: set[str], named: str
) -> None:
    parts.user.granted = granted
    error = await failure(parts.login.begin())
    assert named in str(error)
    assert "off and on again" in str(error)


async def test_a_client_that_bmw_does_not_know_or_that_has_no_service(parts: AccountParts) -> None:
    parts.user.granted = set()
    error = await failure(parts.login.begin())
    assert "check client_id" in str(error)
    assert "CarData API and CarData Stream" in str(error)
    assert len(parts.bmw.requests) == 3, "it does not loop"
    parts.break_down(oauth_error("invalid_client", status=401, path=DEVICE_CODE))
    assert "does not know this client" in str(await failure(parts.login.begin()))


@pytest.mark.parametrize("missing", [API_SCOPE, STREAM_SCOPE])
async def test_a_scope_that_bmw_silently_leaves_out_is_named(
    parts: AccountParts, missing: str
) -> None:
    codes = await parts.login.begin()
    body = granted(parts) | {"scope": f"openid {API_SCOPE} {STREAM_SCOPE}".replace(missing, "")}
    parts.break_down(Fault(path=TOKEN, status=200, body=body))
    error = await failure(parts.login.wait(codes))
    assert missing in str(error)


@pytest.mark.parametrize("missing", ["access_token", "id_token", "refresh_token", "gcid"])
async def test_a_login_without_a_token_is_none(parts: AccountParts, missing: str) -> None:
    codes = await parts.login.begin()
    body = {name: value for name, value in granted(parts).items() if name != missing}
    parts.break_down(Fault(path=TOKEN, status=200, body=body))
    error = await failure(parts.login.wait(codes))
    assert missing in str(error)


def granted(parts: AccountParts) -> dict[str, Any]:
    names = ("access_token", "id_token", "refresh_token")
    return dict.fromkeys(names, "t") | {"gcid": parts.user.gcid, "expires_in": 3600}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=DEVICE_CODE, status=503),
        Fault(path=DEVICE_CODE, status=429),
        Fault(path=DEVICE_CODE, status=200, body="<html>"),
        Fault(path=DEVICE_CODE, status=200, body={"user_code": "A"}),
        Fault(path=DEVICE_CODE, status=200, body={"user_code": "A", "device_code": "d"}),
        Fault(path=DEVICE_CODE, status=302, headers={"location": "https://example.com/"}),
    ],
    ids=["503", "429", "html", "no-device-code", "no-page", "redirect"],
)
async def test_a_login_that_is_out_of_order_says_nothing_against_the_client(
    parts: AccountParts, fault: Fault
) -> None:
    parts.break_down(fault)
    with pytest.raises(LoginOutage, match="try again later"):
        await parts.login.begin()


async def test_without_a_network(parts: AccountParts) -> None:
    codes = await parts.login.begin()
    await parts.bmw.stop()
    with pytest.raises(NoConnection, match="cannot be reached"):
        await parts.login.begin()
    error = await failure(parts.login.wait(codes))
    assert isinstance(error, CodeExpired)
    assert "cannot be reached" in str(error)


async def test_a_certificate_of_nobody_we_trust(parts: AccountParts) -> None:
    async with HttpClient(client_context("home", None)) as session:
        stranger = DeviceLogin(OAuth(session, parts.bmw.auth_url, parts.client_id))
        with pytest.raises(NoConnection, match=r"certificate is not trusted.*ca_file"):
            await stranger.begin()


@pytest.mark.parametrize("page", ["https://[x", "ftp://example.com", "", 7, None])
async def test_a_page_that_is_none(parts: AccountParts, page: object) -> None:
    body = {"user_code": "A", "device_code": "d", "verification_uri": page}
    parts.break_down(Fault(path=DEVICE_CODE, status=200, body=body))
    with pytest.raises(LoginOutage, match="without a page"):
        await parts.login.begin()


@pytest.mark.parametrize("gcid", ["+", "a/b", "#", "a b", "\ud800", "x" * 300])
def test_an_account_id_that_is_none(parts: AccountParts, gcid: str) -> None:
    answer = granted(parts) | {"gcid": gcid}
    with pytest.raises(BadAnswer, match="gcid"):
        OAuthTokens.parse(answer, parts.clock.now)


async def test_polling_never_becomes_a_storm(parts: AccountParts) -> None:
    body = {
        "user_code": "A",
        "device_code": "d",
        "verification_uri": "https://example.com",
        "interval": 0,
        "expires_in": 1e99,
    }
    parts.break_down(Fault(path=DEVICE_CODE, status=200, body=body))
    codes = await parts.login.begin()
    assert codes.interval_s >= 1
    assert codes.expires_at - parts.clock.now == timedelta(minutes=5)
