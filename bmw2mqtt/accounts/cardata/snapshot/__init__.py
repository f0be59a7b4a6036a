"""Readings of a vehicle become a snapshot."""
