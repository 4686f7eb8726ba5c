"""Accuracy against tokens with and without sleep, over a ladder of reply limits."""
