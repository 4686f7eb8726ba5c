"""Worlds of tools behind the Model Context Protocol; the SDK is slow to import, hence lazily."""
