"""`/metrics` for Prometheus, collected from the running daemon on each request."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bmw2mqtt import __version__
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.web.context import PageContext
from bmw2mqtt.web.vehicle_metrics import vehicle_metrics


class DaemonCollector(Collector):
    """Collects the daemon's metrics. Their labels contain VINs."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their current values."""
        yield _gauge("build_info", "The running version.", {"version": __version__}, 1)
        yield from self._mqtt()
        yield from self._commands()
        yield from self._accounts()
        yield from self._bmw()
        yield from self._vehicles()
        if self._context.settings.metrics.vehicles:
            yield from vehicle_metrics(self._context.devices)

    def _mqtt(self) -> Iterator[Metric]:
        statistics = self._context.statistics
        is_connected = self._context.is_connected()
        yield _gauge("mqtt_connected", "Whether the broker is connected.", {}, is_connected)
        yield _gauge(
            "mqtt_messages_in_flight",
            "Messages not yet acknowledged by the broker.",
            {},
            statistics.in_flight,
        )
        published = _counter("mqtt_messages_published", "Messages acknowledged by the broker.")
        published.add_metric((), statistics.published)
        yield published

    def _commands(self) -> Iterator[Metric]:
        commands = _counter("commands", "Commands by result and reason.", "outcome", "reason")
        for (outcome, reason), count in self._context.commands.counts.items():
            commands.add_metric((outcome, reason), count)
        yield commands

    def _accounts(self) -> Iterator[Metric]:
        status = _gauges("account_status", "1 for the current status.", "account", "status")
        requests = _gauges("requests_24h", "Requests to BMW in the last 24 hours.", "account")
        left = _gauges("requests_left", "Requests left of the request budget.", "account")
        updated = _gauges(
            "account_last_update_timestamp_seconds",
            "Time of the last successful update from BMW.",
            "account",
        )
        for state in self._context.devices.account_states():
            for word in AccountStatus:
                status.add_metric((state.name, word.value), word is state.status)
            requests.add_metric((state.name,), state.requests_24h)
            if state.requests_left is not None:
                left.add_metric((state.name,), state.requests_left)
            if state.last_update is not None:
                updated.add_metric((state.name,), state.last_update.timestamp())
        yield from (status, requests, left, updated)

    def _bmw(self) -> Iterator[Metric]:
        polls = _counter("polls", "Polls by resulting account status.", "account", "outcome")
        requests = _counter(
            "bmw_requests",
            "Requests to BMW by class of HTTP status; none: no answer.",
            "account",
            "status_class",
        )
        for name, account in tuple(self._context.accounts.items()):  # another thread adds accounts
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
            "vehicle_available", "Whether the car's values are up to date.", "account", "vin"
        )
        for car in self._context.devices.vehicles():
            labels = (car.account, car.vehicle.vin)
            available.add_metric(labels, car.is_available)
            if car.vehicle.updated_at is not None:
                age.add_metric(labels, time.time() - car.vehicle.updated_at.timestamp())
        yield from (age, available)


class Metrics:
    """The daemon's metrics and those of its process."""

    def __init__(self, context: PageContext) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(DaemonCollector(context))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format of the `Accept` header, and its content type."""
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
