"""Removes everything that the running bridge has published, before it is uninstalled."""

import asyncio
from typing import Final

import structlog

from bmw2mqtt.config import Settings
from bmw2mqtt.mqtt.session import Session
from bmw2mqtt.mqtt.tools.cleanup import remove_everything

log = structlog.get_logger(__name__)

END_S: Final = 10.0
"""Longest wait for the connection to end."""


class Removal:
    """Disconnects the bridge from the broker for good, then deletes its topics."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.is_done = False
        """Whether everything was removed; nothing is published any more."""
        self._settings = settings
        self._session = session

    async def remove_everything(self) -> int:
        """Delete every topic; return how many there were.

        Raises:
            BrokerError: the broker cannot be reached, or does not allow it.
        """
        self._session.stop()
        async with asyncio.timeout(END_S):
            await self._session.stopped.wait()
        topics = await asyncio.to_thread(remove_everything, self._settings, is_forced=True)
        self.is_done = True
        log.info("everything_removed", count=len(topics))
        return len(topics)
