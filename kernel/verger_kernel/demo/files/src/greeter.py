"""A greeter that can add."""
