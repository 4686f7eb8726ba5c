"""A search for a pipeline: a space of them, trials as runs, and rows at equal tokens."""
