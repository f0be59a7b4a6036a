"""What is adapted of bimmer_connected: HTTP errors, request counting, deadlines."""
