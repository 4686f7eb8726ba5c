"""Schemas of what Makespan reads and writes: pydantic models of answers, JSON schemas of files."""
