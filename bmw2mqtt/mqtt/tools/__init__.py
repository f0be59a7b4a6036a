"""One-off work on the broker: check, cleanup, login through a running daemon."""
