"""The report: runs as one page with pictures that needs nothing but a browser."""
