"""The REST addresses of containers."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from bmw2mqtt.simulator.https import json_object

from .answers import refuse
from .catalogue import CONTAINABLE
from .container import Container

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from .authorizer import RestAuthorizer
    from .users import CarDataUser

CONTAINER_ID: Final = re.compile(r"[A-Z0-9]{13}")


@dataclass(slots=True)
class ContainerRoutes:
    """Lists, creates and deletes containers. A test may change what is refused at any time."""

    authorizer: RestAuthorizer
    clock: Callable[[], datetime]
    limit: int = 10
    """How many containers a user may have."""
    max_descriptors: int | None = None
    """The most descriptors a container may have; BMW's refusal gives no reason."""
    unknown_descriptors: set[str] = field(default_factory=set)
    """Descriptors that BMW refuses although its catalogue lists them."""
    failing_descriptors: set[str] = field(default_factory=set)
    """Descriptors that make BMW's servers answer with an internal error."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the containers' addresses."""
        router.add_get("/customers/containers", self.list)
        router.add_post("/customers/containers", self.create)
        router.add_get("/customers/containers/{container_id}", self.detail)
        router.add_delete("/customers/containers/{container_id}", self.delete)

    def add(
        self, user: CarDataUser, name: str, purpose: str, descriptors: Iterable[str]
    ) -> Container:
        """Create a container for a user, as another program would."""
        container = Container(
            container_id=f"S{secrets.randbelow(10**12):012}",
            name=name,
            purpose=purpose,
            created_at=self.clock(),
            descriptors=tuple(descriptors),
        )
        user.containers[container.container_id] = container
        return container

    async def list(self, request: web.Request) -> web.Response:
        """List a user's containers, including deleted ones."""
        user = self.authorizer.user(request)
        listed = [container.listed() for container in user.containers.values()]
        return web.json_response({"containers": listed})

    async def create(self, request: web.Request) -> web.Response:
        """Create a container."""
        user = self.authorizer.user(request)
        try:
            body = await json_object(request)
        except ValueError as error:
            raise refuse("CU-400", "Malformed JSON.") from error
        name, purpose = body.get("name"), body.get("purpose")
        descriptors = body.get("technicalDescriptors")
        if (
            not (isinstance(name, str) and name and isinstance(purpose, str) and purpose)
            or not (isinstance(descriptors, list) and descriptors)
            or not all(isinstance(descriptor, str) for descriptor in descriptors)
        ):
            raise refuse("CU-400", "name, purpose and technicalDescriptors are required.")
        self._check(descriptors)
        active = [c for c in user.containers.values() if c.state == "ACTIVE"]
        if len(active) >= self.limit:
            raise refuse("CU-124")
        return web.json_response(self.add(user, name, purpose, descriptors).detailed(), status=201)

    def _check(self, descriptors: Iterable[str]) -> None:
        wanted = set(descriptors)
        if wanted & self.failing_descriptors:
            raise refuse("CU-500")
        if unknown := wanted - CONTAINABLE | wanted & self.unknown_descriptors:
            raise refuse("CU-402", ", ".join(sorted(unknown)))
        if self.max_descriptors is not None and len(wanted) > self.max_descriptors:
            raise refuse("CU-403")

    async def detail(self, request: web.Request) -> web.Response:
        """Return a container with its descriptors."""
        user = self.authorizer.user(request)
        container = find(user, request.match_info["container_id"])
        return web.json_response(container.detailed())

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a container; as at BMW, it stays in the list as inactive."""
        user = self.authorizer.user(request)
        container = find(user, request.match_info["container_id"])
        if container.state == "INACTIVE":
            raise refuse("CU-122")
        container.state = "INACTIVE"
        return web.Response(status=204)


def find(user: CarDataUser, container_id: str) -> Container:
    """Return a user's container, or refuse the request."""
    if CONTAINER_ID.fullmatch(container_id) is None:
        raise refuse("CU-121")
    container = user.containers.get(container_id)
    if container is None:
        raise refuse("CU-105")
    return container
