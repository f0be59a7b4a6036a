"""Whole cars as CarData sends them, and what the bridge publishes of each."""
