"""The simulated CarData as a process: `python -m benchmarks.simulated_cardata CARS`.

Two customers with the same number of cars: one for the bridge, one for the floor.
"""

import asyncio
import json
import sys
import time
from typing import Any

from benchmarks.child import Request, serve
from benchmarks.processes import car_vin
from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.cardata import mqtt_codec as mqtt
from bmw2mqtt.simulator.cardata.stream_client import StreamClient
from bmw2mqtt.simulator.clock import timestamp, utc_now

SCOPE = ("authenticate_user", "openid", "cardata:api:read", "cardata:streaming:read")
OUT_OF_BREATH_BYTES = 256 * 1024
"""So much may wait in a connection before more is offered."""
PROBE = "vehicle.vehicle.travelledDistance"
DESCRIPTORS = (
    PROBE,
    "vehicle.drivetrain.lastRemainingRange",
    "vehicle.drivetrain.electricEngine.kombiRemainingElectricRange",
    "vehicle.drivetrain.batteryManagement.header",
    "vehicle.powertrain.electric.battery.stateOfCharge.target",
    "vehicle.drivetrain.electricEngine.charging.timeRemaining",
    "vehicle.electricalSystem.battery.voltage",
    "vehicle.cabin.infotainment.navigation.currentLocation.heading",
    "vehicle.chassis.axle.row1.wheel.left.tire.pressure",
    "vehicle.chassis.axle.row1.wheel.right.tire.pressure",
    "vehicle.chassis.axle.row2.wheel.left.tire.pressure",
    "vehicle.chassis.axle.row2.wheel.right.tire.pressure",
    "vehicle.chassis.axle.row1.wheel.left.tire.temperature",
    "vehicle.drivetrain.electricEngine.charging.power",
    "vehicle.vehicle.avgSpeed",
    "vehicle.drivetrain.avgElectricRangeConsumption",
)
"""Numbers that change in every message, as while a car drives and charges."""


def user(name: str, client_id: str, first: int, count: int) -> CarDataUser:
    """Return a customer with so many cars."""
    cars = [
        RecordedCarDataCar(
            car_vin(first + number),
            dict.fromkeys(DESCRIPTORS, 10),
            basic_data={"brand": "BMW", "modelName": "i4 eDrive40", "driveTrain": "BEV"},
        )
        for number in range(count)
    ]
    return CarDataUser(name=name, client_ids={client_id}, cars=list(cars))


class Offer:
    """Messages for one customer, made before they are sent."""

    def __init__(self, bmw: CarDataSimulator, user: CarDataUser) -> None:
        self._bmw = bmw
        self._user = user
        self._sent = 0
        self._probe = 100_000
        self.last: dict[str, Any] = {}
        """The last value of each car's descriptor, by `VIN descriptor`."""

    def _payload(self, number: int, probe: int | None) -> tuple[str, bytes]:
        """Return one message: 1 to 5 keys, each with a value that was not there before.

        Its times are whole seconds, as those of BMW's stream are.
        The probe is a value that nobody has sent before, to be looked for at the other end.
        """
        cars = self._user.cars
        vin = cars[number % len(cars) if probe is None else 0].vin
        measured_at = timestamp(utc_now()).split(".")[0] + "Z"
        data = {}
        for key in range(1 + number % 5):
            descriptor = DESCRIPTORS[1 + (number + key * 7) % (len(DESCRIPTORS) - 1)]
            value = 10 + number % 50 + number % 7 / 10
            data[descriptor] = {"value": value, "timestamp": measured_at}
            self.last[f"{vin} {descriptor}"] = value
        if probe is not None:
            data[PROBE] = {"value": probe, "timestamp": measured_at}
        body = {"vin": vin, "topic": vin, "timestamp": measured_at, "data": data}
        return vin, json.dumps(body).encode()

    async def send(self, count: int, per_second: float | None) -> dict[str, Any]:
        """Send messages, as fast as they are taken or at a steady rate.

        Returns:
            `started_at`; `probe`, the value of the last message; with a rate also `sent_at`, when
            each message went, every one with a probe: the one after the other's.
        """
        client = self._bmw.stream.client_of(self._user.gcid)
        assert client is not None, "nobody listens"
        if per_second is not None:
            return await self._send_steadily(client, count, per_second)
        started = time.monotonic()
        for number in range(count):
            # Made when it is sent: a later answer of REST would make it an older one.
            client.send(self._packet(client, is_probe=number == count - 1))
            if number % 50 == 49:
                await _breathe(client)
        return {"started_at": started, "sent_at": [], "probe": self._probe}

    async def _send_steadily(
        self, client: StreamClient, count: int, per_second: float
    ) -> dict[str, Any]:
        started = time.monotonic()
        sent_at = []
        for number in range(count):
            await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
            packet = self._packet(client, is_probe=True)
            sent_at.append(time.monotonic())
            client.send(packet)
        return {"started_at": started, "sent_at": sent_at, "probe": self._probe}

    def _packet(self, client: StreamClient, *, is_probe: bool) -> bytes:
        self._probe += is_probe
        vin, payload = self._payload(self._sent, self._probe if is_probe else None)
        self._sent += 1
        return mqtt.publish(client.version, f"{self._user.gcid}/{vin}", payload)


async def _breathe(client: StreamClient) -> None:
    await asyncio.sleep(0)
    while client.unread_bytes > OUT_OF_BREATH_BYTES:  # noqa: ASYNC110 - a buffer has no event
        await asyncio.sleep(0.001)


async def main() -> None:
    count = int(sys.argv[1])
    users = {
        "bridge": user("bridge", "00000000-0000-4000-8000-000000000001", 0, count),
        "floor": user("floor", "00000000-0000-4000-8000-000000000002", count, count),
    }
    async with CarDataSimulator(users.values(), approve_after_s=0) as bmw:
        offers = {name: Offer(bmw, customer) for name, customer in users.items()}

        async def answer(request: Request) -> dict[str, Any]:
            if request["what"] == "send":
                offer = offers[request["to"]]
                return await offer.send(request["count"], request.get("per_second"))
            if request["what"] == "last":
                return offers[request["to"]].last
            if request["what"] == "listening":
                gcid = users[request["to"]].gcid
                return {"is": bmw.stream.is_subscribed(gcid)}
            grants = {
                name: bmw.registry.issue(customer, next(iter(customer.client_ids)), SCOPE)
                for name, customer in users.items()
            }
            return {
                "auth_url": bmw.auth_url,
                "api_url": bmw.api_url,
                "stream_port": bmw.stream_port,
                "ca_file": str(bmw.ca_file),
                "gcid": {name: customer.gcid for name, customer in users.items()},
                "client_id": {n: next(iter(c.client_ids)) for n, c in users.items()},
                "id_token": {name: grant.id_token for name, grant in grants.items()},
                "access_token": {name: grant.access_token for name, grant in grants.items()},
                "refresh_token": {name: grant.refresh_token for name, grant in grants.items()},
            }

        await serve(answer)


if __name__ == "__main__":
    asyncio.run(main())
