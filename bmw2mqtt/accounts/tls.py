"""TLS to BMW: which certificates an account trusts."""

import ssl
from pathlib import Path

from bmw2mqtt.vehicle.errors import ConfigError


def client_context(
    account: str, ca_file: Path | None, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """Return the TLS context for BMW; make one per account, it costs more than a poll.

    Args:
        account: the account's name, for the error.
        ca_file: certificates to trust instead of the system's.
        minimum: the oldest TLS version to accept; BMW's stream accepts only TLS 1.3.

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
