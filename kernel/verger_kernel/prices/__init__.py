"""The shipped price table, as data, and its reader."""
