"""A server that is stopped for a while has its port when it starts again."""

import gc
import socket
import sys

import pytest

from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser
from bmw2mqtt.simulator.ports import reserve_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the port")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def test_nobody_gets_the_port_of_a_server_that_is_stopped() -> None:
    user = SimulatedUser(username="me@example.com", password="a-password-42")
    server = MyBmwSimulator([user])
    await server.start()
    address = server.address
    await server.stop()
    assert is_taken(int(address.rpartition(":")[2]))
    async with server:
        assert server.address == address


def test_nothing_is_kept_for_an_owner_that_is_gone() -> None:
    class Owner:
        pass

    owner = Owner()
    port = reserve_port(owner)
    assert is_taken(port)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nobody listens"
    del owner
    gc.collect()
    assert not is_taken(port)
