"""Makespan's families where other harnesses and trainers meet them: a file for each of these."""
