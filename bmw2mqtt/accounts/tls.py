"""Whom an account trusts."""

import ssl
from pathlib import Path

from bmw2mqtt.vehicle.errors import ConfigError


def client_context(account: str, ca_file: Path | None) -> ssl.SSLContext:
    """Return what TLS to BMW needs; building one costs more than a poll.

    Raises:
        ConfigError: `ca_file` cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [f"accounts.{account}.ca_file: cannot be used ({error}); check that it is PEM"]
        ) from error
