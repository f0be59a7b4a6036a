"""The installation that BMW sees: it counts its quota by it.

The library derives it from host name and network card, which a container gets anew each time it is
created (bimmer_connected's pull request 743). So it is kept in `data_dir`.
"""

import re

import structlog
from bimmer_connected.api import authentication, client, utils

from bmw2mqtt.accounts.store import Store
from bmw2mqtt.vehicle.errors import StoreError

log = structlog.get_logger(__name__)

_FILE = "identity"
_BUILD = re.compile(r"AP2A\.\d{6}\.\d{3}")


def keep(store: Store) -> None:
    """Let the library show the identity of `data_dir`, the library's own if there is none yet."""
    build = store.load(_FILE).get("build")
    if not isinstance(build, str) or not _BUILD.fullmatch(build):
        build = utils.get_x_user_agent_buildstring()  # type: ignore[no-untyped-call]
        try:
            store.save(_FILE, {"build": build})
        except StoreError as error:
            log.error(  # noqa: TRY400 - the reason says it all
                "identity_not_saved", reason=str(error), remedy="BMW may count a new installation"
            )
    for module in (client, authentication):
        setattr(module, utils.get_x_user_agent_buildstring.__name__, lambda: build)
