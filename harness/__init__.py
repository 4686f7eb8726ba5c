"""How it is run: command line, run loop, journal, models, agents, board."""
