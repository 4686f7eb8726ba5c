"""What plays the corpus in an arena, by its own package: `python -m tests.arenas.players.NAME`.

Each is run by the Python of that arena's environment and prints a line a recording.
"""
