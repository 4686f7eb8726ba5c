"""The command `resume`."""

import gc
from argparse import Namespace

from harness.calls.options import CONNECTIONS
from harness.cli.run import go_on
from harness.run.prepare import build_models
from harness.store.folder import Folder
from tasks.base import InputError


def resume(options: Namespace) -> int:
    """`makespan resume DIR`."""
    gc.disable()  # a third of the time to read 100,000 episodes; `go_on` turns it on again
    folder = Folder.open(options.folder)
    folder.claim()
    if folder.manifest.configuration.evolve:
        from harness.cli.evolve import take_up

        gc.enable()
        return take_up(folder, options)
    searching = {
        "--engine": options.engine != "local",
        "--ray-address": options.ray_address,
        "--workers": options.workers,
        "--unsafe": options.unsafe,
    }
    for option, is_set in searching.items():
        if is_set:
            raise InputError(f"{options.folder} is no search for programs: {option} is for those")
    kinds = (instance.family for instance in folder.instances())
    names = folder.manifest.configuration.suite.families or tuple(dict.fromkeys(kinds))
    models = build_models(
        folder.manifest, names, folder.programs, options.max_connections or CONNECTIONS
    )
    return go_on(folder, models, options)
