"""What the cars report: decoded, stored, and looked up by descriptor."""
