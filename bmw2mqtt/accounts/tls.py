"""Whom an account trusts."""

import ssl
from pathlib import Path

from bmw2mqtt.vehicle.errors import ConfigError


def client_context(
    account: str, ca_file: Path | None, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """Return what TLS to BMW needs; building one costs more than a poll.

    Args:
        account: whose `ca_file` it is, for the error.
        ca_file: whom to trust instead of the system's authorities.
        minimum: what BMW wants at least; its stream takes TLS 1.3 alone.

    Raises:
        ConfigError: `ca_file` cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [f"accounts.{account}.ca_file: cannot be used ({error}); check that it is PEM"]
        ) from error
    context.minimum_version = minimum
    return context
