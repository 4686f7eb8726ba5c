"""Command-line agents: a jail, and a proxy in front of any model that speaks their protocols."""
