"""Agents: programs that answer a world's asks, and the built-in policies of each family."""
