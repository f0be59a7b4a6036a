"""The command line: one file per command, arguments in main.py."""
