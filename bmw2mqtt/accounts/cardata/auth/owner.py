"""Which BMW account is logged in: a login may be another person's than the one before."""

import hashlib
from datetime import datetime

from bmw2mqtt.accounts.state_document import StateDocument
from bmw2mqtt.accounts.state_file import StateFile

STATE_PART = "owner"


class OwnerDocument(StateDocument):
    """The BMW account, as a digest: nobody has to read it."""

    gcid_sha256: str | None = None

    @classmethod
    def of(cls, gcid: str) -> "OwnerDocument":
        """Return the document of a BMW account."""
        return cls(gcid_sha256=hashlib.sha256(gcid.encode()).hexdigest())


def is_another_owner(state_file: StateFile, gcid: str, now: datetime) -> bool:
    """Return whether another BMW account than `gcid` was logged in before."""
    known = state_file.read(STATE_PART, OwnerDocument, now)
    return known.gcid_sha256 is not None and known != OwnerDocument.of(gcid)


def save_owner(state_file: StateFile, gcid: str) -> None:
    """Write down which BMW account is logged in."""
    state_file.write(STATE_PART, OwnerDocument.of(gcid))
