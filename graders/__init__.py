"""How an answer is judged: one checker a family, the exact reference solvers, the statistics."""
