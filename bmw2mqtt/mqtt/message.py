"""One message to the broker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One PUBLISH, QoS 1."""

    topic: str
    payload: bytes
    retain: bool = True
    correlation_data: bytes | None = None
    is_expendable: bool = False
    """Whether it is dropped before others when too much waits for the broker."""

    @property
    def size_bytes(self) -> int:
        """An upper bound of its size on the wire."""
        return len(self.topic.encode()) + len(self.payload) + len(self.correlation_data or b"") + 32
