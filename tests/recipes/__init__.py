"""What the recipes of the guide name and give to copy."""
