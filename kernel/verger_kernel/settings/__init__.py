"""The settings of a run: which there are, where they are read, and which place wins."""
