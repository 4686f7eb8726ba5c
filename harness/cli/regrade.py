"""The command `regrade`."""

from argparse import Namespace

from harness.engines.open import open_engine
from harness.replay.regrade import regrade as regrade_all
from harness.run.loop import Batch
from harness.store.folder import Folder
from harness.store.journal import Journal


def regrade(options: Namespace) -> int:
    """`makespan regrade DIR`."""
    folder = Folder.open(options.folder)
    folder.require_suite()
    folder.lock()
    journal = Journal(folder.path)
    batch = Batch(folder, journal, folder.instances())
    try:
        with open_engine(options.engine, options.jobs, options.ray_address) as engine:
            changed, total = regrade_all(batch, engine)
    finally:
        journal.close()
        folder.unlock()
    print(f"changed {changed} of {total}")
    return 0
