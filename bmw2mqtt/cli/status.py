"""`bmw2mqtt status`: accounts, cars, stream and next requests of the running daemon."""

import argparse
import http.client
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bmw2mqtt import health
from bmw2mqtt.check_mark import mark
from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.config import Http, Settings, load_configuration
from bmw2mqtt.local_time import local_day_time

TIMEOUT_S = 5.0
LARGEST_ANSWER = 8 * 1024 * 1024
HEALTHY = {"ok", "starting", "paused"}
"""The status words of an account without a problem."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where such a page is found
_MAIN_VALUES = {
    "sensor/remaining_battery_percent": "battery",
    "sensor/remaining_fuel_percent": "fuel",
    "sensor/remaining_range_total": "range",
    "sensor/charging_status": "charging",
    "binary_sensor/door_lock_state": "doors",
}
_WAITING = "bmw2mqtt is running and waits for its setup in the browser; its log shows the link"
_DOORS = {True: "unlocked", False: "locked"}


class NoDetailsError(Exception):
    """The daemon cannot be asked for details; the message says why, and what to do."""


def run(arguments: argparse.Namespace) -> int:
    """Print the status; return 0 if everything is well, else 1."""
    settings = load_configuration(arguments.config, arguments.option).settings
    problem = health.problem(settings.data_dir, needs_broker=False)
    if problem is not None:
        return _report_problem(problem, is_running=False, as_json=arguments.json)
    if health.is_waiting_for_setup(settings.data_dir):
        return _report_problem(_WAITING, is_running=True, as_json=arguments.json)
    try:
        document = _request(settings.http)
    except NoDetailsError as error:
        problem = health.problem(settings.data_dir)
        is_well = "bmw2mqtt is running and connected to the MQTT broker"
        text = f"{problem or is_well}. {error}"
        return _report_problem(text, is_running=True, as_json=arguments.json)
    if arguments.json:
        print(json.dumps({"is_running": True, **document}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(document, settings)))
    return EXIT_OK if _is_well(document) else EXIT_FAILURE


def _report_problem(problem: str, *, is_running: bool, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"is_running": is_running, "problem": problem}, ensure_ascii=False))
    else:
        print(problem, file=sys.stderr)
    return EXIT_FAILURE


def _request(settings: Http) -> dict[str, Any]:
    """Return the status document of the page.

    Raises:
        NoDetailsError: the page is switched off, or does not answer as it should.
    """
    if not settings.enabled:
        raise NoDetailsError("Details need the page; switch it on with http.enabled: true")
    host = _EVERYWHERE.get(settings.host, settings.host)
    place = f"{host}:{settings.port}"
    connection = http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT_S)
    token = settings.token.get_secret_value().strip() if settings.token else None
    try:
        connection.request(
            "GET", "/api/state", headers={"Authorization": f"Bearer {token}"} if token else {}
        )
        response = connection.getresponse()
        content = response.read(LARGEST_ANSWER)
        if response.status != http.client.OK:
            text = content.decode(errors="replace")[:200]
            raise NoDetailsError(f"The page at {place} refused the request: {text}")
        document = json.loads(content)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoDetailsError(
            f"The page at {place} does not answer; run this command where bmw2mqtt runs, with its"
            " configuration"
        ) from error
    finally:
        connection.close()
    if not isinstance(document, dict) or not isinstance(document.get("accounts"), list):
        raise NoDetailsError(f"Another program answers at {place}")
    return document


def _is_well(document: Mapping[str, Any]) -> bool:
    are_well = all(account["status"] in HEALTHY for account in document["accounts"])
    return are_well and bool(document["mqtt"]["is_connected"])


def _lines(document: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    yield f"bmw2mqtt {document['version']} is running."
    mqtt = document["mqtt"]
    state = "connected" if mqtt["is_connected"] else "not connected; the log says why"
    yield f"{mark(is_well=mqtt['is_connected'])} MQTT broker {mqtt['broker']}: {state}"
    for account in document["accounts"]:
        yield ""
        yield from _account(account)
    if document["cars"]:
        yield ""
    for car in document["cars"]:
        yield _car(car)
    if not document["cars"]:
        yield ""
        yield "No cars yet: they appear after the first successful update or message."
    if any(account["is_login_required"] for account in document["accounts"]):
        yield ""
        yield f"To log in, open the page (port {settings.http.port}) or run bmw2mqtt login ACCOUNT."


def _account(account: Mapping[str, Any]) -> Iterator[str]:
    status = str(account["status"])
    sign = mark(is_well=status in HEALTHY)
    name = f"Account {account['name']} ({account['backend_title']})"
    yield f"{sign} {name}: {status.replace('_', ' ')}"
    if account["message"]:
        yield f"    {account['message']}"
    if account["user_code"]:
        until = f" before {_time(account['expires_at'])}" if account["expires_at"] else ""
        yield f"    Open {account['login_url']} and confirm the code {account['user_code']}{until}"
    if account["last_update"]:
        yield f"    Last update: {_time(account['last_update'])}"
    if account.get("paused_at"):
        yield f"    Paused since {_time(account['paused_at'])}"
    yield f"    Next update: {_time(account['next_update']) or 'no update scheduled'}"
    left = "" if account["requests_left"] is None else f", {account['requests_left']} left"
    count = account["requests_24h"]
    noun = "request" if count == 1 else "requests"
    yield f"    {count} {noun} to BMW in the last 24 hours{left}"
    if stream := account.get("stream"):
        yield f"    Stream: {_stream(stream)}"


def _stream(stream: Mapping[str, Any]) -> str:
    since = f" since {_time(stream['since'])}" if stream["since"] else ""
    last = f"; last message {_time(stream['last_message_at'])}" if stream["last_message_at"] else ""
    if stream["is_connected"]:
        return f"connected{since}{last or '; no message yet'}"
    reason = f": {stream['reason']}" if stream["reason"] else ""
    return f"not connected{since}{reason}{last}"


def _car(car: Mapping[str, Any]) -> str:
    is_current = bool(car["is_available"])
    facts = ["up to date" if is_current else "outdated"]
    for key, name in _MAIN_VALUES.items():
        value = car["values"].get(key, {})
        if value.get("value") is not None:
            facts.append(f"{name} {_value(key, value)}")
    if car["updated_at"]:
        facts.append(f"values of {_time(car['updated_at'])}")
    return f"{mark(is_well=is_current)} Car {car['name']} ({car['vin']}): {', '.join(facts)}"


def _value(key: str, value: Mapping[str, Any]) -> str:
    shown = value["value"]
    if key.endswith("door_lock_state"):
        return _DOORS.get(shown, str(shown))
    unit = f" {value['unit']}" if "unit" in value else ""
    return f"{str(shown).replace('_', ' ')}{unit}"


def _time(text: str | None) -> str | None:
    return local_day_time(datetime.fromisoformat(text)) if text else None
