"""Records what cars do: turns what accounts pass on into rows, counters and events.

Everything of one car is in `car.CarRecorder`; `service.History` runs the recorders and the file.
"""
