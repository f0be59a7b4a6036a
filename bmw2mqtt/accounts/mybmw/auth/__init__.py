"""Login to the app API: attempts, authentication, tokens."""
