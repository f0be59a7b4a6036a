"""Readings: decoded, stored, looked up by descriptor."""
