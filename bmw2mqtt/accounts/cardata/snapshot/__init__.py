"""The snapshot of a car, built from its readings and basic data."""
