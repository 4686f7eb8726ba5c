"""One kind of program a file."""
