"""Which accounts the running daemon has, as its retained topics say."""

import json
from collections.abc import Mapping

from bmw2mqtt.mqtt.topics import Topics


def daemon_topics(topics: Topics) -> tuple[str, str]:
    """Return the topics to read for `daemon_accounts`."""
    return topics.bridge_availability, topics.bridge_info


def daemon_accounts(topics: Topics, payloads: Mapping[str, bytes]) -> frozenset[str] | None:
    """Return the names of the running daemon's accounts; `None`: its topics do not say.

    `payloads` are retained ones by topic. What is not `online` may be from an earlier run.
    """
    if payloads.get(topics.bridge_availability) != b"online":
        return None
    try:
        accounts = json.loads(payloads.get(topics.bridge_info, b""))["accounts"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return frozenset(accounts) if isinstance(accounts, dict) else None
