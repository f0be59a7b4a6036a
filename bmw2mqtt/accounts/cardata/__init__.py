"""BMW CarData, the official interface: login by device code, REST and a stream; no commands.

REST is scarce (50 requests a day for a whole account), so whatever can be is kept on disk, and
every request is counted before it is sent. The stream is free.
"""
