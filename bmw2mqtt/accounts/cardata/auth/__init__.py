"""Login: device code, tokens and their renewal."""
