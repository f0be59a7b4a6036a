"""The rules of charging, pure: what is true while a car charges, and the session it makes.

`machine.ChargingMachine` is fed with `facts.ChargingFacts` by either backend. It has no clock: the
time is an argument, and `next_deadline` says when time alone will change something.
"""
