"""Tests assert what a user would notice, with real brokers, sockets and unmodified libraries."""
