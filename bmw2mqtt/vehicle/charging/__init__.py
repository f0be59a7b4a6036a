"""The rules of charging, pure: what is true while a car charges, and the session it makes.

A backend keeps one `machine.ChargingMachine` per vehicle. After a burst of messages has settled it
passes the newest readings (`facts.ChargingFacts`) to `step`, and shows `state`. The machine has no
clock: the time is an argument, and `next_deadline` is when `tick` has to be called.

The history stores `state.latest_sessions` after each call, each counted by `counter.count`, and
derives energy, kind and mean power by `energy`. BMW's charging history is merged by
`records.merge_records`. `to_document` and `from_document` carry an open charge over a restart.

`constants` holds every number. Where BMW leaves room, the docstring of the function gives the
reason.
"""
