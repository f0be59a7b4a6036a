"""The connection's loop in virtual time, against a broker that does whatever the test wants."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from bmw2mqtt.mqtt.publisher import Publisher
from bmw2mqtt.mqtt.received import Received
from bmw2mqtt.mqtt.session import ConnectionState, Session
from tests import virtual_time
from tests.mqtt.fake_broker import FakeBroker

AVAILABILITY = "t/availability"
COMMAND = "t/WBA00000000DEMO01/lock/lock/set"
STOP_S = 4.0
"""A stop is over within this, in any state."""


def virtually(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in virtual time; nothing of it may be left."""

    def run(**arguments: Any) -> None:
        async def watched() -> None:
            await test(**arguments)
            await asyncio.sleep(0.1)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, others

        virtual_time.run(watched)

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run


def full_publisher(count: int) -> Publisher:
    """Return a publisher with so many retained messages: `t/0`, `t/1` and so on."""
    publisher = Publisher()
    for number in range(count):
        publisher.retain(f"t/{number}", b"1")
    return publisher


def make_session(
    broker: FakeBroker,
    *,
    received: list[Received] | None = None,
    publisher: Publisher | None = None,
    protocol: str | None = None,
) -> Session:
    """Return a session that collects what comes in."""
    messages = received if received is not None else []
    return Session(
        broker.settings.model_copy(update={"protocol": protocol} if protocol else {}),
        publisher or Publisher(),
        availability_topic=AVAILABILITY,
        filters=("t/+/+/+/set", "t/status"),
        on_message=messages.append,
        clock=asyncio.get_running_loop().time,
    )


@asynccontextmanager
async def running(broker: FakeBroker, **parts: Any) -> AsyncIterator[Session]:
    """Run a session, and stop it: it must end soon and leave nothing."""
    session = make_session(broker, **parts)
    task = asyncio.create_task(session.run())
    yield session
    loop = asyncio.get_running_loop()
    started = loop.time()
    session.stop()
    done, _ = await asyncio.wait([task], timeout=60)
    assert done, f"hangs in {session.state}"
    task.result()
    assert loop.time() - started <= STOP_S
    assert session.state is ConnectionState.STOPPED
