"""BMW's captcha page hands its result over: from another site, by an address that works once."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bmw2mqtt.web import captcha_links
from bmw2mqtt.web.captcha_links import MAX_OPEN, VALID_S, CaptchaLinks
from tests.web.served_page import FORM, ServedPage, served

OURS = {"X-Bmw2mqtt": "1", "Content-Type": "application/json"}
FOREIGN = {
    "Origin": "https://captcha.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
}
RESULT = {"h-captcha-response": "P1_solved", "g-recaptcha-response": "P1_solved"}


@pytest.fixture(params=[{}, {"token": "a-token-of-twenty-five-ch"}], ids=["local", "token"])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[ServedPage]:
    async with served(**request.param) as page:
        page.accounts["home"].change(login_form_url=FORM)
        yield page


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer a-token-of-twenty-five-ch"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


async def create_link(page: ServedPage, client: aiohttp.ClientSession) -> str:
    url = f"{page.url}/api/accounts/home/captcha"
    async with client.post(url, headers=OURS) as answer:
        assert answer.status == 200
        link = await answer.json()
    assert link["form_url"] == FORM
    return str(link["receiver"])


async def send_result(
    page: ServedPage, path: str, result: dict[str, str]
) -> tuple[int, str | None]:
    async with (
        aiohttp.ClientSession(headers=FOREIGN) as browser,
        browser.post(f"{page.url}/{path}", data=result, allow_redirects=False) as answer,
    ):
        return answer.status, answer.headers.get("Location")


async def test_the_result_is_taken_once(page: ServedPage, client: aiohttp.ClientSession) -> None:
    path = await create_link(page, client)
    assert await send_result(page, path, RESULT) == (303, "../../")
    assert page.accounts["home"].calls == [("log in", "P1_solved")]
    assert (await send_result(page, path, RESULT))[0] == 403
    assert len(page.accounts["home"].calls) == 1


async def test_it_is_for_one_account(page: ServedPage, client: aiohttp.ClientSession) -> None:
    path = await create_link(page, client)
    assert (await send_result(page, path.replace("home", "office"), RESULT))[0] == 403
    assert page.accounts["office"].calls == []
    assert (await send_result(page, path, RESULT))[0] == 303


async def test_it_ends(
    page: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captcha_links, "VALID_S", -1)
    path = await create_link(page, client)
    assert (await send_result(page, path, RESULT))[0] == 403
    assert page.accounts["home"].calls == []


async def test_what_is_no_result_is_refused(
    page: ServedPage, client: aiohttp.ClientSession
) -> None:
    for result in ({}, {"h-captcha-response": ""}, {"h-captcha-response": "a\nb"}, {"x": "y"}):
        assert (await send_result(page, await create_link(page, client), result))[0] in {400, 415}
    for path in ("captcha/home/guess", "captcha/home/", "captcha/nobody/guess"):
        assert (await send_result(page, path, RESULT))[0] in {403, 404, 401}
    path = await create_link(page, client)
    async with client.get(f"{page.url}/{path}") as answer:
        assert answer.status == 405
    assert (await send_result(page, path, {"h-captcha-response": "a" * 40_000}))[0] == 413
    assert page.accounts["home"].calls == []


async def test_no_link_without_need(page: ServedPage, client: aiohttp.ClientSession) -> None:
    page.accounts["home"].change(login_form_url=None)
    url = f"{page.url}/api/accounts/home/captcha"
    async with client.post(url, headers=OURS) as answer:
        assert answer.status == 409


def test_links_are_bounded_and_expire() -> None:
    now_s = 0.0
    links = CaptchaLinks(lambda: now_s)
    first = links.create("home")
    nonces = [links.create("home") for _ in range(MAX_OPEN)]
    assert len(set(nonces)) == MAX_OPEN
    assert not links.redeem("home", first), "the oldest made room"
    now_s = VALID_S - 1
    assert links.redeem("home", nonces[0])
    now_s = VALID_S
    assert not links.redeem("home", nonces[1])
