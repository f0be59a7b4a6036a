"""`bmw2mqtt export`: charging sessions, trips or monthly sums as CSV or JSON lines."""

import argparse
import io
import sys
from datetime import date, datetime, time, timedelta, tzinfo

from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.config import load_settings
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import Options
from bmw2mqtt.history.export.formats import export
from bmw2mqtt.history.queries import HistoryReader, Period, read
from bmw2mqtt.history.service import FILE
from bmw2mqtt.history.time_zone import system_zone


def run(arguments: argparse.Namespace) -> int:
    """Print the export; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    zone = system_zone()
    period = Period(
        vin=arguments.vin,
        from_at=_begin(arguments.from_date, zone),
        to_at=_begin(arguments.to_date, zone, days=1),
    )
    names = {vin: car.name for vin, car in settings.vehicles.items() if car.name}
    options = Options(names=names, zone=zone, currency=settings.history.currency)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")

    def write(reader: HistoryReader) -> int:
        if arguments.vin is not None and arguments.vin not in (known := reader.vins()):
            raise HistoryError(f"no car {arguments.vin}, but {', '.join(known) or 'none at all'}")
        return export(
            reader,
            arguments.what,
            sys.stdout,
            period=period,
            form=arguments.format,
            locale=arguments.locale,
            options=options,
        )

    try:
        read(settings.data_dir / FILE, write)
    except HistoryError as error:
        print(f"nothing to export: {error}", file=sys.stderr)
        return EXIT_FAILURE
    return EXIT_OK


def _begin(day: date | None, zone: tzinfo, *, days: int = 0) -> int | None:
    """Return the first second of a day, or of one so many days later."""
    if day is None:
        return None
    return int(datetime.combine(day + timedelta(days=days), time(), zone).timestamp())
