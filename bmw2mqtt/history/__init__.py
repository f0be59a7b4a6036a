"""The record of charging sessions and trips: database, statistics, export.

Knows neither MQTT nor BMW. Trouble here never hides a value of a car.
"""
