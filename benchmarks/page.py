"""How long every page of the demo takes, and every page of the settings, in each language."""

import http.client
import json
import re
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import yaml

from benchmarks.figures import Figure, Lines, Note, wait_until
from benchmarks.processes import PYTHON, Process, daemon, free_port
from bmw2mqtt.translations import LANGUAGES

MOST_MS: Final = 100
REQUESTS: Final = 10
CARS: Final = {True: 3, False: 5}
"""Cars of the demo to wait for. Those of CarData come last, after a login."""
CLIENT_ID: Final = "00000000-0000-0000-0000-000000000009"
TOOLS: Final = ("page-texts.js", "api/state", "api/log", "dashboard.yaml?language=de", "selection")
"""What scripts ask for, or what has a link only at times. The report is none: it tests the broker,
which takes a second."""
SETTINGS: Final = ("", "cardata", "mybmw", "login?account=eu", "done?account=eu")
_KEY: Final = re.compile(r"\d{5,}|(?<==)\d+")
_VIN: Final = re.compile(r"(?<=cars/)\w{17}")


class _Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [url for name, url in attrs if name in {"href", "src"} and url]


class _Site:
    """The page of a process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._root = f"http://127.0.0.1:{port}/"

    def get(self, path: str, language: str = LANGUAGES[0]) -> tuple[float, str, bytes]:
        """Return the milliseconds until all of an answer is there, its type, and its content."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Accept-Language": language, "Accept": "text/html,*/*"}
        connection.request("GET", f"/{path}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status in {http.client.OK, http.client.SEE_OTHER}, (path, answer.status)
        return (time.perf_counter() - started) * 1000, answer.headers.get_content_type(), body

    def state(self) -> dict[str, Any]:
        """Return what the page shows; nothing before it is there."""
        try:
            state: dict[str, Any] = json.loads(self.get("api/state")[2])
        except OSError:
            return {"cars": [], "accounts": []}
        return state

    def pages(self, *starts: str) -> Iterator[tuple[str, float]]:
        """Yield all that has a link, of a kind one for each car, and how long it takes at first."""
        todo = list(starts)
        seen: set[str] = set()
        while todo:
            path = todo.pop(0)
            if (kind := _KEY.sub("…", path)) in seen:
                continue
            seen.add(kind)
            first_ms, content_type, body = self.get(path)
            yield path, first_ms
            if content_type == "text/html":
                links = _Links()
                links.feed(body.decode())
                urls = (urlsplit(urljoin(self._root + path, link)) for link in links.found)
                todo += [
                    url.path[1:] + (f"?{url.query}" if url.query else "")
                    for url in urls
                    if url.scheme == "http" and url.port == self._port
                ]

    def times_ms(self, path: str, requests: int) -> list[float]:
        """Return how long a page takes, as often in each language."""
        return [self.get(path, language)[0] for language in LANGUAGES for _ in range(requests)]


def measure(directory: Path, *, quick: bool) -> Lines:
    with ExitStack() as stack:
        demo = _demo(directory, stack, CARS[quick])
        cars = [f"cars/{car['vin']}/" for car in demo.state()["cars"]]
        values = [f"api/{car.rstrip('/')}" for car in cars]
        yield from _report("demo", demo, ["", *cars, *values, *TOOLS], quick=quick)
    with ExitStack() as stack:
        starts = [f"setup/{page}" for page in SETTINGS]
        yield from _report("settings", _settings(directory, stack), starts, quick=quick)


def _report(name: str, site: _Site, starts: Iterable[str], *, quick: bool) -> Lines:
    """Yield a line for each kind of page, the slowest first, and all together."""
    requests = 1 if quick else REQUESTS
    first = dict(site.pages(*starts))
    times = {path: [ms, *site.times_ms(path, requests)] for path, ms in first.items()}
    kinds: dict[str, list[float]] = {}
    for path, measured in times.items():
        kind = _VIN.sub("{VIN}", _KEY.sub("{key}", path))
        kinds.setdefault(kind, []).extend(measured)
    for kind, measured in sorted(kinds.items(), key=lambda item: -max(item[1])):
        yield Note(_line(f"/{kind}", measured))
    every = [time_ms for measured in kinds.values() for time_ms in measured]
    yield Figure(what=f"{name}: a page, of {len(times)}", ours=every)
    yield Note(_line(f"{name}: each page, in each of {len(LANGUAGES)} languages", every))


def _line(what: str, measured: list[float]) -> str:
    verdict = "ok" if max(measured) <= MOST_MS else f"over {MOST_MS}"
    median_ms, most_ms = statistics.median(measured), max(measured)
    return f"{what:<46} {median_ms:>9.2f} ms, at most {most_ms:>7.2f} ms {verdict}"


def _demo(directory: Path, stack: ExitStack, cars: int) -> _Site:
    port = free_port()
    options = ("--port", str(free_port()), "--page-port", str(port))
    data = ("--data-dir", str(directory / "demo"))
    command = (PYTHON, "-m", "bmw2mqtt", "demo", *options, *data)
    stack.enter_context(Process(directory, *command, stdout=DEVNULL))
    site = _Site(port)
    wait_until(lambda: len(site.state()["cars"]) >= cars)
    return site


def _settings(directory: Path, stack: ExitStack) -> _Site:
    """Serve the settings: the demo has none. Nothing answers its account."""
    port, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    account = {
        "backend": "cardata",
        "client_id": CLIENT_ID,
        "auth_url": nobody,
        "api_url": nobody,
    }
    config = directory / "config.yaml"
    settings = {
        "mqtt": {"port": free_port()},
        "accounts": {"eu": account},
        "data_dir": str(directory / "data"),
        "http": {"port": port},
    }
    config.write_text(yaml.safe_dump(settings))
    stack.enter_context(daemon(directory, config))
    site = _Site(port)
    wait_until(lambda: site.state()["accounts"])
    return site
