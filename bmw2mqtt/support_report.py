"""The report for an issue: Markdown without secrets (`bmw2mqtt check --report`, and the page).

An allow-list decides what is shown of the settings: numbers, switches and words from fixed lists.
Secrets, user names and public hosts are removed from texts of BMW and of the broker.
"""

import ipaddress
import platform
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from bmw2mqtt import __version__
from bmw2mqtt.check_mark import mark
from bmw2mqtt.config import Location, Settings
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport
from bmw2mqtt.vehicle.vin import VIN_PATTERN

_LIBRARIES: Final = (
    "aiomqtt",
    "paho-mqtt",
    "bimmer_connected",
    "httpx",
    "aiohttp",
    "oauthlib",
    "pydantic",
)
_SHOWN_WORDS: Final = {"protocol", "region", "backend", "level", "format"}
_SHOWN_TOPICS: Final = {"base_topic", "discovery_prefix", "status_topic"}
_HOSTS: Final = {"host", "server", "stream_host", "auth_url", "api_url"}
_ADDRESS: Final = re.compile(
    r"(?<![\w.:])(?:\d+(?:\.\d+){3}|[\da-fA-F]*:[\da-fA-F:.]*[\da-fA-F:])(?!\w)"
)
_VIN: Final = re.compile(rf"(?<![A-Za-z0-9])({VIN_PATTERN})(?![A-Za-z0-9])")
_SHORTEST_SECRET: Final = 4
_LIMITS: Final = {
    "MaximumPacketSize": "packets up to {} bytes",
    "ReceiveMaximum": "{} messages in flight",
    "MaximumQoS": "QoS {} at most",
    "RetainAvailable": "retain available: {}",
    "TopicAliasMaximum": "{} topic aliases",
    "ServerKeepAlive": "keepalive {} s",
    "WildcardSubscriptionAvailable": "wildcards available: {}",
}


class AccountReport(NamedTuple):
    """The result of one account's check."""

    name: str
    result: str
    is_well: bool
    next_step: str | None = None
    """What the owner can do now."""


def report(
    settings: Settings,
    broker: BrokerReport,
    accounts: Sequence[AccountReport],
    log_lines: Sequence[str] = (),
) -> str:
    """Return the report, with the last lines of the log if there are any."""
    results = [*_broker(settings, broker), *(_account(settings, account) for account in accounts)]
    lines = [
        "### bmw2mqtt check --report",
        "",
        f"- bmw2mqtt {__version__}, Python {platform.python_version()}, {_system()}",
        f"- libraries: {', '.join(_libraries())}",
        *_without_private_words(settings, results),
        *_settings(settings),
    ]
    if log_lines:
        lines += ["", "```", *_without_private_words(settings, log_lines), "```"]
    return _VIN.sub(lambda found: f"{found[1][:3]}…{found[1][-4:]}", "\n".join(lines))


def _system() -> str:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{system}, in a container" if Path("/.dockerenv").exists() else system


def _libraries() -> Iterator[str]:
    for name in _LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} missing"


def _broker(settings: Settings, broker: BrokerReport) -> Iterator[str]:
    if broker.problem is not None:
        yield f"- {mark(is_well=False)} broker: {broker.problem}"
        return
    tls = "TLS" if settings.mqtt.tls.enabled else "no TLS"
    name = broker.version or "version unknown"
    sign = mark(is_well=broker.is_well)
    yield f"- {sign} broker: connected, MQTT {settings.mqtt.protocol}, {tls}, {name}"
    limits = [text.format(broker.limits[n]) for n, text in _LIMITS.items() if n in broker.limits]
    if settings.mqtt.protocol == "5":
        yield f"  - limits: {', '.join(limits) or 'none reported'}"
    else:
        yield "  - limits: not reported with MQTT 3.1.1"
    if broker.is_beside_daemon:
        yield "  - bmw2mqtt is running: tried with another client ID and without a last will"
    yield from (f"  - {fault}" for fault in broker.faults())
    if broker.is_well:
        yield "  - published, read back and deleted a message in each part of the topic tree"


def _account(settings: Settings, account: AccountReport) -> str:
    of = settings.accounts[account.name]
    where = f", {of.region_name}" if of.region_name else ""
    sign = mark(is_well=account.is_well)
    step = f" → {account.next_step}" if account.next_step else ""
    return f"- {sign} account {account.name} ({of.backend}{where}): {account.result}{step}"


def _settings(settings: Settings) -> Iterator[str]:
    changed = list(_changed(settings))
    yield "- settings that differ from the default:"
    yield from (f"  - {line}" for line in changed or ["none"])


def _changed(model: BaseModel, above: str = "") -> Iterator[str]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if not field.is_required() and value != field.get_default(call_default_factory=True):
            yield from _lines(f"{above}{name}", name, value)


def _lines(path: str, name: str, value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel) and not isinstance(value, Location):
        yield from _changed(value, f"{path}.")
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _lines(f"{path}.{key}", key, below)
    else:
        yield f"{path}: {_shown(name, value)}"


def _shown(name: str, value: Any) -> str:
    if isinstance(value, int) or (isinstance(value, str) and name in _SHOWN_WORDS | _SHOWN_TOPICS):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return "(set)"


def _without_private_words(settings: Settings, lines: Sequence[str]) -> list[str]:
    """Remove secrets, user names and public hosts from texts of BMW and of the broker."""
    words = sorted(set(_private(settings)), key=len, reverse=True)
    private = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    if words:
        lines = [private.sub("(hidden)", line) for line in lines]
    return [_ADDRESS.sub(_hidden_if_public, line) for line in lines]


def _hidden_if_public(found: re.Match[str]) -> str:
    return "(hidden)" if _is_public(found[0]) else found[0]


def _private(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, BaseModel):
        for field, info in type(value).model_fields.items():
            below = getattr(value, field)
            if field not in _HOSTS:
                yield from _private(below, field)
            elif below and below != info.default:
                yield from _host(below)
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _private(below, key)
    elif isinstance(value, SecretStr):
        yield from _long_enough(value.get_secret_value())
    elif name in {"username", "client_id"} and isinstance(value, str) and value != "bmw2mqtt":
        yield from _long_enough(value)


def _host(text: str) -> Iterator[str]:
    """Yield the host of an address, `host:port` or URL, if it is a public one."""
    host = urlsplit(text if "//" in text else f"//{text}").hostname or text
    for name in (text, host):
        if _is_public(name) or (name == host and re.search(r"[a-z].*\.", name)):
            yield name


def _is_public(text: str) -> bool:
    """Return whether this is an IP address outside of private networks."""
    try:
        return not ipaddress.ip_address(text).is_private
    except ValueError:
        return False


def _long_enough(word: str) -> Iterator[str]:
    """Yield a word if it is too long to be part of ordinary words by chance."""
    if len(word) >= _SHORTEST_SECRET:
        yield word
