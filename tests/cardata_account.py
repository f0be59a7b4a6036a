"""What a login of an account at a simulated CarData leaves on disk."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bmw2mqtt.simulator.cardata import (
    API_SCOPE,
    CLIENT_ID,
    STREAM_SCOPE,
    CarDataSimulator,
    CarDataUser,
)

SCOPE = ("authenticate_user", "openid", API_SCOPE, STREAM_SCOPE)


def write_tokens(
    folder: Path,
    bmw: CarDataSimulator,
    user: CarDataUser,
    do: Callable[[Callable[[], Any]], Any],
) -> None:
    """Write what a login of the account `eu` leaves in `data_dir`; `do` acts in BMW's thread."""
    registry = bmw.registry
    grant = do(lambda: registry.issue(user, CLIENT_ID, SCOPE))
    now = registry.clock()
    lifetime = timedelta(seconds=registry.lifetimes.access_token_s)
    tokens = {
        "client_id": CLIENT_ID,
        "gcid": grant.user.gcid,
        "access_token": grant.access_token,
        "id_token": grant.id_token,
        "refresh_token": grant.refresh_token,
        "scope": " ".join(SCOPE),
        "issued_at": now.isoformat(),
        "expires_at": (now + lifetime).isoformat(),
    }
    folder.mkdir(exist_ok=True)
    (folder / "tokens-eu.json").write_text(json.dumps(tokens))
