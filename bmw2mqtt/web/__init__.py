"""The status and login page, `/healthz` and `/metrics`.

`page` is all that a daemon loads at which nobody looks; the rest comes with the first visitor.
"""
