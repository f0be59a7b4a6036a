"""Tests assert what a user would notice; they use real brokers, real sockets, unmodified libraries."""
