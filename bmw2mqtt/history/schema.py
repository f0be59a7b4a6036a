"""The tables of `history.db`, as a list of migrations: the schema number is their count."""

from typing import Final

_TABLES = """
CREATE TABLE car (
  vin TEXT PRIMARY KEY, key INTEGER NOT NULL DEFAULT 0,
  counter_kwh REAL NOT NULL, carry_kwh REAL NOT NULL,
  counter_home_kwh REAL NOT NULL, carry_home_kwh REAL NOT NULL,
  estimated_kwh REAL NOT NULL,
  since_at INTEGER, capacity_kwh REAL
) WITHOUT ROWID;
CREATE TABLE session (
  id INTEGER PRIMARY KEY, vin TEXT NOT NULL, key INTEGER NOT NULL,
  start_at INTEGER, start_source TEXT, start_accuracy_s INTEGER, end_at INTEGER, end_source TEXT,
  plugged_at INTEGER, unplugged_at INTEGER, time_zone TEXT,
  soc_start REAL, soc_end REAL, battery_kwh REAL, grid_kwh REAL, energy_source TEXT,
  kind TEXT, peak_kw REAL, mean_kw REAL, active_s INTEGER, gap_s INTEGER, odometer_km REAL,
  meter_start_kwh REAL, meter_end_kwh REAL,
  zone TEXT, place TEXT, latitude REAL, longitude REAL,
  cost REAL, currency TEXT, cost_source TEXT, is_cost_partial INTEGER NOT NULL DEFAULT 0,
  status TEXT, is_hidden INTEGER NOT NULL DEFAULT 0, flags TEXT NOT NULL DEFAULT '',
  bmw_start INTEGER, updated_at INTEGER NOT NULL,
  user_price_per_kwh REAL, user_cost REAL, user_label TEXT, user_class TEXT, user_note TEXT,
  UNIQUE (vin, key)
);
CREATE TABLE block (
  session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
  start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, kwh REAL, mean_kw REAL,
  PRIMARY KEY (session_id, start_at)
) WITHOUT ROWID;
CREATE TABLE curve (
  session_id INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
  at INTEGER NOT NULL, soc REAL, power_kw REAL,
  PRIMARY KEY (session_id, at)
) WITHOUT ROWID;
CREATE TABLE bmw_record (
  vin TEXT NOT NULL, key INTEGER NOT NULL, json TEXT NOT NULL, fetched_at INTEGER NOT NULL,
  PRIMARY KEY (vin, key)
) WITHOUT ROWID;
CREATE TABLE trip (
  id INTEGER PRIMARY KEY, vin TEXT NOT NULL, key INTEGER NOT NULL,
  start_at INTEGER, start_known INTEGER NOT NULL, end_at INTEGER NOT NULL, end_source TEXT,
  time_zone TEXT, km REAL, distance_source TEXT, odometer_start_km REAL, odometer_end_km REAL,
  soc_start REAL, soc_end REAL, kwh REAL, kwh_per_100km REAL,
  fuel_start_l REAL, fuel_end_l REAL, litres REAL, zone_from TEXT, zone_to TEXT,
  from_latitude REAL, from_longitude REAL, to_latitude REAL, to_longitude REAL,
  updated_at INTEGER NOT NULL,
  user_price_per_kwh REAL, user_cost REAL, user_label TEXT, user_class TEXT, user_note TEXT,
  UNIQUE (vin, key)
);
CREATE TABLE track (
  trip_id INTEGER PRIMARY KEY REFERENCES trip ON DELETE CASCADE, points TEXT NOT NULL
);
CREATE TABLE refuel (
  id INTEGER PRIMARY KEY, vin TEXT NOT NULL, key INTEGER NOT NULL,
  at INTEGER NOT NULL, not_before INTEGER, time_zone TEXT, before_l REAL, after_l REAL,
  before_percent REAL, after_percent REAL, litres REAL, odometer_km REAL, litres_per_100km REAL,
  zone TEXT, latitude REAL, longitude REAL, updated_at INTEGER NOT NULL,
  user_price_per_kwh REAL, user_cost REAL, user_label TEXT, user_class TEXT, user_note TEXT,
  UNIQUE (vin, key)
);
CREATE TABLE reading (
  vin TEXT NOT NULL, key INTEGER NOT NULL, odometer_km REAL, soc REAL, range_km REAL, fuel_l REAL,
  PRIMARY KEY (vin, key)
) WITHOUT ROWID;
CREATE TABLE price_sample (
  vin TEXT NOT NULL DEFAULT '', key INTEGER NOT NULL, price_per_kwh REAL NOT NULL,
  currency TEXT NOT NULL, PRIMARY KEY (vin, key)
) WITHOUT ROWID;
CREATE TABLE open_state (
  vin TEXT NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL, updated_at INTEGER NOT NULL,
  key INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (vin, kind)
) WITHOUT ROWID;
CREATE TABLE deletion (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, vin TEXT, from_at INTEGER, to_at INTEGER
);
CREATE TABLE change_log (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, vin TEXT NOT NULL, kind TEXT NOT NULL,
  key INTEGER NOT NULL, field TEXT NOT NULL, old TEXT, new TEXT
);
CREATE INDEX session_start ON session (vin, COALESCE(start_at, end_at, key));
CREATE INDEX trip_end ON trip (vin, end_at);
"""

MIGRATIONS: Final[tuple[str, ...]] = (_TABLES,)
"""Each one turns the schema of its number into the next; a published one never changes.

The table `deletion` is not used.
"""
USER_TABLES: Final = ("session", "trip", "refuel")
"""The tables that a person can edit."""
