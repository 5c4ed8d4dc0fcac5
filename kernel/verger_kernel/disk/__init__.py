"""What lies on disk: paths, journal, state, packets, locks."""
