"""Our one container at BMW: the list of descriptors that telematic data is asked for with.

BMW keeps at most ten for an account, serves every car from one, and refuses lists that it does not
like. Its purpose is the hash of its list, so that it is found again after everything here is lost.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta

import structlog

from bmw2mqtt.accounts.cardata.errors import RequestRefused, ServerFault
from bmw2mqtt.accounts.cardata.rest.client import (
    BAD_CONTAINER,
    BAD_LIST,
    BAD_PARAMETER,
    BAD_REQUEST,
    BEING_DELETED,
    NO_CONTAINER,
    SERVER_ERROR,
    TOO_MANY_CONTAINERS,
    UNKNOWN_DESCRIPTOR,
    RestClient,
)
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.accounts.cardata.telemetry.descriptors import SOC_FORECAST, core_descriptors
from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_file import StateFile, moment
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.errors import (
    WHOLE_ACCOUNT,
    AccountError,
    BadAnswer,
    QuotaExceeded,
    Unreachable,
)

log = structlog.get_logger(__name__)

NAME = "bmw2mqtt"
RECREATE_EVERY = timedelta(hours=24)
OUTAGE_PAUSE = timedelta(hours=4)
FORGIVE_AFTER = timedelta(days=30)
"""BMW also refuses lists because it is out of order, so a longer list is tried again some day."""
MAX_DROPPED = 5
"""Each one costs a request; with more than these the whole list is given up."""
_GONE = {"DELETED", "INACTIVE"}
"""States of a container that is purged in some weeks."""
NOT_THERE = {BAD_CONTAINER, BEING_DELETED, NO_CONTAINER, None}
"""Refusals that say that there is no such container; some come without a code."""
_LIST_REFUSED = {BAD_REQUEST, BAD_PARAMETER, UNKNOWN_DESCRIPTOR, BAD_LIST, SERVER_ERROR}

CORE_LENGTH = 75
"""BMW has accepted lists of this length even where it refuses longer ones."""
CORE = core_descriptors()[:CORE_LENGTH]
"""The most important descriptors of the snapshot."""
_SHORTER = (CORE, tuple(name for name in CORE if name != SOC_FORECAST))


def wanted_descriptors() -> tuple[str, ...]:
    """Return the full list: all of the snapshot, and what only a container can serve."""
    rest_only = (
        name
        for name, row in catalogue().items()
        if row.rest_via == "container" and not row.is_streamable
    )
    return tuple(dict.fromkeys((*core_descriptors(), *rest_only)))


def purpose_of(descriptors: Sequence[str]) -> str:
    """Return what a container's purpose says of its list."""
    return hashlib.sha256("\n".join(sorted(descriptors)).encode()).hexdigest()[:12]


@dataclass(slots=True)
class _Known:
    """What is remembered of the container."""

    id: str | None = None
    purpose: str | None = None
    """Of the container's list."""
    made_at: str | None = None
    obsolete: list[str] = field(default_factory=list)
    """Containers of ours that are to be deleted."""
    wanted: str = ""
    """Of the full list for which the refusals below hold."""
    step: int = 0
    """How far the list is shortened: 0 full, 1 core, 2 core without the charging level."""
    dropped: list[str] = field(default_factory=list)
    """Descriptors that BMW does not know."""
    refused_at: str | None = None
    paused_until: str | None = None
    hindrance: str | None = None
    """Why nothing is made before that."""


_KINDS: dict[str, type] = {"step": int, "obsolete": list, "dropped": list}
"""The other fields are texts."""


class Containers:
    """Finds, makes, shortens and deletes containers of ours; never touches foreign ones."""

    def __init__(
        self,
        rest: RestClient,
        memory: StateFile,
        descriptors: Sequence[str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            rest: where to ask.
            memory: where the container's id, and what BMW refused, is written down.
            descriptors: the full list; `CORE` is what it is shortened to.
            now: the wall clock.
        """
        self._rest = rest
        self._memory = memory
        self._lists = (tuple(dict.fromkeys(descriptors)), *_SHORTER)
        self._now = now

    def try_again(self) -> None:
        """Forget a pause, because a person asks; a container that was lost today stays lost."""
        known = self._recall()
        if known.paused_until and (known.id or not self._is_of_today(known)):
            known.paused_until = known.hindrance = None
            self._remember(known)

    async def ready(self, priority: Priority) -> str:
        """Return the id of a container with our list; as a rule that costs no request.

        Args:
            priority: of the request that needs it; upkeep has its own.

        Raises:
            AccountError: there is none, and why.
        """
        known = self._recall()
        if known.id and known.purpose == purpose_of(self._wanted(known)):
            return known.id
        if self._is_before(known.paused_until) or (known.id and self._is_of_today(known)):
            if known.id:
                return known.id  # an older list is better than none
            raise RequestRefused(
                None, known.hindrance or "BMW gives no container; trying again later"
            )
        try:
            return await self._make(known, Priority.CONTAINER if known.id else priority)
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
            log.warning("container_not_renewed", reason=str(error), retry_at=known.paused_until)
            return known.id

    def lost(self) -> bool:
        """Take it that BMW refuses our container; return whether another may be made: once a day.

        One that was made today stays: perhaps BMW refuses it for one car only.
        """
        known = self._recall()
        if known.id is None or self._is_of_today(known):
            return False
        known.obsolete.append(known.id)
        known.id = None
        self._remember(known)
        return True

    def forget(self) -> None:
        """Forget the container, because it belongs to another BMW account."""
        self._memory.remember("container", {})

    async def tidy(self) -> None:
        """Delete what is left of older containers of ours; what fails is tried another time."""
        known = self._recall()
        for obsolete in list(known.obsolete):
            try:
                await self._delete(obsolete, Priority.CONTAINER)
            except RequestRefused as error:  # then it stays; asking every day would not help
                log.info("container_not_deleted", id=obsolete, reason=str(error))
            except AccountError as error:
                log.debug("container_not_deleted", id=obsolete, reason=str(error))
                return
            known.obsolete.remove(obsolete)
            self._remember(known)

    async def _make(self, known: _Known, priority: Priority) -> str:
        """Find a container with our list or create it, with a shorter list if need be."""
        ours = await self._list_ours(priority)
        usable = {purpose: id_ for id_, purpose in ours.items() if id_ not in known.obsolete}
        before = known.step, list(known.dropped), known.refused_at
        is_faulty = False
        while (id_ := usable.get(purpose_of(self._wanted(known)))) is None:
            try:
                id_ = await self._create(known, ours, priority)
                known.made_at = self._now().isoformat()
                break
            except (RequestRefused, ServerFault) as error:
                is_faulty = is_faulty or isinstance(error, ServerFault)
                if not self._shorten(known, error):
                    if is_faulty:  # perhaps it was not the list
                        known.step, known.dropped, known.refused_at = before
                    raise
                if not is_faulty:
                    self._remember(known)
        if known.refused_at != before[2]:
            log.warning(
                "container_shortened",
                descriptors=len(self._wanted(known)),
                wanted=len(self._lists[0]),
                unknown_to_bmw=known.dropped,
            )
        known.id = id_
        known.purpose = purpose_of(self._wanted(known))
        known.obsolete = [other for other in ours if other != id_]
        known.paused_until = known.hindrance = None
        self._remember(known)
        await self.tidy()
        return id_

    def _wanted(self, known: _Known) -> list[str]:
        step = min(max(known.step, 0), len(self._lists) - 1)
        return [name for name in self._lists[step] if name not in known.dropped]

    def _shorten(self, known: _Known, error: RequestRefused | ServerFault) -> bool:
        """Take out what BMW refuses; `False` if the list is not why, or cannot be shorter."""
        if error.code not in _LIST_REFUSED:
            return False
        if isinstance(error, RequestRefused) and error.code == UNKNOWN_DESCRIPTOR:
            named = _named(self._wanted(known), error.details)
            if named and len(known.dropped) + len(named) <= MAX_DROPPED:
                known.dropped += named
                known.refused_at = self._now().isoformat()
                return True
        if known.step >= len(self._lists) - 1:
            return False
        known.step += 1
        known.refused_at = self._now().isoformat()
        return True

    def _pause(self, known: _Known, error: AccountError) -> None:
        """Ask for no container again soon: each try costs quota."""
        pause = OUTAGE_PAUSE if isinstance(error, Unreachable) else RECREATE_EVERY
        known.paused_until = (self._now() + pause).isoformat()
        known.hindrance = str(error)
        self._remember(known)

    def _is_of_today(self, known: _Known) -> bool:
        made_at = moment(known.made_at)
        return made_at is not None and timedelta() <= self._now() - made_at < RECREATE_EVERY

    def _is_before(self, text: str | None) -> bool:
        until = moment(text)
        return until is not None and timedelta() < until - self._now() <= RECREATE_EVERY

    # At BMW

    async def _list_ours(self, priority: Priority) -> dict[str, str]:
        """Return the purposes of our containers, by id."""
        answer = await self._rest.get("containers", priority)
        entries = answer.get("containers") if isinstance(answer, dict) else answer
        if not isinstance(entries, list):
            raise BadAnswer("BMW sent no list of containers; trying again later")
        mine = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == NAME]
        return {
            id_: str(entry.get("purpose"))
            for entry in mine
            if isinstance(id_ := entry.get("containerId"), str) and entry.get("state") not in _GONE
        }

    async def _create(self, known: _Known, ours: dict[str, str], priority: Priority) -> str:
        descriptors = self._wanted(known)
        content = {
            "name": NAME,
            "purpose": purpose_of(descriptors),
            "technicalDescriptors": descriptors,
        }
        try:
            answer = await self._rest.post("containers", priority, content)
        except RequestRefused as error:
            spare = [id_ for id_ in ours if id_ != known.id]
            if error.code != TOO_MANY_CONTAINERS or not spare:
                raise
            for id_ in spare:
                await self._delete(id_, priority)
                del ours[id_]
            answer = await self._rest.post("containers", priority, content)
        created = answer.get("containerId") if isinstance(answer, dict) else None
        if not (isinstance(created, str) and created):
            raise BadAnswer("BMW sent a container without its id; trying again later")
        return created

    async def _delete(self, id_: str, priority: Priority) -> None:
        try:
            await self._rest.delete(f"containers/{id_}", priority)
        except RequestRefused as error:
            if error.code not in NOT_THERE:
                raise

    # What survives a restart

    def _recall(self) -> _Known:
        content = self._memory.recall("container")
        known = _Known()
        for entry in fields(known):
            value = content.get(entry.name)
            if isinstance(value, _KINDS.get(entry.name, str)):
                setattr(known, entry.name, value)
        refused_at = moment(known.refused_at)
        is_old = refused_at is not None and self._now() - refused_at > FORGIVE_AFTER
        wanted = purpose_of(self._lists[0])
        if known.wanted != wanted or is_old:
            known.wanted, known.step, known.dropped, known.refused_at = wanted, 0, [], None
        return known

    def _remember(self, known: _Known) -> None:
        self._memory.remember("container", asdict(known))


def _named(descriptors: Sequence[str], details: str) -> list[str]:
    """Return the descriptors that BMW's words name; one may be the beginning of another."""
    words = set(re.findall(r"\w+(?:\.\w+)+", details))
    return [name for name in descriptors if name in words]
