"""Faults of TLS and login against real peers: each names the setting to change."""

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from bmw2mqtt.config import Mqtt, Tls
from bmw2mqtt.mqtt.errors import describe
from bmw2mqtt.mqtt.factory import make_client
from bmw2mqtt.mqtt.transport import tls_context
from bmw2mqtt.simulator.cardata import mqtt_codec as codec
from bmw2mqtt.vehicle.errors import ConfigError
from tests.mosquitto import Mosquitto, free_port
from tests.mqtt.fake_broker import FakeBroker, Peer, packet


class Files:
    """An authority, a broker's certificate, and a client's with an encrypted key."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("bridge")
        self.ca = directory / "ca.pem"
        self.server, self.server_key = directory / "server.pem", directory / "server.key"
        self.client, self.client_key = directory / "client.pem", directory / "client.key"
        authority.cert_pem.write_to_path(str(self.ca))
        server.cert_chain_pems[0].write_to_path(str(self.server))
        server.private_key_pem.write_to_path(str(self.server_key))
        client.cert_chain_pems[0].write_to_path(str(self.client))
        client.private_key_pem.write_to_path(str(self.client_key))
        key = serialization.load_pem_private_key(self.client_key.read_bytes(), None)
        self.encrypted_key = directory / "encrypted.key"
        self.encrypted_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"secret"),
            )
        )

    def tls(self, **more: object) -> Tls:
        return Tls.model_validate({"enabled": True, "ca_file": str(self.ca), **more})


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def reason(settings: Mqtt) -> str:
    """Connect and return what is said about it."""
    client = make_client(settings, tls_context(settings.tls), availability_topic=None)
    try:
        async with client, asyncio.timeout(5):
            await client.lost.wait()  # TLS 1.3: refused after the handshake
        error = client.error
    except aiomqtt.MqttError as refused:
        error = client.error or refused
    assert error is not None
    assert client._paho._sock is None
    return describe(error, settings)


@pytest.mark.parametrize("wants_certificate", [False, True])
async def test_tls_ports(files: Files, tmp_path: Path, *, wants_certificate: bool) -> None:
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        f"cafile {files.ca}",
        f"certfile {files.server}",
        f"keyfile {files.server_key}",
        f"require_certificate {str(wants_certificate).lower()}",
    ]
    with Mosquitto(tmp_path, *lines, port=port):
        plain = await reason(Mqtt(host="127.0.0.1", port=port))
        assert "mqtt.tls.enabled" in plain
        if wants_certificate:
            text = await reason(Mqtt(host="127.0.0.1", port=port, tls=files.tls()))
            assert "mqtt.tls.cert_file and mqtt.tls.key_file" in text


async def test_tls_12_that_wants_a_certificate(files: Files) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        serving = asyncio.create_task(asyncio.to_thread(serve))
        text = await reason(Mqtt(host="127.0.0.1", port=server.getsockname()[1], tls=files.tls()))
        await serving
    assert "mqtt.tls.cert_file and mqtt.tls.key_file" in text


async def test_tls_to_a_plain_port(files: Files, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        text = await reason(Mqtt(host="127.0.0.1", port=broker.port, tls=files.tls()))
    assert text.startswith("this port of the broker does not speak TLS")
    assert "mqtt.tls.enabled: false" in text


async def test_a_web_server() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        text = await reason(Mqtt(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))
    assert "is mqtt.port the port of an MQTT broker?" in text


def test_an_encrypted_key_asks_for_nothing(files: Files) -> None:
    tls = files.tls(cert_file=str(files.client), key_file=str(files.encrypted_key))
    with pytest.raises(ConfigError, match=r"mqtt\.tls\.key_file: .* is encrypted"):
        tls_context(tls)
    good = files.tls(cert_file=str(files.client), key_file=str(files.client_key))
    assert tls_context(good) is not None


async def test_a_password_needs_a_user() -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.username: missing"):
        make_client(Mqtt(password=SecretStr("x")), None, availability_topic=None)


@pytest.mark.parametrize(
    ("protocol", "code", "words"),
    [
        ("5", 133, "set another mqtt.client_id"),
        ("3.1.1", 2, "set another mqtt.client_id"),
        ("5", 134, "check mqtt.username and mqtt.password"),
        ("3.1.1", 5, "check mqtt.username and mqtt.password"),
        ("5", 132, 'set mqtt.protocol to "3.1.1"'),
        ("3.1.1", 1, "set mqtt.protocol"),
        ("5", 138, "banned"),
        ("5", 151, "raise the broker's limit"),
    ],
)
async def test_a_refused_connection(protocol: str, code: int, words: str) -> None:
    async def answer(peer: Peer, kind: int, _: bytes) -> bool:
        if kind == codec.CONNECT:
            peer.send(packet(codec.CONNACK, bytes((0, code)) + (b"\0" if protocol == "5" else b"")))
            peer.hang_up()
        return True

    async with FakeBroker(answer) as broker:
        text = await reason(broker.settings.model_copy(update={"protocol": protocol}))
    assert words in text
