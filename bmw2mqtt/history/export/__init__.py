"""The history as files for people and programs: CSV (two kinds) and JSON lines."""
