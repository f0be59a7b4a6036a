"""Which BMW account is logged in: a login may be another person's than the one before."""

import hashlib

from bmw2mqtt.accounts.state_file import StateFile

STATE_PART = "owner"


def is_another_owner(memory: StateFile, gcid: str) -> bool:
    """Return whether another BMW account (`gcid`) was logged in before."""
    known = memory.recall(STATE_PART).get("gcid_sha256")
    return known is not None and known != _digest(gcid)


def save_owner(memory: StateFile, gcid: str) -> None:
    """Write down which BMW account is logged in, as a digest: nobody has to read it."""
    memory.remember(STATE_PART, {"gcid_sha256": _digest(gcid)})


def _digest(gcid: str) -> str:
    return hashlib.sha256(gcid.encode()).hexdigest()
