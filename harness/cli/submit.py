"""The command `submit`."""

from argparse import Namespace

from harness.log import say
from harness.replay.submission import pack
from harness.run.prepare import today


def submit(options: Namespace) -> int:
    """`makespan submit DIR --out FOLDER`: verify a run, pack it, print what it claims."""
    submission = pack(options.folder, options.out, today())
    for claim in submission.claims:
        score = "unknown" if claim.score is None else f"{claim.score:.3f}"
        print(f"{claim.model} in {claim.family}: {score} over {claim.n} episodes")
    say(f"submission: {options.out}; who receives it runs makespan verify {options.out}")
    return 0
