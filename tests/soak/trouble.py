"""What goes wrong, at random: each trouble begins, lasts, and ends."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bmw2mqtt.simulator.cardata import cu_error, oauth_error
from bmw2mqtt.simulator.faults import Fault
from bmw2mqtt.simulator.mybmw.faults import blocked, quota_exceeded, too_many_requests
from tests.mqtt.fake_broker import packet
from tests.soak.world import World

POISONS = (r"/state$", r"/attributes$", r"^homeassistant/", r"event/command$", r"account/eu/", r".")
FAULT_BODIES = ("<html>weird</html>", "[]", "{}", '{"vehicles": [', "null", "[" * 100_000)
MINUTE, HOUR = 60.0, 3600.0

Trouble = Callable[[World], Awaitable[None]]
ALL: dict[str, tuple[float, Trouble]] = {}
"""By name: how often it comes beside the others, and what it does until it is over."""


def trouble(weight: float) -> Callable[[Trouble], Trouble]:
    """Put a trouble into the table."""

    def add(function: Trouble) -> Trouble:
        ALL[function.__name__] = (weight, function)
        return function

    return add


async def a_while(world: World, longest_s: float = 4 * HOUR) -> None:
    """Let it last: mostly seconds or minutes, at times hours."""
    await asyncio.sleep(min(longest_s, world.chance.lognormvariate(5, 2)))


# The broker


@trouble(4)
async def broker_is_killed(world: World) -> None:
    await world.broker.stop()
    await a_while(world)
    await world.broker.start()


@trouble(3)
async def broker_is_swapped_for_an_empty_one(world: World) -> None:
    await world.broker.stop()
    world.broker.retained.clear()
    await world.broker.start()


@trouble(4)
async def broker_hangs_up(world: World) -> None:
    for _ in range(world.chance.choice((1, 1, 3, 30))):
        world.broker.hang_up()
        await asyncio.sleep(world.chance.uniform(0, 20))


@trouble(4)
async def broker_is_silent(world: World) -> None:
    world.broker.fall_silent()
    for _ in range(3):
        world.command()
        await a_while(world, HOUR / 3)
    world.broker.wake()


@trouble(2)
async def broker_refuses(world: World) -> None:
    troubles = world.broker.troubles
    troubles.refusal = world.chance.choice((128, 133, 134, 135, 137, 138, 151, 155, 154))
    world.broker.hang_up()
    await a_while(world)
    troubles.refusal = None


@trouble(2)
async def broker_hangs_up_at_each_connect(world: World) -> None:
    troubles = world.broker.troubles
    troubles.hangs_up_at_connect = True
    world.broker.hang_up()
    await a_while(world)
    troubles.hangs_up_at_connect = False


@trouble(3)
async def broker_does_not_accept_some_message(world: World) -> None:
    troubles = world.broker.troubles
    troubles.poison = re.compile(world.chance.choice(POISONS))
    world.broker.hang_up()
    await a_while(world)
    troubles.poison = None


@trouble(2)
async def broker_has_a_limit(world: World) -> None:
    troubles = world.broker.troubles
    troubles.max_packet_bytes = world.chance.choice((128, 2_000, 20_000))
    world.broker.hang_up()
    await a_while(world)
    troubles.max_packet_bytes = None
    world.broker.hang_up()


@trouble(3)
async def broker_is_slow(world: World) -> None:
    troubles = world.broker.troubles
    troubles.ack_delay_s = world.chance.choice((0.05, 1, 8, 20))
    await a_while(world, HOUR)
    troubles.ack_delay_s = 0


@trouble(2)
async def broker_answers_no_subscription(world: World) -> None:
    troubles = world.broker.troubles
    troubles.has_suback = world.chance.random() < 0.5
    troubles.is_suback_short = True
    world.broker.hang_up()
    await a_while(world)
    troubles.has_suback, troubles.is_suback_short = True, False


@trouble(3)
async def somebody_deletes_topics(world: World) -> None:
    retained = world.broker.retained
    for topic in world.chance.sample(sorted(retained), min(len(retained), 40)):
        world.broker.publish(topic, b"", retain=True)
    if world.chance.random() < 0.5:
        world.broker.hang_up()
    else:
        world.broker.publish("homeassistant/status", b"online")
    await asyncio.sleep(HOUR / 2)


@trouble(3)
async def broker_delivers_junk(world: World) -> None:
    chance, broker = world.chance, world.broker
    for _ in range(50):
        kind = chance.randint(0, 15)
        broker.send_bytes(packet(kind, chance.randbytes(chance.choice((0, 1, 2, 3, 60))), 0))
        topic = chance.choice(("lock/lock/set", "button//press", "sensor/x/set", "a/b/c/d/e/set"))
        broker.publish(f"bmw2mqtt/{chance.randint(0, 99)}/{topic}", chance.randbytes(20))
        await asyncio.sleep(chance.uniform(0, 30))


@trouble(1)
async def homeassistant_starts_again_and_again(world: World) -> None:
    for _ in range(30):
        world.broker.publish("homeassistant/status", b"online")
        await asyncio.sleep(world.chance.uniform(0, 5))


# The internet


@trouble(3)
async def bmw_is_not_reached(world: World) -> None:
    await world.bmw.app.stop()
    await world.bmw.cardata.stop()
    await a_while(world, 10 * HOUR)
    await world.bmw.app.start()
    await world.bmw.cardata.start()


@trouble(2)
async def names_are_not_known(world: World) -> None:
    """The broker's name too."""
    world.loop.names.clear()
    await a_while(world)
    world.loop.names.add("localhost")


@trouble(3)
async def answers_get_lost(world: World) -> None:
    is_processed = world.chance.random() < 0.3
    fault = Fault(drop=True, is_processed=is_processed, times=world.chance.randint(1, 9))
    await answer(world, fault)


@trouble(1)
async def answers_never_come(world: World) -> None:
    await answer(world, Fault(delay_s=100, drop=True))


# BMW


async def answer(world: World, *faults: Fault) -> None:
    """Let one of BMW's servers, or both, answer this for a while."""
    bmw, chance = world.bmw, world.chance
    servers = chance.choice(([bmw.app], [bmw.cardata], [bmw.app, bmw.cardata]))
    for server in servers:
        for fault in faults:
            server.faults.add(fault)
    await a_while(world, 8 * HOUR)
    bmw.recover_answers()


@trouble(5)
async def bmw_fails(world: World) -> None:
    status = world.chance.choice((400, 401, 403, 404, 408, 422, 429, 500, 502, 503))
    vin = world.chance.choice(
        (None, None, world.bmw.cars[0].vin, world.bmw.cardata_user.cars[0].vin)
    )
    path = "/eadrax-v|/customers/"  # a login that is refused waits for a person
    await answer(world, Fault(status=status, path=path, vin=vin))


@trouble(2)
async def bmw_s_login_fails(world: World) -> None:
    status = world.chance.choice((408, 429, 500, 503))
    await answer(world, Fault(status=status, path="/oauth/"))


@trouble(3)
async def bmw_answers_nonsense(world: World) -> None:
    body = world.chance.choice(FAULT_BODIES)
    path = world.chance.choice(("", "/vehicles", "/oauth/token", "/customers/"))
    await answer(world, Fault(status=200, body=body, path=path))


@trouble(2)
async def bmw_refuses_for_its_quota(world: World) -> None:
    await answer(
        world,
        world.chance.choice(
            (quota_exceeded(), quota_exceeded(replenished_in="05:00:00"), too_many_requests())
        ),
        cu_error("CU-429"),
    )


@trouble(1)
async def another_program_spends_the_quota(world: World) -> None:
    world.bmw.cardata.quota.exhaust(world.bmw.cardata_user.gcid)


@trouble(1)
async def bmw_blocks(world: World) -> None:
    await answer(world, replace(blocked(), path="/eadrax-|/oauth/token"))


@trouble(0.4)
async def bmw_ends_a_login(world: World) -> None:
    bmw, chance = world.bmw, world.chance
    match chance.randint(0, 3):
        case 0:
            bmw.app.accounts.revoke_refresh_tokens()
            bmw.app.accounts.expire_access_tokens()
        case 1:
            bmw.cardata.registry.revoke()
        case 2:
            await answer(world, oauth_error("invalid_grant", times=1))
        case _:
            bmw.cardata.oauth.exchange_failures = 1
            bmw.cardata.registry.revoke()


@trouble(2)
async def access_tokens_expire(world: World) -> None:
    world.bmw.app.accounts.expire_access_tokens()
    world.bmw.cardata.registry.expire_access_tokens()


@trouble(4)
async def stream_is_dropped(world: World) -> None:
    reason = world.chance.choice((None, 128, 135, 136, 141, 142, 151))
    for _ in range(world.chance.choice((1, 1, 5))):
        world.bmw.cardata.stream.drop_all(reason)
        await asyncio.sleep(world.chance.uniform(1, 600))


@trouble(2)
async def stream_refuses(world: World) -> None:
    stream, chance = world.bmw.cardata.stream, world.chance
    if chance.random() < 0.5:
        stream.refused_subscriptions = chance.randint(1, 5)
    else:
        stream.refuse_connects(chance.randint(1, 5), chance.choice((134, 135, 136, 151)))
    stream.drop_all()
    await a_while(world)


@trouble(1)
async def stream_is_taken_over(world: World) -> None:
    for _ in range(world.chance.randint(1, 60)):
        world.bmw.cardata.stream.take_over(world.bmw.cardata_user.gcid)
        await asyncio.sleep(world.chance.uniform(1, 300))


@trouble(1)
async def stream_sends_nonsense(world: World) -> None:
    bmw, chance = world.bmw, world.chance
    vin = chance.choice(bmw.cardata_user.cars).vin
    for payload in (b"", b"{", b"[1]", b"[" * 90_000, chance.randbytes(100), b'{"data": 7}'):
        bmw.cardata.publish_raw(vin, payload)
        await asyncio.sleep(chance.uniform(0, 10))
    await asyncio.sleep(60)


# The host


@trouble(2)
async def host_is_suspended(world: World) -> None:
    world.command()
    world.loop.suspend(world.chance.choice((5, 20, 90, 900, 7200, 86_400 / 3)))


@trouble(2)
async def process_is_frozen(world: World) -> None:
    world.command()
    world.loop.freeze(world.chance.choice((5, 20, 90, 900, 7200)))


@trouble(1)
async def clock_is_set_wrong(world: World) -> None:
    world.loop.set_wall_clock_wrong(world.chance.choice((-HOUR, -90, 90, HOUR)))
    await a_while(world)
    world.loop.set_wall_clock_wrong(0)


class Troubles:
    """Lets things go wrong at random, up to three at once, each of them once at a time."""

    def __init__(self, world: World, every_s: float) -> None:
        self._world = world
        self._every_s = every_s
        self._running: dict[str, asyncio.Task[None]] = {}
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Go on until cancelled, then end every trouble and let all work again."""
        try:
            while True:
                await asyncio.sleep(self._world.chance.expovariate(1 / self._every_s))
                self._begin()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await self._end_all()

    def _begin(self) -> None:
        names, weights = list(ALL), [weight for weight, _ in ALL.values()]
        (name,) = self._world.chance.choices(names, weights)
        for known, task in list(self._running.items()):
            if task.done():
                task.result()  # a mistake of the soak's own
                del self._running[known]
        if name not in self._running and len(self._running) < 3:
            self.counts[name] += 1
            self._running[name] = asyncio.ensure_future(ALL[name][1](self._world))  # type: ignore[arg-type]

    async def _end_all(self) -> None:
        world = self._world
        world.broker.recover()
        if not world.broker.is_running:
            await world.broker.start()
        world.broker.hang_up()
        for server in (world.bmw.app, world.bmw.cardata):
            await server.stop()
            await server.start()
        world.bmw.recover()
        world.loop.names.add("localhost")
        world.loop.set_wall_clock_wrong(0)
