"""The simulated stream is as strict and as moody as BMW's; aiomqtt and paho are the clients."""

import asyncio
import contextlib
import json
import ssl
import time

import aiomqtt
import pytest
from paho.mqtt.client import CallbackAPIVersion, MQTTv5, MQTTv311
from paho.mqtt.client import Client as Paho

from bmw2mqtt.simulator.cardata import API_SCOPE, STREAM_SCOPE, RecordedCarDataCar, SimulatedReading

PATIENCE_S = 20
SOC = "vehicle.drivetrain.batteryManagement.header"
TRUNK = "vehicle.body.trunk.isOpen"
BOTH = pytest.mark.parametrize("protocol", [MQTTv311, MQTTv5])


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - paho's thread sets no event of asyncio
            await asyncio.sleep(0.01)


@pytest.fixture
async def customer(client):
    await client.log_in()
    return client


class StreamListener:
    """paho on the stream, with everything that happened to it."""

    def __init__(self, cardata, context, protocol=MQTTv5, keepalive=30, client_id=""):
        self.connected, self.granted, self.disconnected, self.messages = [], [], [], []
        self.paho = Paho(
            CallbackAPIVersion.VERSION2, client_id, protocol=protocol, reconnect_on_failure=False
        )
        self.paho.tls_set_context(context)
        self.paho.on_connect = lambda *args: self.connected.append(args[3].value)
        self.paho.on_subscribe = lambda *args: self.granted.extend(code.value for code in args[3])
        self.paho.on_disconnect = lambda *args: self.disconnected.append(args[3].value)
        self.paho.on_message = lambda *args: self.messages.append(args[2])
        self._where = (cardata.stream_host, cardata.stream_port, keepalive)

    async def connect(self, username, password):
        self.paho.username_pw_set(username, password)
        await asyncio.to_thread(self.paho.connect, *self._where)
        self.paho.loop_start()
        await until(lambda: self.connected or self.disconnected)

    async def subscribe(self, topic_filter, qos=0):
        self.paho.subscribe(topic_filter, qos)
        await until(lambda: self.granted)

    async def close(self):
        self.paho.disconnect()
        await asyncio.to_thread(self.paho.loop_stop)


@pytest.fixture
async def listen(cardata, certificates):
    """Return clients of the stream that are closed at the end."""
    listeners = []

    def start(**options):
        listeners.append(StreamListener(cardata, certificates.client_context(), **options))
        return listeners[-1]

    yield start
    for listener in listeners:
        await listener.close()


@pytest.fixture
def tune_in(listen, customer):
    """Return a client that is connected and has subscribed to all cars."""

    async def start(**options):
        listener = listen(**options)
        await listener.connect(customer.tokens["gcid"], customer.tokens["id_token"])
        await listener.subscribe(f"{customer.tokens['gcid']}/+")
        return listener

    return start


@BOTH
async def test_a_car_reports(tune_in, car, driver, protocol):
    listener = await tune_in(protocol=protocol)

    car.report({TRUNK: False, SOC: SimulatedReading(63.5, "percent")})
    await until(lambda: listener.messages)

    message = listener.messages[0]
    body = json.loads(message.payload)
    assert (message.topic, message.qos, message.retain) == (f"{driver.gcid}/{car.vin}", 0, False)
    assert body.keys() == {"vin", "entityId", "topic", "timestamp", "data"}
    assert body["vin"] == body["topic"] == car.vin
    assert body["timestamp"] == "2026-11-01T10:00:00.000Z"
    assert body["data"] == {
        TRUNK: {"value": False, "timestamp": "2026-11-01T10:00:00Z"},
        SOC: {"value": 63.5, "unit": "percent", "timestamp": "2026-11-01T10:00:00Z"},
    }


async def test_aiomqtt_reads_the_stream(cardata, customer, car, certificates):
    stream = aiomqtt.Client(
        cardata.stream_host,
        cardata.stream_port,
        username=customer.tokens["gcid"],
        password=customer.tokens["id_token"],
        tls_context=certificates.client_context(),
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    async with asyncio.timeout(PATIENCE_S), stream:
        await stream.subscribe(f"{customer.tokens['gcid']}/{car.vin}", qos=1)
        assert cardata.publish(car.vin, {SOC: 42})
        assert cardata.publish_raw(car.vin, b"no JSON")
        bodies = [(await anext(stream.messages)).payload for _ in range(2)]

    assert json.loads(bodies[0])["data"][SOC]["value"] == 42
    assert bodies[1] == b"no JSON"


async def test_only_what_is_streamable_and_selected_is_streamed(cardata, tune_in, car, driver):
    listener = await tune_in()
    other = RecordedCarDataCar("WBA00000000000002")
    cardata.add_car(driver, other)
    driver.unconfigured_vins.add(other.vin)
    driver.selected_descriptors = {SOC}

    car.report({"vehicle.cabin.door.lock.status": "SECURED"})
    other.report({SOC: 1})
    car.report({SOC: 2, TRUNK: True})
    await until(lambda: listener.messages)

    assert [json.loads(m.payload)["data"].keys() for m in listener.messages] == [{SOC}]


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_quality_is_granted_and_the_lowest_delivered(
    listen, customer, car, protocol, qos
):
    listener, gcid = listen(protocol=protocol), customer.tokens["gcid"]
    await listener.connect(gcid, customer.tokens["id_token"])
    await listener.subscribe(f"{gcid}/#", qos)
    car.report({SOC: 1})
    await until(lambda: listener.messages)

    assert listener.granted == [qos]
    assert listener.messages[0].qos == 0


async def test_nothing_is_kept_for_later(cardata, tune_in, car):
    car.report({SOC: 1})
    assert not cardata.publish(car.vin, {SOC: 2})
    listener = await tune_in()
    car.report({SOC: 3})
    await until(lambda: listener.messages)

    assert [json.loads(m.payload)["data"][SOC]["value"] for m in listener.messages] == [3]


@BOTH
@pytest.mark.parametrize(
    "topic_filter", ["{vin}", "#", "+/+", "{gcid}/WBA00000000000009", "other/{vin}", "{gcid}"]
)
async def test_other_topics_are_refused(listen, customer, car, protocol, topic_filter):
    listener, gcid = listen(protocol=protocol), customer.tokens["gcid"]
    await listener.connect(gcid, customer.tokens["id_token"])
    await listener.subscribe(topic_filter.format(gcid=gcid, vin=car.vin))
    await until(lambda: listener.disconnected)

    assert listener.granted == [135 if protocol == MQTTv5 else 128]


async def test_a_subscription_can_be_refused(cardata, tune_in):
    cardata.stream.refused_subscriptions = 1
    listener = await tune_in()
    await until(lambda: listener.disconnected)
    again = await tune_in()

    assert (listener.granted, again.granted) == ([135], [0])


async def test_unsubscribing_ends_the_messages(cardata, tune_in, driver):
    listener = await tune_in()
    listener.paho.unsubscribe(f"{driver.gcid}/+")

    await until(lambda: not cardata.stream.is_subscribed(driver.gcid))


@BOTH
async def test_an_expired_token_is_refused(listen, customer, clock, protocol):
    listener = listen(protocol=protocol)
    clock.forward(hours=1)
    await listener.connect(customer.tokens["gcid"], customer.tokens["id_token"])

    assert listener.connected == [135]  # paho says 135 for the 5 of MQTT 3.1.1, too


@BOTH
async def test_a_token_of_somebody_else_is_refused(listen, customer, protocol):
    listener = listen(protocol=protocol)
    await listener.connect("somebody else", customer.tokens["id_token"])

    assert listener.connected == [134]


async def test_the_access_token_is_no_password(listen, customer):
    listener = listen()
    await listener.connect(customer.tokens["gcid"], customer.tokens["access_token"])

    assert listener.connected == [135]


async def test_a_token_without_the_stream_is_refused(listen, client):
    listener = listen()
    tokens = await client.log_in(f"openid {API_SCOPE}")
    await listener.connect(tokens["gcid"], tokens["id_token"])

    assert listener.connected == [135]


@BOTH
async def test_the_connection_ends_with_the_token(cardata, tune_in, customer, clock, protocol):
    listener = await tune_in(protocol=protocol)
    await customer.refresh()
    clock.forward(hours=1)
    cardata.stream.check_clients()
    await until(lambda: listener.disconnected)

    if protocol == MQTTv5:
        assert listener.disconnected == [135]


async def test_switching_the_stream_off_in_the_portal_ends_the_connection(cardata, tune_in, driver):
    listener = await tune_in()
    driver.granted.discard(STREAM_SCOPE)
    cardata.stream.check_clients()

    await until(lambda: listener.disconnected)


async def test_a_second_client_evicts_the_first(tune_in, car):
    first, second = await tune_in(), await tune_in()
    await until(lambda: first.disconnected)
    car.report({SOC: 1})
    await until(lambda: second.messages)

    assert first.messages == []
    assert first.disconnected != [142]


async def test_a_client_of_the_same_name_is_told_so(tune_in):
    first = await tune_in(client_id="twin")
    await tune_in(client_id="twin")
    await until(lambda: first.disconnected)

    assert first.disconnected == [142]


async def test_another_program_takes_over(cardata, tune_in, driver):
    listener = await tune_in()
    cardata.stream.take_over(driver.gcid)
    await until(lambda: listener.disconnected)

    assert not cardata.stream.is_subscribed(driver.gcid)
    assert (await tune_in()).granted == [0]


@BOTH
async def test_nobody_may_publish(tune_in, driver, car, protocol):
    listener = await tune_in(protocol=protocol)
    listener.paho.publish(f"{driver.gcid}/{car.vin}", "{}")
    await until(lambda: listener.disconnected)

    assert listener.messages == []


async def test_who_is_idle_is_dropped(cardata, customer, certificates):
    reader, writer = await asyncio.open_connection(
        cardata.stream_host, cardata.stream_port, ssl=certificates.client_context()
    )
    with contextlib.closing(writer):
        writer.write(connect_packet(customer.tokens, keepalive_s=1))
        connack = await reader.readexactly(5)
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            rest = await reader.read()

    assert connack == bytes((0x20, 3, 0, 0, 0))
    assert rest == bytes((0xE0, 2, 141, 0))
    assert time.monotonic() - began > 1


def connect_packet(tokens, keepalive_s):
    def text(value):
        return len(value).to_bytes(2, "big") + value.encode()

    # A session expiry interval among the properties, and a will that is to be read over.
    properties = b"\x05\x11\x00\x00\x00\x3c"
    flags = 0x80 | 0x40 | 0x04 | 0x02
    body = text("MQTT") + bytes((5, flags)) + keepalive_s.to_bytes(2, "big") + properties
    body += text("raw") + b"\x00" + text("will") + text("gone")
    body += text(tokens["gcid"]) + text(tokens["id_token"])
    length = bytes((len(body) & 0x7F | 0x80, len(body) >> 7))
    return b"\x10" + length + body


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nUser-Agent: a browser that took the wrong port for a web page\r\n\r\n",
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10\x04\x00\x04MQ",
        b"\xc0\x00",
        b"\x10\xff\xff\xff\x7f",
    ],
)
async def test_garbage_ends_the_connection(cardata, certificates, garbage):
    reader, writer = await asyncio.open_connection(
        cardata.stream_host, cardata.stream_port, ssl=certificates.client_context()
    )
    with contextlib.closing(writer):
        writer.write(garbage)
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""


async def test_an_old_tls_is_refused(cardata, certificates):
    context = certificates.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(OSError):  # a TLS alert, or none if asyncio hangs up before it is sent
        await asyncio.open_connection(cardata.stream_host, cardata.stream_port, ssl=context)


async def test_an_unknown_version_is_refused(cardata, certificates):
    reader, writer = await asyncio.open_connection(
        cardata.stream_host, cardata.stream_port, ssl=certificates.client_context()
    )
    with contextlib.closing(writer):
        writer.write(b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x1e\x00\x00")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == bytes((0x20, 2, 0, 1))


@BOTH
async def test_connecting_too_often_is_refused(cardata, listen, customer, clock, protocol):
    cardata.stream.connect_limit = 2
    outcomes = []
    for _ in range(3):
        listener = listen(protocol=protocol)
        await listener.connect(customer.tokens["gcid"], customer.tokens["id_token"])
        outcomes += listener.connected
    clock.forward(minutes=1)
    listener = listen(protocol=protocol)
    await listener.connect(customer.tokens["gcid"], customer.tokens["id_token"])

    assert outcomes == [0, 0, 151 if protocol == MQTTv5 else 136]  # 136 is paho's word for 3
    assert listener.connected == [0]


@BOTH
async def test_connects_can_be_refused_and_are_recorded(cardata, listen, customer, protocol):
    cardata.stream.refuse_connects(1)
    for _ in range(2):
        await listen(protocol=protocol).connect(
            customer.tokens["gcid"], customer.tokens["id_token"]
        )

    assert [connect.reason for connect in cardata.stream.connects] == [135, 0]
    recorded = cardata.stream.connects[0]
    assert recorded.username == customer.tokens["gcid"]
    assert recorded.password == customer.tokens["id_token"]
    assert customer.tokens["id_token"] not in repr(recorded)
    assert (recorded.version, recorded.keepalive_s) == (protocol, 30)


async def test_everybody_is_dropped(cardata, tune_in):
    listener = await tune_in()
    cardata.stream.drop_all(141)
    await until(lambda: listener.disconnected)
    again = await tune_in()

    assert listener.disconnected == [141]
    assert again.granted == [0]


async def test_the_stream_falls_silent(cardata, tune_in, car):
    listener = await tune_in(keepalive=1)
    cardata.stream.silent = True
    assert not cardata.publish(car.vin, {SOC: 1})
    await until(lambda: listener.disconnected)
    cardata.stream.silent = False

    assert (await tune_in()).granted == [0]


async def test_a_restart_of_the_stream_keeps_its_port(cardata, tune_in):
    port = cardata.stream_port
    listener = await tune_in()
    await cardata.stream.stop()
    await until(lambda: listener.disconnected)
    await cardata.stream.start()

    assert cardata.stream_port == port
    assert (await tune_in()).granted == [0]


async def test_thousands_of_messages_arrive_whole_and_in_order(cardata, tune_in, car):
    listener = await tune_in()
    payloads = [str(number).zfill(number % 300).encode() for number in range(5000)]
    for payload in payloads:
        assert cardata.publish_raw(car.vin, payload)
    await until(lambda: len(listener.messages) == len(payloads))

    assert [message.payload for message in listener.messages] == payloads
