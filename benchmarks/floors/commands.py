"""aiomqtt and bimmer_connected alone, carrying out commands: `… commands PORT SERVER CA_FILE VIN`.

Each message on TOPIC lets the car flash its lights; once that is done a message comes on DONE.
"""

import asyncio
import logging
import ssl
import sys
from typing import Any

import aiomqtt
from bimmer_connected.account import MyBMWAccount
from bimmer_connected.vehicle import remote_services
from bimmer_connected.vehicle.remote_services import Services
from bimmer_connected.vehicle.vehicle import MyBMWVehicle

from benchmarks.child import Request, serve
from benchmarks.floors.library_polls import make_account

TOPIC, DONE = "floor/light_flash", "floor/done"


async def carry_out(client: aiomqtt.Client, vehicle: MyBMWVehicle) -> None:
    """Carry out each command."""
    async for _ in client.messages:
        await vehicle.remote_services.trigger_remote_service(Services.LIGHT_FLASH)
        await client.publish(DONE)


class Polls:
    """The whole account, asked again and again."""

    def __init__(self, account: MyBMWAccount) -> None:
        self._account = account
        self._is_polling = False
        self._polling: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> dict[str, Any]:
        """`start_polling` or `stop_polling`."""
        self._is_polling = request["what"] == "start_polling"
        if self._is_polling:
            self._polling = asyncio.create_task(self._poll())
        elif self._polling is not None:
            await self._polling
        return {}

    async def _poll(self) -> None:
        while self._is_polling:
            await self._account.get_vehicles()


async def main(port: int, server: str, ca_file: str, vin: str) -> None:
    logging.disable()
    remote_services._POLLING_CYCLE = 0
    account = make_account(server, ssl.create_default_context(cafile=ca_file))
    await account.get_vehicles()
    vehicle = account.get_vehicle(vin)
    assert vehicle is not None
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", port, protocol=version) as client:
        await client.subscribe(TOPIC, qos=1)
        commands = asyncio.create_task(carry_out(client, vehicle))
        await serve(Polls(account).answer)
        commands.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
