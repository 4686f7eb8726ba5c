"""Makespan beside other harnesses and the bare SDK, on one loopback server: `make bench-peers`."""
