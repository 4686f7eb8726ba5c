"""Makespan: measures how well language-model agents plan time, against proven optima.

What is installed has one top-level package, this one, with `tasks`, `graders`, `generators`,
`memory` and `harness` inside it. In a checkout these five stand beside it; there `makespan.tasks`
is `tasks`, the same object, so that code written for one runs with the other.
"""

import sys
from pathlib import Path

if not (Path(__file__).parent / "tasks").is_dir():
    from makespan.checkout import Neighbours

    sys.meta_path.insert(0, Neighbours(__name__))
