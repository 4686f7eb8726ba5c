"""The command `regrade`."""

from argparse import Namespace

from harness.engines.open import open_engine
from harness.replay.regrade import regrade as regrade_all
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder
from harness.store.journal import Journal


def regrade(options: Namespace) -> int:
    """`makespan regrade DIR`."""
    folder = Folder.open(options.folder)
    folder.require_suite()
    folder.claim()
    journal = Journal(folder.path)
    run = RecordedRun(folder, journal, folder.instances())
    try:
        with open_engine(options.engine, options.jobs, options.ray_address) as engine:
            changed, total = regrade_all(run, engine)
    finally:
        journal.close()
        folder.release()
    print(f"changed {changed} of {total}")
    return 0
