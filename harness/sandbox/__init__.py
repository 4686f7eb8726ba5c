"""Where programs that nobody trusts run: a fork server that holds no secret, a locked fork each.

`sandbox.py` and `worker.py` are the trusted parent's side. `server.py`, `program.py`, `layers.py`,
`seccomp.py` and `values.py` run on the other side, import the standard library only, and believe
nothing: what comes back is bytes until `reading.py` has checked them.
"""
