"""BMW's captcha page hands its result over: from another site, by an address that works once."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bmw2mqtt.web import captcha
from bmw2mqtt.web.captcha import LIFE_S, MAX_OPEN, Invitations
from tests.web.inside import FORM, Inside, served

OURS = {"X-Bmw2mqtt": "1", "Content-Type": "application/json"}
FOREIGN = {
    "Origin": "https://captcha.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
}
RESULT = {"h-captcha-response": "P1_solved", "g-recaptcha-response": "P1_solved"}


@pytest.fixture(params=[{}, {"token": "a-token-of-twenty-five-ch"}], ids=["local", "token"])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[Inside]:
    async with served(**request.param) as inside:
        inside.accounts["home"].change(login_form_url=FORM)
        yield inside


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer a-token-of-twenty-five-ch"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


async def invite(page: Inside, client: aiohttp.ClientSession) -> str:
    url = f"{page.url}/api/accounts/home/captcha"
    async with client.post(url, headers=OURS) as answer:
        assert answer.status == 200
        invitation = await answer.json()
    assert invitation["form_url"] == FORM
    return str(invitation["receiver"])


async def hand_over(page: Inside, path: str, result: dict[str, str]) -> tuple[int, str | None]:
    async with (
        aiohttp.ClientSession(headers=FOREIGN) as browser,
        browser.post(f"{page.url}/{path}", data=result, allow_redirects=False) as answer,
    ):
        return answer.status, answer.headers.get("Location")


async def test_the_result_is_taken_once(page: Inside, client: aiohttp.ClientSession) -> None:
    path = await invite(page, client)
    assert await hand_over(page, path, RESULT) == (303, "../../")
    assert page.accounts["home"].told == [("log in", "P1_solved")]
    assert (await hand_over(page, path, RESULT))[0] == 403
    assert len(page.accounts["home"].told) == 1


async def test_it_is_for_one_account(page: Inside, client: aiohttp.ClientSession) -> None:
    path = await invite(page, client)
    assert (await hand_over(page, path.replace("home", "office"), RESULT))[0] == 403
    assert page.accounts["office"].told == []
    assert (await hand_over(page, path, RESULT))[0] == 303


async def test_it_ends(
    page: Inside, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captcha, "LIFE_S", -1)
    path = await invite(page, client)
    assert (await hand_over(page, path, RESULT))[0] == 403
    assert page.accounts["home"].told == []


async def test_what_is_no_result_is_refused(page: Inside, client: aiohttp.ClientSession) -> None:
    for result in ({}, {"h-captcha-response": ""}, {"h-captcha-response": "a\nb"}, {"x": "y"}):
        assert (await hand_over(page, await invite(page, client), result))[0] in {400, 415}
    for path in ("captcha/home/guess", "captcha/home/", "captcha/nobody/guess"):
        assert (await hand_over(page, path, RESULT))[0] in {403, 404, 401}
    path = await invite(page, client)
    async with client.get(f"{page.url}/{path}") as answer:
        assert answer.status == 405
    assert (await hand_over(page, path, {"h-captcha-response": "a" * 40_000}))[0] == 413
    assert page.accounts["home"].told == []


async def test_nobody_is_invited_without_need(page: Inside, client: aiohttp.ClientSession) -> None:
    page.accounts["home"].change(login_form_url=None)
    url = f"{page.url}/api/accounts/home/captcha"
    async with client.post(url, headers=OURS) as answer:
        assert answer.status == 409


def test_invitations_are_bounded_and_end() -> None:
    now_s = 0.0
    invitations = Invitations(lambda: now_s)
    first = invitations.invite("home")
    nonces = [invitations.invite("home") for _ in range(MAX_OPEN)]
    assert len(set(nonces)) == MAX_OPEN
    assert not invitations.redeem("home", first), "the oldest made room"
    now_s = LIFE_S - 1
    assert invitations.redeem("home", nonces[0])
    now_s = LIFE_S
    assert not invitations.redeem("home", nonces[1])
