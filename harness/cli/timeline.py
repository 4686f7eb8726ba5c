"""The command `timeline`."""

import shutil
from argparse import Namespace

from harness.families.registry import family
from harness.report.base import drawings
from harness.run.jobs import EpisodeJob
from harness.store.folder import Folder
from harness.store.journal import read_outcome
from tasks.base import InputError

LEAST = 60  # columns


def timeline(options: Namespace) -> int:
    """`makespan timeline`: the calls of each model's episode, beside those of the reference."""
    folder = Folder.open(options.folder)
    lines = {line.id: line for line in folder.instances()}
    if options.id not in lines:
        raise InputError(f"{options.folder} has no instance {options.id!r}")
    instance = lines[options.id].instance
    draw = drawings(family(instance.family)).timeline
    if draw is None:
        raise InputError(f"{instance.id} is of the family {instance.family}, which has no tools")
    models = [spec.name for spec in folder.manifest.configuration.models]
    if options.model and options.model not in models:
        raise InputError(f"{options.folder} has no model {options.model!r}: {', '.join(models)}")
    names = [options.model] if options.model else models
    outcomes = {
        m: read_outcome(folder.path, EpisodeJob(lines[options.id], m, options.epoch).key)
        for m in names
    }
    finished = {model: outcome for model, outcome in outcomes.items() if outcome is not None}
    columns = max(LEAST, shutil.get_terminal_size((100, 24)).columns)
    for line in draw(instance, finished, columns):
        print(line)
    for model in names:
        if model not in finished:
            print(f"{model}: no episode {options.epoch} of {instance.id} is finished")
    return 0 if finished else 1
