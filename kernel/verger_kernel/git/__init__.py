"""All that is asked of git; only `command.py` runs it."""
