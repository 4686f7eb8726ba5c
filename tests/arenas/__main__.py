"""`python -m tests.arenas NAME=PYTHON...`: plays the whole corpus in arenas, prints the table.

A NAME is a player's; PYTHON that of an environment with its package, or `-REASON` where there is
none. The library and transcripts are played here.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.arenas import recordings
from tests.arenas.newest import newest
from tests.arenas.table import compare, complain, output, table

HERE = ("library", "transcript")
NAMES = {
    "inspect_tasks": ("inspect-ai", "inspect-ai"),
    "verifiers_env": ("verifiers", "verifiers"),
    "verifiers_v1": ("verifiers v1", "verifiers"),
    "openenv_app": ("OpenEnv", "openenv"),
    "trl_function": ("TRL function", "trl"),
    "trl_tools": ("TRL environment", "trl"),
    "nemo_server": ("NeMo Gym", "nemo-gym"),
    "reasoning_gym_sets": ("reasoning-gym", "reasoning-gym"),
}


def main(words: Sequence[str]) -> int:
    """Print the table; return 1 if a recording differs, or makespan holds an arena back."""
    given = [word.split("=", 1) for word in words]
    absent = [(NAMES[name][0], value[1:]) for name, value in given if value.startswith("-")]
    pythons = {name: value for name, value in given if not value.startswith("-")}
    with TemporaryDirectory() as folder:
        corpus = Path(folder)
        recordings.write(corpus, recordings.WHOLE)
        comparisons = []
        for name, python in [*((name, sys.executable) for name in HERE), *pythons.items()]:
            comparisons.append(compare(output(python, name, corpus), corpus))
            print(table(comparisons[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(comparisons, absent))
    failed = complain(comparisons)
    packages = dict.fromkeys(NAMES[name][1] for name in pythons)
    for package in packages:
        python = next(value for name, value in pythons.items() if NAMES[name][1] == package)
        alone, beside = newest(python, package), newest(python, package, with_makespan=True)
        print(f"{package}: {alone} alone, {beside} beside makespan")
        failed |= alone != beside
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
