"""Lists, creates and deletes our containers at BMW; never touches those of other programs."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bmw2mqtt.accounts.cardata.errors import RequestRefused
from bmw2mqtt.accounts.cardata.rest.client import (
    BAD_CONTAINER,
    BEING_DELETED,
    NO_CONTAINER,
    RestClient,
)
from bmw2mqtt.accounts.cardata.rest.container_lists import purpose_of
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.vehicle.errors import BadAnswer

NAME = "bmw2mqtt"
LISTED_FOR = timedelta(minutes=5)
"""How long BMW's list of containers is not requested again."""
_GONE = {"DELETED", "INACTIVE"}
"""States of a container that BMW purges in some weeks."""
NOT_THERE = {BAD_CONTAINER, BEING_DELETED, NO_CONTAINER, None}
"""Refusals that mean that the container does not exist; some have no code."""


class ContainerClient:
    """Our containers, as BMW has them."""

    def __init__(self, rest: RestClient, now: Callable[[], datetime]) -> None:
        self._rest = rest
        self._now = now
        self._purposes: dict[str, str] = {}
        """By container ID, as BMW listed them last."""
        self._listed_at: datetime | None = None

    def reset(self) -> None:
        """Forget BMW's list: it belongs to another BMW account, or a container is missing."""
        self._listed_at = None

    async def purposes(self, priority: Priority) -> dict[str, str]:
        """Return the purposes of our containers by ID; errors as `RestClient.get`."""
        age = None if self._listed_at is None else self._now() - self._listed_at
        if age is None or not timedelta() <= age < LISTED_FOR:
            self._purposes = _purposes(await self._rest.get("containers", priority))
            self._listed_at = self._now()
        return dict(self._purposes)

    async def create(self, descriptors: Sequence[str], priority: Priority) -> str:
        """Create a container and return its ID; errors as `RestClient.post`."""
        content = {
            "name": NAME,
            "purpose": purpose_of(descriptors),
            "technicalDescriptors": list(descriptors),
        }
        answer = await self._rest.post("containers", priority, content)
        created = answer.get("containerId") if isinstance(answer, dict) else None
        if not (isinstance(created, str) and created):
            raise BadAnswer("BMW sent a container without its ID; trying again later")
        self._purposes[created] = content["purpose"]  # type: ignore[assignment] # a text
        return created

    async def delete(self, id_: str, priority: Priority) -> None:
        """Delete a container; one that is not there is deleted already.

        Raises:
            AccountError: as `RestClient.delete`.
        """
        try:
            await self._rest.delete(f"containers/{id_}", priority)
        except RequestRefused as error:
            if error.code not in NOT_THERE:
                raise
        self._purposes.pop(id_, None)


def _purposes(answer: object) -> dict[str, str]:
    entries = answer.get("containers") if isinstance(answer, dict) else answer
    if not isinstance(entries, list):
        raise BadAnswer("BMW sent no list of containers; trying again later")
    ours = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == NAME]
    return {
        id_: str(entry.get("purpose"))
        for entry in ours
        if isinstance(id_ := entry.get("containerId"), str) and entry.get("state") not in _GONE
    }
