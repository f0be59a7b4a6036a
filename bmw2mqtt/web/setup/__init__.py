"""The setup in the browser: pages that ask for what is needed and write `settings.yaml`.

The daemon imports `service` and `start_link`; the pages are imported with the first connection.
"""
