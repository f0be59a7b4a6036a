"""Tests of the REST side: what is requested, when, and what that costs."""
