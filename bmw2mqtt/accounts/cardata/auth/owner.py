"""Which BMW account is logged in: a login may be another person's than the one before."""

import hashlib
from datetime import datetime

import structlog

from bmw2mqtt.accounts.state_document import StateDocument
from bmw2mqtt.accounts.state_file import StateFile

log = structlog.get_logger(__name__)

STATE_PART = "owner"


class OwnerDocument(StateDocument):
    """A digest of the BMW account's ID, which is private."""

    gcid_sha256: str | None = None

    @classmethod
    def of(cls, gcid: str) -> "OwnerDocument":
        """Return the document of a BMW account."""
        return cls(gcid_sha256=hashlib.sha256(gcid.encode()).hexdigest())


def is_another_owner(account: str, state_file: StateFile, gcid: str, now: datetime) -> bool:
    """Return whether another BMW account than `gcid` was logged in before, and log that."""
    known = state_file.read(STATE_PART, OwnerDocument, now)
    if known.gcid_sha256 is None or known == OwnerDocument.of(gcid):
        return False
    log.warning(
        "bmw_account_changed",
        account=account,
        remedy="the cars of the account before are removed; those of this one follow",
    )
    return True


def save_owner(state_file: StateFile, gcid: str) -> None:
    """Write down which BMW account is logged in."""
    state_file.write(STATE_PART, OwnerDocument.of(gcid))
