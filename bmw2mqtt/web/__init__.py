"""The web page (status and login), `/healthz` and `/metrics`.

The daemon imports only `listener`; everything else is imported with the first connection.
"""
