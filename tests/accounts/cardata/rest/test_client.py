"""CarData's REST API: each of BMW's codes, and answers that are none."""

import json
from typing import Any

import pytest

from bmw2mqtt.accounts.cardata.errors import LoginFailed, RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.http import MAX_JSON_BYTES
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.simulator.cardata import Fault, cu_error
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.errors import (
    AccountError,
    BadAnswer,
    LoginOutage,
    LoginRequired,
    NoConnection,
    QuotaExceeded,
    Unreachable,
)
from tests.accounts.cardata.account_parts import BUDGET, VIN, AccountParts

MAPPINGS = "vehicles/mappings"


@pytest.fixture
async def account(parts: AccountParts) -> AccountParts:
    """An account that is logged in."""
    await parts.log_in()
    parts.bmw.requests.clear()
    return parts


async def ask(account: AccountParts) -> Any:
    return await account.rest.get(MAPPINGS, Priority.FIRST)


async def refusal(account: AccountParts) -> AccountError:
    with pytest.raises(AccountError) as caught:
        await ask(account)
    return caught.value


async def test_a_request_is_sent_as_bmw_wants_it(account: AccountParts) -> None:
    assert [entry["vin"] for entry in await ask(account)] == [VIN]
    request = account.bmw.requests[-1]
    assert request.headers["x-version"] == "v1"
    assert request.headers["accept"] == "application/json"
    assert (account.budget.count(), account.budget.totals) == (1, {"2xx": 1})


async def test_without_a_login_nothing_is_sent(parts: AccountParts) -> None:
    assert isinstance(await refusal(parts), LoginRequired)
    assert not parts.bmw.requests
    assert parts.budget.count() == 0


@pytest.mark.parametrize("code", ["CU-100", "CU-101", "CU-102"])
async def test_a_token_that_is_not_taken_is_renewed_once(account: AccountParts, code: str) -> None:
    account.break_down(cu_error(code, times=1))
    assert await ask(account)
    assert account.budget.count() == 2
    account.break_down(cu_error(code))
    error = await refusal(account)
    assert isinstance(error, LoginOutage)
    assert code in str(error)
    assert account.budget.count() == 4


async def test_a_401_without_bmws_code_is_taken_for_one(account: AccountParts) -> None:
    account.break_down(Fault(path="/customers/", status=401, times=1))
    assert await ask(account)


async def test_an_expired_token_is_renewed_before_it_costs_a_request(account: AccountParts) -> None:
    await account.clock.forward(hours=2)
    assert await ask(account)
    assert account.budget.count() == 1


async def test_a_token_for_something_else_needs_the_portal(account: AccountParts) -> None:
    account.break_down(cu_error("CU-103"))
    error = await refusal(account)
    assert isinstance(error, LoginFailed)
    assert error.status is AccountStatus.LOGIN_REQUIRED
    assert "portal" in str(error)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("CU-104", "primary user"),
        ("CU-105", "container"),
        ("CU-120", "this VIN"),
        ("CU-121", "container ID"),
        ("CU-122", "deleted already"),
        ("CU-124", "maximum of 10 containers"),
        ("CU-126", "no picture"),
        ("CU-400", "the request"),
        ("CU-401", "a parameter"),
        ("CU-402", "descriptors"),
        ("CU-403", "descriptors"),
        ("CU-999", "refuses the request"),
    ],
)
async def test_what_bmw_refuses(account: AccountParts, code: str, said: str) -> None:
    status = 403 if code == "CU-999" else None
    body = {"exveErrorId": code, "exveErrorMsg": "m", "exveNote": "n"}
    fault = Fault(path="/customers/", status=403, body=body) if status else cu_error(code)
    account.break_down(fault)
    error = await refusal(account)
    assert isinstance(error, RequestRefused)
    assert error.code == code
    assert said in str(error)
    assert code in str(error)
    assert account.budget.count() == 1, "it is not asked again"


@pytest.mark.parametrize("status", [403, 429, 200])
async def test_an_exhausted_quota_is_known_by_its_code(account: AccountParts, status: int) -> None:
    account.break_down(cu_error("CU-429", status=status))
    error = await refusal(account)
    assert isinstance(error, QuotaExceeded)
    assert error.retry_at
    account.break_down()
    assert isinstance(await refusal(account), QuotaExceeded)
    assert account.budget.count() == 1, "BMW is left alone"
    await account.clock.forward_to(error.retry_at)
    assert await ask(account)


async def test_a_429_without_bmws_code_is_the_quota_too(account: AccountParts) -> None:
    account.break_down(Fault(path="/customers/", status=429))
    assert isinstance(await refusal(account), QuotaExceeded)


@pytest.mark.parametrize("code", ["CU-500", "CU-503"])
async def test_when_bmw_is_out_of_order_each_try_counts(account: AccountParts, code: str) -> None:
    account.break_down(cu_error(code))
    error = await refusal(account)
    assert isinstance(error, ServerFault)
    assert isinstance(error, Unreachable)
    assert account.budget.count() == 1


@pytest.mark.parametrize("status", [302, 403, 418, 500, 502, 503])
async def test_a_status_without_a_code(account: AccountParts, status: int) -> None:
    account.break_down(Fault(path="/customers/", status=status, body="<html>"))
    assert isinstance(await refusal(account), Unreachable)


async def test_a_404_without_a_code_is_a_refusal(account: AccountParts) -> None:
    account.break_down(Fault(path="/customers/", status=404))
    error = await refusal(account)
    assert isinstance(error, RequestRefused)
    assert error.code is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000, b"null"]
)
async def test_an_answer_that_cannot_be_read(account: AccountParts, body: bytes) -> None:
    account.break_down(Fault(path="/customers/", status=200, body=body))
    assert isinstance(await refusal(account), BadAnswer)


async def test_an_answer_without_end_is_cut_off(account: AccountParts) -> None:
    body = json.dumps(["x" * MAX_JSON_BYTES]).encode()
    account.break_down(Fault(path="/customers/", status=200, body=body))
    error = await refusal(account)
    assert isinstance(error, BadAnswer)
    assert "bytes" in str(error)


async def test_numbers_that_are_none(account: AccountParts) -> None:
    account.break_down(Fault(path="/customers/", status=200, body=b'[NaN, Infinity, {"a": 1}]'))
    assert await ask(account) == [None, None, {"a": 1}]


async def test_a_code_is_found_however_it_is_written(account: AccountParts) -> None:
    for text in ("cu-104", "CU104", " CU-104 "):
        account.break_down(
            Fault(path="/customers/", status=403, body={"exveErrorId": text, "exveErrorMsg": None})
        )
        error = await refusal(account)
        assert isinstance(error, RequestRefused)
        assert error.code == "CU-104"


async def test_what_never_left_this_machine_costs_nothing(account: AccountParts) -> None:
    await account.bmw.stop()
    for _ in range(BUDGET + 1):
        assert isinstance(await refusal(account), NoConnection)
    await account.bmw.start()
    assert await ask(account)
    assert account.budget.count() == 1


async def test_what_may_have_reached_bmw_counts(account: AccountParts) -> None:
    account.break_down(Fault(path="/customers/", drop=True))
    error = await refusal(account)
    assert isinstance(error, Unreachable)
    assert not isinstance(error, NoConnection)
    assert (account.budget.count(), account.budget.totals) == (1, {"none": 1})
    assert len(account.asked()) == 1, "aiohttp repeats such a request by itself"


async def test_the_budget_is_never_exceeded(account: AccountParts) -> None:
    account.bmw.quota.limit = None
    for _ in range(BUDGET):
        await account.rest.get(MAPPINGS, Priority.FIRST)
    with pytest.raises(QuotaExceeded):
        await account.rest.get(MAPPINGS, Priority.FIRST)
    assert len(account.asked()) == BUDGET


async def test_no_error_holds_a_token(account: AccountParts) -> None:
    tokens = account.credentials.current
    assert tokens
    for fault in (Fault(path="/customers/", drop=True), cu_error("CU-101"), cu_error("CU-400")):
        account.break_down(fault)
        text = repr(await refusal(account))
        assert tokens.access_token not in text
        assert tokens.refresh_token not in text


# An access token that BMW refuses


def token_words(code: str, text: str, **options: Any) -> Fault:
    body = {"exveErrorId": code, "exveErrorMsg": text, "exveNote": "n"}
    return Fault(path="/customers/", status=403, body=body, **options)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("CU-127", "Access token is expired"),
        ("CU-127", "The token provided is invalid."),
        ("CU-104", "Invalid or expired access token"),
        ("CU-400", "token not valid"),
    ],
)
async def test_a_text_about_the_token_decides_whatever_the_code(
    account: AccountParts, code: str, text: str
) -> None:
    before = await account.credentials.fresh()
    account.bmw.faults.add(token_words(code, text, times=1))
    await account.clock.forward(minutes=2)
    assert await account.rest.get("vehicles/mappings", Priority.FIRST)
    assert await account.credentials.fresh() != before, "renewed, and asked once more"
    assert account.budget.count() == 2


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("CU-127", "No location based charging settings found"),
        ("CU-103", "Scope of the token is invalid"),
        ("CU-125", "The pagination token is expired"),
    ],
)
async def test_other_texts_renew_nothing(account: AccountParts, code: str, text: str) -> None:
    before = await account.credentials.fresh()
    account.break_down(token_words(code, text))
    await refusal(account)
    assert await account.credentials.fresh() == before
    assert account.budget.count() == 1


async def test_a_token_that_stays_refused_is_no_fault_of_the_request(account: AccountParts) -> None:
    account.break_down(token_words("CU-127", "The token is invalid"))
    assert isinstance(await refusal(account), LoginOutage)
    assert account.budget.count() == 2
