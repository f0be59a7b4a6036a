"""Opens the socket to the broker: TCP and TLS, without a thread, so that it can be cancelled."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from bmw2mqtt.config import Mqtt, Tls
from bmw2mqtt.vehicle.errors import ConfigError

TCP_TIMEOUT_S = 3.0
"""For each address of the broker, and again for TLS."""


class TlsError(OSError):
    """The TLS handshake failed; the message says why."""


def tls_context(settings: Tls) -> ssl.SSLContext | None:
    """Return what TLS to the broker needs, `None` without TLS.

    Raises:
        ConfigError: a certificate or key cannot be used.
    """
    if not settings.enabled:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [f"mqtt.tls.ca_file: cannot be used ({error}); check that it is PEM"]
        ) from error
    if settings.cert_file:
        _load_client_certificate(context, settings)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _EncryptedKeyError(Exception):
    """OpenSSL wants a password for the key."""


def _load_client_certificate(context: ssl.SSLContext, settings: Tls) -> None:
    def refuse_password() -> str:
        raise _EncryptedKeyError  # OpenSSL would ask on the terminal, and wait for ever

    assert settings.cert_file is not None  # noqa: S101 - the caller's condition
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, refuse_password)
    except _EncryptedKeyError as error:
        key = settings.key_file or settings.cert_file
        raise ConfigError(
            [
                (
                    f"mqtt.tls.key_file: {key} is encrypted; bmw2mqtt cannot ask for its password. "
                    f"Remove the password: openssl pkey -in {key} -out new.key"
                )
            ]
        ) from error
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            [
                (
                    f"mqtt.tls.cert_file, mqtt.tls.key_file: cannot be used ({error}); check that "
                    "both are PEM and belong together"
                )
            ]
        ) from error


def check_login(settings: Mqtt) -> None:
    """Check what MQTT 3.1.1 forbids and the library would silently leave out.

    Raises:
        ConfigError: there is a password but no user name.
    """
    if settings.password is not None and settings.username is None:
        raise ConfigError(
            ["mqtt.username: missing; mqtt.password is set, and a password needs a user name"]
        )


async def open_socket(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    """Connect to the first address of the broker that answers.

    Raises:
        OSError: there is none; with several addresses the first one's error.
    """
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # cannot be the name of a host
        raise OSError(f"{host}: {error}") from error
    first_error: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        try:
            connection = await _connect(family, kind, protocol, address)
        except OSError as error:
            first_error = first_error or error
        else:
            return connection if tls is None else await _start_tls(connection, tls, host)
    raise first_error or OSError(f"{host} has no address")


async def _connect(family: int, kind: int, protocol: int, address: object) -> socket.socket:
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)  # noqa: FBT003 - the library's signature
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(TCP_TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(connection, address)  # type: ignore[arg-type]
    except BaseException as error:
        connection.close()
        if isinstance(error, TimeoutError) and not error.args:
            raise TimeoutError("nothing answers at this address") from error
        raise
    return connection


async def _start_tls(connection: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    try:
        wrapped = tls.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        connection.close()
        raise
    try:
        async with asyncio.timeout(TCP_TIMEOUT_S):
            await _handshake(wrapped)
    except BaseException as error:
        wrapped.close()
        if isinstance(error, OSError):  # a time-out and a connection that was reset as well
            raise TlsError(f"TLS handshake: {error or 'no answer'}") from error
        raise
    return wrapped


async def _handshake(wrapped: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            wrapped.do_handshake()
        except ssl.SSLWantReadError:
            await _ready(wrapped, loop.add_reader, loop.remove_reader)
        except ssl.SSLWantWriteError:
            await _ready(wrapped, loop.add_writer, loop.remove_writer)
        else:
            return


async def _ready(
    connection: socket.socket, add: Callable[..., object], remove: Callable[..., object]
) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def is_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    add(connection.fileno(), is_ready)
    try:
        await ready
    finally:
        remove(connection.fileno())
