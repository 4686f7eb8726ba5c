"""The command `resume`."""

import gc
from argparse import Namespace

from harness.agents.base import read_agent
from harness.cli.options import run_options
from harness.cli.run import go_on
from harness.cli.runs import chosen
from harness.run.begin import take_up
from harness.store.folder import Folder
from tasks.base import InputError


def resume(options: Namespace) -> int:
    """`makespan resume DIR`."""
    gc.disable()  # a third of the time to read 100,000 episodes; `go_on` turns it on again
    [path] = chosen(options.folder)
    folder = Folder.open(path)
    folder.claim()
    if folder.manifest.configuration.evolve:
        from harness.cli.evolve import go_on as go_on_searching

        gc.enable()
        return go_on_searching(folder, options)
    _require_unset(folder, options)
    how = run_options(options)
    return go_on(take_up(folder, how), how, options, options.price)


def _require_unset(folder: Folder, options: Namespace) -> None:
    """Raise InputError if an option is set that is for searches, or for runs with programs."""
    configuration = folder.manifest.configuration
    kind, settings = read_agent(configuration.agent, configuration.pipeline)
    searching = {"--engine": options.engine != "local", "--ray-address": options.ray_address}
    if kind.limits(settings) is None and not kind.sessions:
        searching |= {"--workers": options.workers, "--unsafe": options.unsafe}
    for option, is_set in searching.items():
        if is_set:
            raise InputError(f"{folder.path} is no search for programs: {option} is for those")
