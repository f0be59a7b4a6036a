"""The domain: snapshot of a car, account state, commands, errors.

No I/O, and no imports of other packages of the project. Both backends create these objects; all
other packages only read them.
"""
