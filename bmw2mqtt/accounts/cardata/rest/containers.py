"""Our containers at BMW: the lists of descriptors that telematic data is requested with.

BMW keeps at most ten for an account, serves every car from one, and refuses lists that it does not
like. A container's purpose is the hash of its list, so that it is found again after everything here
is lost.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from pydantic import ConfigDict, Field

from bmw2mqtt.accounts.cardata.errors import RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.rest.client import (
    BAD_LIST,
    BAD_PARAMETER,
    BAD_REQUEST,
    SERVER_ERROR,
    TOO_MANY_CONTAINERS,
    UNKNOWN_DESCRIPTOR,
    RestClient,
)
from bmw2mqtt.accounts.cardata.rest.container_client import ContainerClient
from bmw2mqtt.accounts.cardata.rest.container_lists import (
    ContainerKind,
    Lists,
    extra_descriptors,
    extra_lists,
    main_lists,
    purpose_of,
)
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.state_document import PastTime, StateDocument, Time, within
from bmw2mqtt.accounts.state_file import StateFile
from bmw2mqtt.vehicle.errors import WHOLE_ACCOUNT, AccountError, QuotaExceeded, Unreachable

log = structlog.get_logger(__name__)

RECREATE_EVERY = timedelta(hours=24)
OUTAGE_PAUSE = timedelta(hours=4)
EXTRA_PAUSE = timedelta(days=7)
"""BMW refused every list of the extra container: nothing depends on it."""
RETRY_FULL_LIST_AFTER = timedelta(days=30)
"""BMW also refuses lists because it is out of order, so the full list is tried again some day."""
MAX_DROPS = 5
"""How often descriptors that BMW names are left out: each time costs a request."""
_LIST_REFUSED = {BAD_REQUEST, BAD_PARAMETER, UNKNOWN_DESCRIPTOR, BAD_LIST, SERVER_ERROR}


class ContainerDocument(StateDocument):
    """What is kept of one container over a restart."""

    model_config = ConfigDict(frozen=False, extra="ignore")

    id: str | None = None
    purpose: str | None = None
    """Of the container's list."""
    made_at: PastTime | None = None
    obsolete: list[str] = Field(default_factory=list)
    """Containers of ours that are to be deleted."""
    wanted: str = ""
    """Of the full list for which the refusals below hold."""
    step: int = 0
    """How far the list is shortened: 0 is the full one."""
    dropped: list[str] = Field(default_factory=list)
    """Descriptors that BMW does not know."""
    refused_at: PastTime | None = None
    paused_until: Annotated[Time, within(future=EXTRA_PAUSE)] | None = None
    pause_reason: str | None = None
    """Why none is created before that."""


class Containers:
    """The main and the extra container of one account."""

    def __init__(
        self,
        rest: RestClient,
        state_file: StateFile,
        descriptors: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        """Prepare with the full list of the main container; nothing is sent yet."""
        self._client = ContainerClient(rest, now)
        self._containers = {
            kind: _Container(kind, lists, self._client, state_file, now)
            for kind, lists in (
                (ContainerKind.MAIN, main_lists(descriptors)),
                (ContainerKind.EXTRA, extra_lists(extra_descriptors())),
            )
        }

    def retry(self) -> None:
        """End all pauses, because a person asks; a container that was lost today stays lost."""
        for container in self._containers.values():
            container.retry()

    def reset(self) -> None:
        """Forget the containers: they belong to another BMW account."""
        self._client.reset()
        for container in self._containers.values():
            container.save(ContainerDocument())

    async def ready(self, priority: Priority, kind: ContainerKind = ContainerKind.MAIN) -> str:
        """Return the ID of a container with our list; as a rule that costs no request.

        The `priority` is that of the request that needs it; upkeep has its own.

        Raises:
            AccountError: there is none, and why.
        """
        others = [other for name, other in self._containers.items() if name is not kind]
        return await self._containers[kind].ready(priority, others)

    def discard(self, kind: ContainerKind = ContainerKind.MAIN) -> bool:
        """Discard a container that BMW refuses; return whether a new one may be created.

        That is so once a day: perhaps BMW refuses one that was created today for one car only.
        """
        return self._containers[kind].discard()

    async def delete_obsolete(self) -> None:
        """Delete older containers of ours; what fails is tried another time."""
        for container in self._containers.values():
            await container.delete_obsolete()


class _Container:
    """Finds, creates, shortens and deletes one container."""

    def __init__(
        self,
        kind: ContainerKind,
        lists: Lists,
        client: ContainerClient,
        state_file: StateFile,
        now: Callable[[], datetime],
    ) -> None:
        self._kind = kind
        self._lists = lists
        self._client = client
        self._state_file = state_file
        self._now = now

    def retry(self) -> None:
        known = self._load()
        if known.paused_until and (known.id or not self._is_of_today(known)):
            known.paused_until = known.pause_reason = None
            self.save(known)

    async def ready(self, priority: Priority, others: Sequence["_Container"]) -> str:
        known = self._load()
        if known.id and known.purpose == purpose_of(self._wanted(known)):
            return known.id
        is_paused = known.paused_until is not None and self._now() < known.paused_until
        if is_paused or (known.id and self._is_of_today(known)):
            if known.id:
                return known.id  # an older list is better than none
            raise RequestRefused(
                None, known.pause_reason or "BMW gives no container; trying again later"
            )
        try:
            return await self._make(known, Priority.CONTAINER if known.id else priority, others)
        except QuotaExceeded:
            if known.id:
                return known.id
            raise
        except WHOLE_ACCOUNT:
            raise
        except AccountError as error:
            self._pause(known, error)
            if known.id is None:
                raise
            log.warning(
                "container_not_renewed",
                kind=self._kind.name.lower(),
                reason=str(error),
                retry_at=str(known.paused_until),
            )
            return known.id

    def discard(self) -> bool:
        known = self._load()
        if known.id is None or self._is_of_today(known):
            return False
        self._client.reset()
        known.obsolete.append(known.id)
        known.id = None
        self.save(known)
        return True

    def owns(self, id_: str, purpose: str) -> bool:
        """Return whether a container at BMW is this one, or an earlier list of it."""
        known = self._load()
        return id_ == known.id or purpose in {known.purpose, *map(purpose_of, self._lists)}

    async def delete_obsolete(self) -> None:
        known = self._load()
        for obsolete in list(known.obsolete):
            try:
                await self._client.delete(obsolete, Priority.CONTAINER)
            except RequestRefused as error:  # then it stays; asking every day would not help
                log.info("container_not_deleted", id=obsolete, reason=str(error))
            except AccountError as error:
                log.debug("container_not_deleted", id=obsolete, reason=str(error))
                return
            known.obsolete.remove(obsolete)
            self.save(known)

    async def _make(
        self, known: ContainerDocument, priority: Priority, others: Sequence["_Container"]
    ) -> str:
        """Find a container with our list or create it, with a shorter list if need be."""
        ours = {
            id_: purpose
            for id_, purpose in (await self._client.purposes(priority)).items()
            if not any(other.owns(id_, purpose) for other in others)
        }
        usable = {purpose: id_ for id_, purpose in ours.items() if id_ not in known.obsolete}
        before = known.step, list(known.dropped), known.refused_at
        is_faulty, drops = False, 0
        while (id_ := usable.get(purpose_of(self._wanted(known)))) is None:
            try:
                id_ = await self._create(known, ours, priority)
                known.made_at = self._now()
                break
            except (RequestRefused, ServerFault) as error:
                is_faulty = is_faulty or isinstance(error, ServerFault)
                drops += 1
                if not self._shorten(known, error, may_drop=drops <= MAX_DROPS):
                    if is_faulty and self._kind is ContainerKind.MAIN:
                        # perhaps it was not the list
                        known.step, known.dropped, known.refused_at = before
                    raise
                if not is_faulty:
                    self.save(known)
        if known.refused_at != before[2]:
            log.warning(
                "container_shortened",
                kind=self._kind.name.lower(),
                descriptors=len(self._wanted(known)),
                wanted=len(self._lists[0]),
                unknown_to_bmw=known.dropped,
            )
        known.id = id_
        known.purpose = purpose_of(self._wanted(known))
        known.obsolete = [other for other in ours if other != id_]
        known.paused_until = known.pause_reason = None
        self.save(known)
        await self.delete_obsolete()
        return id_

    async def _create(
        self, known: ContainerDocument, ours: dict[str, str], priority: Priority
    ) -> str:
        """Create it; if the account has too many containers, delete obsolete ones of ours first."""
        descriptors = self._wanted(known)
        try:
            return await self._client.create(descriptors, priority)
        except RequestRefused as error:
            spare = [id_ for id_ in ours if id_ != known.id]
            if error.code != TOO_MANY_CONTAINERS or not spare:
                raise
            for id_ in spare:
                await self._client.delete(id_, priority)
                del ours[id_]
            return await self._client.create(descriptors, priority)

    def _wanted(self, known: ContainerDocument) -> list[str]:
        step = min(max(known.step, 0), len(self._lists) - 1)
        return [name for name in self._lists[step] if name not in known.dropped]

    def _shorten(
        self, known: ContainerDocument, error: RequestRefused | ServerFault, *, may_drop: bool
    ) -> bool:
        """Take out what BMW refuses; `False` if the list is not why, or cannot be shorter."""
        if error.code not in _LIST_REFUSED:
            return False
        if isinstance(error, RequestRefused) and error.code == UNKNOWN_DESCRIPTOR:
            named = _named(self._wanted(known), error.details)
            if named and may_drop:
                known.dropped += named
                known.refused_at = self._now()
                return True
        if known.step >= len(self._lists) - 1:
            return False
        known.step += 1
        known.refused_at = self._now()
        return True

    def _pause(self, known: ContainerDocument, error: AccountError) -> None:
        """Create none again soon: each try costs quota."""
        pause = OUTAGE_PAUSE if isinstance(error, Unreachable) else RECREATE_EVERY
        if self._kind is ContainerKind.EXTRA and known.step == len(self._lists) - 1:
            pause = EXTRA_PAUSE
        known.paused_until = self._now() + pause
        known.pause_reason = str(error)
        self.save(known)

    def _is_of_today(self, known: ContainerDocument) -> bool:
        made_at = known.made_at
        return made_at is not None and timedelta() <= self._now() - made_at < RECREATE_EVERY

    def _load(self) -> ContainerDocument:
        now = self._now()
        known = self._state_file.read(self._kind, ContainerDocument, now)
        is_old = known.refused_at is not None and now - known.refused_at > RETRY_FULL_LIST_AFTER
        wanted = purpose_of(self._lists[0])
        if known.wanted != wanted or is_old:
            known.wanted, known.step, known.dropped, known.refused_at = wanted, 0, [], None
        return known

    def save(self, known: ContainerDocument) -> None:
        self._state_file.write(self._kind, known)


def _named(descriptors: Sequence[str], details: str) -> list[str]:
    """Return the descriptors that BMW's words name; one may be the beginning of another."""
    words = set(re.findall(r"\w+(?:\.\w+)+", details))
    return [name for name in descriptors if name in words]
