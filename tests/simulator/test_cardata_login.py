"""The simulated login of CarData goes the way of BMW's, through every quirk of it."""

import base64
import json

import pytest

from bmw2mqtt.simulator.cardata import (
    API_SCOPE,
    STREAM_SCOPE,
    CarDataSimulator,
    CarDataUser,
    Lifetimes,
    UnknownCodeError,
    oauth_error,
)
from tests.simulator.cardata_client import SCOPE


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_codes_are_handed_out(cardata, client):
    status, codes = await client.device_code()

    assert status == 200
    assert len(codes["user_code"]) == 8
    assert codes["device_code"].count(".") == 2
    assert (codes["interval"], codes["expires_in"]) == (5, 300)
    assert codes["verification_uri"] == f"{cardata.auth_url}/oneid/link"
    assert "verification_uri_complete" not in codes
    assert cardata.oauth.user_codes == [codes["user_code"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "of nobody"},
        {"client_id": None},
        {"scope": None},
        {"scope": f"{SCOPE} cardata:streaming:vehicle.isMoving"},
        {"response_type": "code"},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
    ],
)
async def test_codes_for_a_malformed_request_are_refused(client, changes):
    status, answer = await client.device_code(**changes)

    assert (status, answer["error"]) == (400, "invalid_request")


async def test_codes_for_a_service_that_is_not_switched_on_are_refused(client, driver):
    driver.granted = {API_SCOPE}

    status, answer = await client.device_code()
    allowed, _ = await client.device_code(scope=f"openid {API_SCOPE}")

    assert (status, answer["error"]) == (400, "invalid_request")
    assert allowed == 200


async def test_a_login(cardata, client, driver, clock):
    _, codes = await client.device_code()
    pending = await client.poll(codes["device_code"])
    clock.forward(seconds=2)
    hasty = await client.poll(codes["device_code"])
    clock.forward(seconds=5)
    cardata.approve(codes["user_code"])
    status, tokens = await client.poll(codes["device_code"])
    clock.forward(seconds=5)
    again = await client.poll(codes["device_code"])

    assert (pending[0], pending[1]["error"]) == (403, "authorization_pending")
    assert (hasty[0], hasty[1]["error"]) == (400, "slow_down")
    assert status == 200
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["gcid"] == driver.gcid
    assert set(tokens["scope"].split()) == set(SCOPE.split())
    assert 1200 < len(tokens["id_token"]) < 1500
    assert claims(tokens["id_token"])["exp"] == int(clock().timestamp()) - 5 + 3600
    assert (again[0], again[1]["error"]) == (400, "invalid_grant")


async def test_the_topics_are_in_the_id_token_if_the_stream_was_asked_for(client, driver):
    with_stream = await client.log_in()
    without = await client.log_in(f"openid {API_SCOPE}")
    without_openid = await client.log_in(API_SCOPE)

    topics = claims(with_stream["id_token"])["dynamic scopes"]
    assert topics == f"read:streaming/*/{driver.gcid}.*"
    assert "dynamic scopes" not in claims(without["id_token"])
    assert "id_token" not in without_openid


async def test_the_user_declines(cardata, client):
    _, codes = await client.device_code()
    cardata.decline(codes["user_code"])

    status, answer = await client.poll(codes["device_code"])

    assert (status, answer["error"]) == (403, "access_denied")
    with pytest.raises(UnknownCodeError):
        cardata.approve(codes["user_code"])


async def test_a_code_expires(cardata, client, clock):
    _, codes = await client.device_code()
    clock.forward(seconds=300)

    status, answer = await client.poll(codes["device_code"])

    assert (status, answer["error"]) == (401, "expired_token")
    with pytest.raises(UnknownCodeError):
        cardata.approve(codes["user_code"])


async def test_a_wrong_verifier_spends_the_code(cardata, client, clock):
    _, codes = await client.device_code()
    cardata.approve(codes["user_code"])

    wrong = await client.poll(codes["device_code"], code_verifier="of somebody else")
    clock.forward(seconds=5)
    right = await client.poll(codes["device_code"])

    assert (wrong[0], wrong[1]["error"]) == (400, "invalid_grant")
    assert (right[0], right[1]["error"]) == (400, "invalid_grant")


async def test_key_management_fails(cardata, client, clock):
    cardata.oauth.exchange_failures = 1
    _, codes = await client.device_code()
    cardata.approve(codes["user_code"])

    failed = await client.poll(codes["device_code"])
    clock.forward(seconds=5)
    spent = await client.poll(codes["device_code"])

    assert failed[0] == 500
    assert "keymanagement.service.invalid_access_token" in json.dumps(failed[1])
    assert (spent[0], spent[1]["error"]) == (403, "access_denied")
    assert await client.log_in()


async def test_the_client_is_deleted(cardata, client, driver):
    _, codes = await client.device_code()
    cardata.approve(codes["user_code"])
    driver.client_ids.clear()

    status, answer = await client.poll(codes["device_code"])

    assert (status, answer["error"]) == (401, "invalid_client")


async def test_a_login_approves_itself(cardata, client, clock):
    cardata.oauth.approve_after_s = 20
    _, codes = await client.device_code()
    pending, _ = await client.poll(codes["device_code"])
    clock.forward(seconds=20)

    status, _ = await client.poll(codes["device_code"])

    assert (pending, status) == (403, 200)


async def test_a_refresh_rotates_the_refresh_token(client, clock):
    first = await client.log_in()
    clock.forward(days=13)
    status, second = await client.refresh()
    used = await client.refresh(first["refresh_token"])
    clock.forward(days=13)
    later, _ = await client.refresh(second["refresh_token"])

    assert status == 200
    assert second["gcid"] == first["gcid"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["id_token"] != first["id_token"]
    assert (used[0], used[1]["error"]) == (400, "invalid_grant")
    assert later == 200


async def test_a_refresh_token_can_be_given_some_grace(cardata, client, clock):
    cardata.registry.refresh_grace_s = 60
    tokens = await client.log_in()

    statuses = []
    for _ in range(3):
        statuses.append((await client.refresh(tokens["refresh_token"]))[0])
        clock.forward(seconds=40)

    assert statuses == [200, 200, 400]


async def test_a_refresh_token_expires(client, clock):
    await client.log_in()
    clock.forward(days=14)

    status, answer = await client.refresh()

    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_service_that_is_switched_off_takes_the_tokens_with_it(client, driver):
    await client.log_in()
    driver.granted.discard(STREAM_SCOPE)

    status, answer = await client.refresh()

    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_refresh_can_leave_fields_out(cardata, client):
    tokens = await client.log_in()
    cardata.oauth.omitted_on_refresh = {"gcid", "refresh_token"}
    cardata.registry.rotates = False

    status, answer = await client.refresh()
    again, _ = await client.refresh(tokens["refresh_token"])

    assert status == again == 200
    assert "gcid" not in answer
    assert "refresh_token" not in answer


async def test_tokens_are_revoked(cardata, client):
    await client.log_in()
    cardata.registry.revoke()

    refreshed, answer = await client.refresh()
    called, error = await client.call("/customers/vehicles/mappings")

    assert (refreshed, answer["error"]) == (400, "invalid_grant")
    assert (called, error["exveErrorId"]) == (401, "CU-101")


async def test_any_error_can_be_played(cardata, client):
    await client.log_in()
    cardata.faults.add(oauth_error("invalid_request", times=1))

    status, answer = await client.refresh()

    assert (status, answer["error"]) == (400, "invalid_request")
    assert (await client.refresh())[0] == 200


async def test_lifetimes_are_settings(certificates, client_of):
    lifetimes = Lifetimes(code_s=60, access_token_s=90, id_token_s=90)
    bmw = CarDataSimulator([CarDataUser()], certificates=certificates, lifetimes=lifetimes)
    async with bmw:
        client = client_of(bmw)
        _, codes = await client.device_code()
        tokens = await client.log_in()

    assert codes["expires_in"] == 60
    assert tokens["expires_in"] == 90


async def test_a_person_approves_on_the_page(client, http):
    _, codes = await client.device_code()
    link = f"{codes['verification_uri']}?user_code={codes['user_code']}"

    async with http.get(link) as response:
        form = await response.text()
    async with http.post(link, data={"user_code": "WRONG<>", "answer": "approve"}) as response:
        wrong, wrong_page = response.status, await response.text()
    typed = f"{codes['user_code'][:4]}-{codes['user_code'][4:]}".lower()
    async with http.post(link, data={"user_code": typed, "answer": "approve"}) as response:
        page = await response.text()
    status, _ = await client.poll(codes["device_code"])

    assert f'value="{codes["user_code"]}"' in form
    assert wrong == 400
    assert "WRONG&lt;&gt;" in wrong_page
    assert "Device connected" in page
    assert status == 200


async def test_a_person_declines_on_the_page(client, http):
    _, codes = await client.device_code()
    answer = {"user_code": codes["user_code"], "answer": "decline"}
    async with http.post(codes["verification_uri"], data=answer) as response:
        page = await response.text()

    status, _ = await client.poll(codes["device_code"])

    assert "Declined" in page
    assert status == 403
