"""BMW's responses become a snapshot."""
