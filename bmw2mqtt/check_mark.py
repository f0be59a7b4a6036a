"""The mark of a check's result, for people."""


def mark(*, is_well: bool) -> str:
    """Return ✔ or ✘."""
    return "✔" if is_well else "✘"
