"""Hidden: only tools for development need it, and structlog imports it where it is."""

raise ImportError
