"""`/metrics` for Prometheus: read from the running bridge when it is asked, and only then."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bmw2mqtt import __version__
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.web.context import PageContext


class BridgeCollector(Collector):
    """Turns what the bridge counts into metrics. They hold VINs."""

    def __init__(self, sources: PageContext) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read everything now."""
        yield _gauge("build_info", "The version that runs.", {"version": __version__}, 1)
        yield from self._mqtt()
        yield from self._commands()
        yield from self._accounts()
        yield from self._bmw()
        yield from self._vehicles()

    def _mqtt(self) -> Iterator[Metric]:
        statistics = self._sources.statistics
        is_connected = self._sources.is_connected()
        yield _gauge("mqtt_connected", "Whether the broker is there.", {}, is_connected)
        yield _gauge(
            "mqtt_messages_in_flight",
            "Messages the broker has not acknowledged yet.",
            {},
            statistics.in_flight,
        )
        published = _counter("mqtt_messages_published", "Messages the broker has acknowledged.")
        published.add_metric((), statistics.published)
        yield published

    def _commands(self) -> Iterator[Metric]:
        commands = _counter(
            "commands", "Commands by what became of them, and why.", "outcome", "reason"
        )
        for (outcome, reason), count in self._sources.commands.counts.items():
            commands.add_metric((outcome, reason), count)
        yield commands

    def _accounts(self) -> Iterator[Metric]:
        status = _gauges("account_status", "1 for the present status.", "account", "status")
        requests = _gauges("requests_24h", "Requests to BMW in the last 24 hours.", "account")
        left = _gauges("requests_left", "What is left of the request budget.", "account")
        updated = _gauges(
            "account_last_update_timestamp_seconds", "When BMW last gave data.", "account"
        )
        for state in self._sources.fleet.account_states():
            for word in AccountStatus:
                status.add_metric((state.name, word.value), word is state.status)
            requests.add_metric((state.name,), state.requests_24h)
            if state.requests_left is not None:
                left.add_metric((state.name,), state.requests_left)
            if state.last_update is not None:
                updated.add_metric((state.name,), state.last_update.timestamp())
        yield from (status, requests, left, updated)

    def _bmw(self) -> Iterator[Metric]:
        polls = _counter(
            "polls", "Polls by the status they led to, ok if all went well.", "account", "outcome"
        )
        requests = _counter(
            "bmw_requests",
            "Requests to BMW by class of HTTP status, none without an answer.",
            "account",
            "status_class",
        )
        for name, account in tuple(self._sources.accounts.items()):  # a thread adds them
            for outcome, count in account.polling.outcomes.items():
                polls.add_metric((name, outcome), count)
            for status_class, count in account.requests.totals.items():
                requests.add_metric((name, status_class), count)
        yield from (polls, requests)

    def _vehicles(self) -> Iterator[Metric]:
        age = _gauges(
            "vehicle_data_age_seconds", "Time since the car last reported.", "account", "vin"
        )
        available = _gauges(
            "vehicle_available", "Whether what is known of the car is current.", "account", "vin"
        )
        for car in self._sources.fleet.vehicles():
            labels = (car.account, car.vehicle.vin)
            available.add_metric(labels, car.is_available)
            if car.vehicle.updated_at is not None:
                age.add_metric(labels, time.time() - car.vehicle.updated_at.timestamp())
        yield from (age, available)


class Metrics:
    """The bridge's metrics, and those of its process."""

    def __init__(self, sources: PageContext) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(BridgeCollector(sources))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format that the `Accept` header asks for, and its type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _gauges(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"bmw2mqtt_{name}", text, labels=labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"bmw2mqtt_{name}", text, labels=labels)


def _gauge(name: str, text: str, labels: dict[str, str], value: float) -> GaugeMetricFamily:
    gauge = _gauges(name, text, *labels)
    gauge.add_metric(tuple(labels.values()), value)
    return gauge
