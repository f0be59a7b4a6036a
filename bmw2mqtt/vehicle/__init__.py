"""The domain: what a car is, what it can be told, what can go wrong.

No input, no output, no other room of the project. Both backends write these types, everything else
only reads them.
"""
