"""The installation id that BMW counts its request quota by.

The library derives it from host name and network card, which a container gets anew each time it is
created (bimmer_connected's pull request 743). So it is kept in `data_dir`.
"""

from typing import Annotated

import structlog
from bimmer_connected.api import authentication, client, utils
from pydantic import StringConstraints

from bmw2mqtt.accounts.request_counter import utc_now
from bmw2mqtt.accounts.state_document import StateDocument
from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

_FILE = "identity"


class InstallationDocument(StateDocument):
    """The file `identity.json`."""

    build: Annotated[str, StringConstraints(pattern=r"^AP2A\.\d{6}\.\d{3}$")] | None = None
    """Part of the user agent: the build of an Android system."""


def use_kept_installation_id(store: Store) -> None:
    """Let the library use the id in `data_dir`; keep the library's own if there is none yet."""
    build = InstallationDocument.parse(store.load(_FILE), utc_now()).build
    if build is None:
        build = utils.get_x_user_agent_buildstring()  # type: ignore[no-untyped-call]
        try:
            store.save(_FILE, InstallationDocument(build=build).content())
        except StoreError as error:
            log.error(  # noqa: TRY400 - the reason says it all
                "installation_id_not_saved",
                reason=str(error),
                remedy="make room, or let bmw2mqtt write there; BMW may count a new installation",
            )
    for module in (client, authentication):
        setattr(module, utils.get_x_user_agent_buildstring.__name__, lambda: build)
