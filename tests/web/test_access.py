"""Who may see the page, and who may press its buttons."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bmw2mqtt.web import access, bodies, events
from bmw2mqtt.web import connection_limits as limits
from tests.web.served_page import ServedPage, eventually, served

TOKEN = "a-token-of-twenty-five-ch"
OURS = {"X-Bmw2mqtt": "1", "Content-Type": "application/json"}
VIN = "WBA00000000000001"
DATA = ("/api/state", f"/api/cars/{VIN}", "/api/events", "/metrics", f"/cars/{VIN}/picture.png")
BUTTONS = tuple(f"/api/accounts/home/{act}" for act in ("refresh", "polling", "login", "captcha"))


@pytest.fixture
async def page() -> AsyncIterator[ServedPage]:
    """A page on this machine, without a token."""
    async with served() as page:
        page.add_car(VIN)
        yield page


@pytest.fixture
async def guarded() -> AsyncIterator[ServedPage]:
    """A page with a token."""
    async with served(token=TOKEN) as page:
        page.add_car(VIN)
        yield page


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def ask(
    client: aiohttp.ClientSession, method: str, url: str, **options: Any
) -> tuple[int, str]:
    async with client.request(method, url, allow_redirects=False, **options) as answer:
        return answer.status, await answer.text(errors="replace")


async def test_another_name_for_this_machine_is_refused(
    page: ServedPage, client: aiohttp.ClientSession
) -> None:
    for host in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example", "[", ""):
        for path in ("/", *DATA[:1]):
            status, text = await ask(client, "GET", page.url + path, headers={"Host": host})
            assert (status, "Set http.token" in text) == (403, True), host
    status, _ = await ask(client, "POST", page.url + BUTTONS[0], headers={**OURS, "Host": "evil"})
    assert status == 403
    assert page.accounts["home"].calls == []
    for host in ("localhost", f"localhost:{page.port}", "127.0.0.1", "[::1]:80"):
        assert (await ask(client, "GET", f"{page.url}/", headers={"Host": host}))[0] == 200, host


async def test_a_reverse_proxy_needs_a_token(
    page: ServedPage, client: aiohttp.ClientSession
) -> None:
    for header in ("X-Forwarded-For", "Forwarded"):
        status, text = await ask(client, "GET", f"{page.url}/", headers={header: "10.0.0.1"})
        assert (status, "http.token" in text) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {**OURS, "Origin": "https://evil.example"},
        {**OURS, "Origin": "null"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "same-site"},
        {"Content-Type": "application/json"},
        {"X-Bmw2mqtt": "1", "Content-Type": "application/x-www-form-urlencoded"},
        {"X-Bmw2mqtt": "1", "Content-Type": "text/plain"},
        {"X-Bmw2mqtt": "1", "Content-Type": "multipart/form-data; boundary=x"},
    ],
)
async def test_other_sites_press_no_button(
    page: ServedPage, client: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    for path in (*BUTTONS, "/api/session"):
        status, text = await ask(client, "POST", page.url + path, headers=headers, data=b"{}")
        assert status == 403
        assert text.endswith("."), "a sentence"
    assert page.accounts["home"].calls == []


async def test_other_sites_read_nothing(page: ServedPage, client: aiohttp.ClientSession) -> None:
    for path in DATA:
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert (await ask(client, "GET", page.url + path, headers=headers))[0] == 403
        async with client.get(page.url + path) as answer:
            assert answer.status == 200
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_our_own_page_presses_buttons(
    page: ServedPage, client: aiohttp.ClientSession
) -> None:
    for headers in (
        OURS,
        {**OURS, "Origin": page.url},
        {**OURS, "Sec-Fetch-Site": "same-origin", "Origin": "http://renamed.by.a.proxy"},
    ):
        assert await ask(client, "POST", page.url + BUTTONS[0], headers=headers) == (204, "")
    off = b'{"is_polling": false}'
    assert (await ask(client, "POST", page.url + BUTTONS[1], headers=OURS, data=off))[0] == 204
    token = b'{"token": " P1_abc "}'
    assert (await ask(client, "POST", page.url + BUTTONS[2], headers=OURS, data=token))[0] == 204
    assert page.accounts["home"].calls == ["refresh"] * 3 + [False, ("log in", "P1_abc")]
    assert page.accounts["office"].calls == []


async def test_without_the_token_nothing_is_shown(
    guarded: ServedPage, client: aiohttp.ClientSession
) -> None:
    for path in (*DATA, "/", "/odd", "/api/", "/page.js"):
        status, text = await ask(client, "GET", guarded.url + path)
        assert status == (200 if path in {"/", "/page.js"} else 401), path
        assert VIN not in text
        assert "office" not in text
    for path in BUTTONS:
        assert (await ask(client, "POST", guarded.url + path, headers=OURS))[0] == 401
    assert guarded.accounts["home"].calls == []
    status, text = await ask(client, "GET", f"{guarded.url}/healthz")
    assert (status, text) == (200, '{"status": "ok"}')


async def test_the_token_opens(guarded: ServedPage, client: aiohttp.ClientSession) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path in DATA:
        async with client.get(guarded.url + path, headers=bearer) as answer:
            assert answer.status == 200
    status, _ = await ask(client, "POST", guarded.url + BUTTONS[0], headers=OURS | bearer)
    assert status == 204
    status, _ = await ask(client, "POST", guarded.url + BUTTONS[0], headers=bearer)
    assert status == 403, "the token does not open it to other sites"


async def test_a_session_outlives_a_restart_and_ends(
    guarded: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client.post(
        f"{guarded.url}/api/session", headers=OURS, json={"token": TOKEN}
    ) as answer:
        assert answer.status == 204
        cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    value = re.match(r"bmw2mqtt_session=([^;]+)", cookie)
    assert value is not None
    session = {"Cookie": f"bmw2mqtt_session={value[1]}"}
    async with served(token=TOKEN) as again, aiohttp.ClientSession() as other:
        assert (await ask(other, "GET", f"{again.url}/api/state", headers=session))[0] == 200
        for forged in (value[1][:-1], f"9{value[1]}", ".", "x.y", ""):
            cookies = {"Cookie": f"bmw2mqtt_session={forged}"}
            assert (await ask(other, "GET", f"{again.url}/api/state", headers=cookies))[0] == 401
        much_later = time.time() + access.SESSION_S + 1
        with monkeypatch.context() as patch:
            patch.setattr(access.time, "time", lambda: much_later)
            assert (await ask(other, "GET", f"{again.url}/api/state", headers=session))[0] == 401
    async with (
        served(token="another-token-altogether") as changed,
        aiohttp.ClientSession() as other,
    ):
        assert (await ask(other, "GET", f"{changed.url}/api/state", headers=session))[0] == 401
    assert (await ask(client, "GET", f"{guarded.url}/api/state"))[0] == 200
    assert (await ask(client, "DELETE", f"{guarded.url}/api/session", headers=OURS))[0] == 204
    assert (await ask(client, "GET", f"{guarded.url}/api/state"))[0] == 401


async def test_the_cookie_stays_on_encrypted_ways(
    guarded: ServedPage, client: aiohttp.ClientSession
) -> None:
    headers = {**OURS, "X-Forwarded-Proto": "https", "X-Forwarded-For": "10.0.0.1"}
    async with client.post(
        f"{guarded.url}/api/session", headers=headers, json={"token": TOKEN}
    ) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_guessing_is_slow(
    guarded: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(access.MAX_ATTEMPTS_PER_ADDRESS):
        guess = {"token": f"guess-{number}"}
        async with client.post(f"{guarded.url}/api/session", headers=OURS, json=guess) as answer:
            assert answer.status == 401
            assert "Set-Cookie" not in answer.headers
    monkeypatch.setattr(access, "TOO_MANY_DELAY_S", 0.3)
    started = time.monotonic()
    wrong = {"Authorization": "Bearer wrong"}
    async with client.get(f"{guarded.url}/api/state", headers=wrong) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert time.monotonic() - started >= 0.3
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert (await ask(client, "GET", f"{guarded.url}/api/state", headers=right))[0] == 200
    session = f"{guarded.url}/api/session"
    assert (await ask(client, "POST", session, headers=OURS, json={"token": TOKEN}))[0] == 204


async def test_ingress_opens_to_the_supervisor_only(
    monkeypatch: pytest.MonkeyPatch, client: aiohttp.ClientSession
) -> None:
    monkeypatch.setenv("SUPERVISOR_TOKEN", "its-own")
    monkeypatch.setattr(access, "SUPERVISOR", "127.0.0.9")
    ingress = {"X-Ingress-Path": "/api/hassio_ingress/abc", "Host": "ha.example:8123"}
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
    async with (
        served(host="0.0.0.0") as page,  # noqa: S104 - as in the app
        aiohttp.ClientSession(connector=connector) as supervisor,
    ):
        for headers in ({}, ingress, {"X-Forwarded-For": "127.0.0.9", **ingress}):
            status, text = await ask(client, "GET", f"{page.url}/", headers=headers)
            assert (status, "Home Assistant" in text) == (403, True), "not the Supervisor"
        assert (await ask(supervisor, "GET", f"{page.url}/"))[0] == 403, "not through ingress"
        async with supervisor.get(f"{page.url}/", headers=ingress) as answer:
            assert answer.status == 200
            assert "X-Frame-Options" not in answer.headers
            assert "frame-ancestors" not in answer.headers["Content-Security-Policy"]
        async with supervisor.get(f"{page.url}/api/state", headers=ingress) as answer:
            assert answer.headers["X-Bmw2mqtt-Access"] == "ingress"
        button, captcha = page.url + BUTTONS[0], page.url + BUTTONS[3]
        from_ha = {**ingress, **OURS, "Origin": "http://ha.example:8123"}
        assert (await ask(supervisor, "POST", button, headers=from_ha))[0] == 204
        from_evil = {**from_ha, "Origin": "https://evil.example"}
        assert (await ask(supervisor, "POST", button, headers=from_evil))[0] == 403
        status, text = await ask(supervisor, "POST", captcha, headers=from_ha)
        assert (status, "Paste the token" in text) == (403, True)
        assert (await ask(client, "GET", f"{page.url}/healthz"))[0] == 200


async def test_the_supervisors_address_means_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUPERVISOR_TOKEN", raising=False)
    monkeypatch.setattr(access, "SUPERVISOR", "127.0.0.9")
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
    async with (
        served(host="0.0.0.0", token=TOKEN) as page,  # noqa: S104 - as in a network
        aiohttp.ClientSession(connector=connector) as supervisor,
    ):
        headers = {"X-Ingress-Path": "/api/hassio_ingress/abc"}
        assert (await ask(supervisor, "GET", f"{page.url}/api/state", headers=headers))[0] == 401


async def test_every_answer_is_guarded_by_headers(
    page: ServedPage, client: aiohttp.ClientSession
) -> None:
    for path in ("/", "/page.js", "/healthz", "/odd", *DATA):
        async with client.get(page.url + path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Server"] == "bmw2mqtt", "no versions for everybody"
        if path.startswith(("/api", "/metrics")):
            assert headers["Cache-Control"] == "no-store"


async def test_hostile_requests(
    page: ServedPage,
    client: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    login = page.url + BUTTONS[2]
    huge = b'{"token": "' + b"a" * 100_000 + b'"}'
    assert (await ask(client, "POST", login, headers=OURS, data=huge))[0] == 413
    for body in (b"[]", b"{", b"\xff", b'"x"', b"[" * 20_000, b'{"token": 1}', b'{"token": ""}'):
        status, text = await ask(client, "POST", login, headers=OURS, data=body)
        assert (status, text.endswith(".")) == (400, True), body
    polling = page.url + BUTTONS[1]
    for body in (b"{}", b'{"is_polling": "no"}'):
        assert (await ask(client, "POST", polling, headers=OURS, data=body))[0] == 400
    for path in (
        "/../etc/passwd",
        "/static/page.js",
        "//api/state",
        "/%2561pi/state",
        "/cars/x/picture.png",
    ):
        assert (await ask(client, "GET", page.url + path))[0] == 404, path
    for name in ("nobody", "%2e%2e", "a" * 5000):
        url = f"{page.url}/api/accounts/{name}/refresh"
        assert (await ask(client, "POST", url, headers=OURS))[0] == 404
    assert (await ask(client, "PUT", login, headers=OURS))[0] == 405
    assert page.accounts["home"].calls == []

    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(b"\x16\x03\x01 secret-in-garbage\r\n\r\n")
    await reader.read()
    writer.close()

    monkeypatch.setattr(bodies, "READ_TIMEOUT_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in OURS.items())
    head = f"POST {BUTTONS[2]} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 9\r\n\r\n"
    writer.write(head.encode() + b"{")
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert (await ask(client, "GET", f"{page.url}/healthz"))[0] == 200
    out, err = capfd.readouterr()
    assert "secret-in-garbage" not in out + err
    assert "Traceback" not in out + err


async def test_many_listeners_and_connections(
    page: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_CLIENTS", 3)
    listening = [await client.get(f"{page.url}/api/events") for _ in range(3)]
    status, text = await ask(client, "GET", f"{page.url}/api/events")
    assert (status, "Too many pages" in text) == (503, True)
    assert (await ask(client, "GET", f"{page.url}/api/state"))[0] == 200
    listening.pop().close()
    async with asyncio.timeout(15):
        while await _status(client, f"{page.url}/api/events") != 200:  # noqa: ASYNC110 - polls
            await asyncio.sleep(0.05)
    for response in listening:
        response.close()

    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 10)
    visitors = [await asyncio.open_connection("127.0.0.1", page.port) for _ in range(30)]
    ends = [asyncio.create_task(_end(reader)) for reader, _ in visitors]
    await eventually(lambda: sum(end.done() for end in ends) >= 20)
    for waiting in ends:
        waiting.cancel()
    for _, writer in visitors:
        writer.close()


async def test_one_address_does_not_take_the_page_from_the_others(
    page: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_PER_ADDRESS", 8)
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 10)
    address = ("127.0.0.5", 0)
    silent = [
        await asyncio.open_connection("127.0.0.1", page.port, local_addr=address) for _ in range(12)
    ]
    ends = [asyncio.create_task(_end(reader)) for reader, _ in silent]
    await eventually(lambda: sum(end.done() for end in ends) >= 4)
    assert (await ask(client, "GET", f"{page.url}/healthz"))[0] == 200
    assert sum(end.done() for end in ends) == 4
    for waiting in ends:
        waiting.cancel()
    for _, writer in silent:
        writer.close()


async def test_who_asks_nothing_is_sent_away(
    page: ServedPage, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FIRST_REQUEST_S", 0.2)
    listener = await client.get(f"{page.url}/api/events")
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: local")
    async with asyncio.timeout(15):
        await _end(reader)
    writer.close()
    page.accounts["home"].change(message="something new")
    async with asyncio.timeout(15):
        async for line in listener.content:
            if b"something new" in line:
                break
    listener.close()


async def _status(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url) as answer:
        return answer.status


async def _end(reader: asyncio.StreamReader) -> None:
    try:
        await reader.read()
    except ConnectionError:
        return


async def test_a_listener_who_does_not_read_is_sent_away(
    page: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "WRITE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(events, "UPDATE_S", 0.001)
    _, writer = await asyncio.open_connection("127.0.0.1", page.port, limit=1024)
    writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(30):
        number = 0
        while not writer.transport.is_closing():
            number += 1
            page.accounts["home"].change(message=f"{number} " + "x" * 50_000)
            await asyncio.sleep(0.001)
            if number % 50 == 0:
                writer.write(b"\r\n")  # tells us whether the other end is there
    writer.close()
