"""BMW CarData, BMW's official interface for its customers: state only, in the EU and the UK.

The one room that talks to it. REST is scarce (50 requests a day and account), so everything that
can be is kept on disk, and every request is counted before it is sent.
"""
