"""The command `resume`."""

import gc
from argparse import Namespace

from harness.cli.run import perform
from harness.run.prepare import build_models
from harness.store.folder import Folder
from tasks.base import InputError


def resume(options: Namespace) -> int:
    """`makespan resume DIR`."""
    gc.disable()  # a third of the time to read 100,000 episodes; `_perform` turns it on again
    folder = Folder.open(options.folder)
    folder.lock()
    if folder.manifest.configuration.evolve:
        from harness.cli.evolve import take_up

        gc.enable()
        return take_up(folder, options)
    if options.engine != "local" or options.ray_address:
        raise InputError(f"{options.folder} is no search for programs: --engine is for those")
    made = (instance.family for instance in folder.instances())
    names = folder.manifest.configuration.suite.families or tuple(dict.fromkeys(made))
    models = build_models(folder.manifest, names, folder.programs, options.max_connections)
    return perform(folder, models, options)
