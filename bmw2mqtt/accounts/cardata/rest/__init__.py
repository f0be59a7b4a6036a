"""REST: what to request when, within the quota."""
