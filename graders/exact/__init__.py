"""Reference solvers: one file a family, each with a proven optimum or an honest bound."""
