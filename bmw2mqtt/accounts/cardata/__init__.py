"""BMW CarData, the official interface: login by device code, REST and a stream; no commands."""
