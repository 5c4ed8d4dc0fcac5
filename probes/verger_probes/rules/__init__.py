"""What a challenge and its answer are, and what may be said because of them. Values in, values out."""
