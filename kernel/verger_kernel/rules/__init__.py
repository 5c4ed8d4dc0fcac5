"""What decides: pure values in, pure values out; no clock, disk, process, randomness or environment."""
