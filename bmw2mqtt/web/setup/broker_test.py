"""The test of the broker, of the one in use or of one that a person has entered."""

import asyncio
from typing import Final

from bmw2mqtt.config import Mqtt, Settings
from bmw2mqtt.mqtt.tools.broker_check import BrokerReport, plan_for, try_broker
from bmw2mqtt.vehicle.errors import ConfigError

LIMIT_S: Final = 20.0


async def broker_problems(settings: Settings, mqtt: Mqtt, *, is_daemon_running: bool) -> list[str]:
    """Return what is wrong with a broker; an empty list if bmw2mqtt can work with it.

    Args:
        settings: the other settings, which name the topics.
        mqtt: the broker.
        is_daemon_running: whether this process is connected to a broker itself.
    """
    report = BrokerReport()
    problems = await check_broker(report, settings, mqtt, is_daemon_running=is_daemon_running)
    return problems or list(report.faults())


async def check_broker(
    report: BrokerReport, settings: Settings, mqtt: Mqtt, *, is_daemon_running: bool
) -> list[str]:
    """Fill a report of a broker; return why it cannot be used at all, if so."""
    plan = plan_for(settings.model_copy(update={"mqtt": mqtt}))
    try:
        async with asyncio.timeout(LIMIT_S):
            await try_broker(report, mqtt, plan, is_daemon_running=is_daemon_running)
    except TimeoutError:
        place = f"{mqtt.host}:{mqtt.port}"
        return [f"{place} did not answer in time ({report.step})"]
    except ConfigError as error:
        return list(error.problems)
    return [report.problem] if report.problem is not None else []
