"""The history as files for people and programs: CSV (two kinds) and JSON lines."""

from bmw2mqtt.history.export.columns import Options
from bmw2mqtt.history.export.formats import FORMATS, KINDS, export

__all__ = ["FORMATS", "KINDS", "Options", "export"]
