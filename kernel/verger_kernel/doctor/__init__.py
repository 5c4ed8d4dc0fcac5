"""Whether all is well: what `doctor` shows, what stops a run before it begins, and what can safely be mended."""
