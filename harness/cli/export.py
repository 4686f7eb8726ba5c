"""The command `export`, for instances and for runs."""

from argparse import Namespace

from harness import files
from harness.export.rows import PublishedRun
from harness.log import say
from harness.run.file_format import written
from harness.run.save import file_of_folder
from harness.store.folder import Folder
from harness.suites import instances
from harness.suites.formats import formats, write_format
from tasks.base import InputError

RESULTS = ("eee", "inspect")  # formats of runs that are folders
CONFIG = "config"  # the run file with which a run could be asked for again
TREES = ("harbor", "hf")  # formats of instances of any family that are trees of folders


def export(options: Namespace) -> int:
    """`makespan export`: the format tells whether instances or a run are meant."""
    from harness.export.flat import FLAT
    from harness.export.rows import samples

    of_runs = (*FLAT, *RESULTS, CONFIG)
    if options.hide_answers and options.format != "hf":
        raise InputError("`hide_answers` is for the format hf")
    if options.format in TREES:
        return _tree(options)
    if options.format not in of_runs:
        of_instances = [*TREES, *(name for name, form in formats().items() if form.write)]
        if options.format not in of_instances:
            choices = f"of instances {', '.join(of_instances)}; of a run {', '.join(of_runs)}"
            raise InputError(f"unknown format {options.format!r}: there are {choices}")
        return export_instances(options)
    if options.format == CONFIG:
        text = written(file_of_folder(Folder.open(options.file), options.out))
        files.write(options.out, text)
        return 0
    run = PublishedRun.open(options.file)
    if options.format in RESULTS:
        return _folder(run, options)
    FLAT[options.format](options.out, samples(run))
    return 0


def _folder(run: PublishedRun, options: Namespace) -> int:
    from harness.export.eee import write_eee
    from harness.export.inspect import write_inspect
    from harness.export.results import results

    write = write_eee if options.format == "eee" else write_inspect
    files.make_folder(options.out)
    count = 0
    for result in results(run):
        write(result, options.out)
        count += 1
    say(f"{count} results in {options.out}")
    return 0


def _tree(options: Namespace) -> int:
    """`makespan export FILE.jsonl --format harbor` or `hf`: one folder for all."""
    from harness.export.harbor import write_tasks
    from harness.export.instances import write_dataset

    problems = instances.read(options.file)
    files.make_folder(options.out)
    if options.format == "hf":
        write_dataset(problems, options.out, hide=options.hide_answers)
        say(f"{len(problems)} instances in {options.out}")
        return 0
    tasks = list(write_tasks(problems, options.out))
    say(f"{len(tasks)} tasks in {options.out}")
    if unproven := sum(task.oracle < 1 for task in tasks):
        say(f"solutions with a reward below 1, for their optimum is not proven: {unproven}")
    return 0


def export_instances(options: Namespace) -> int:
    """`makespan export FILE.jsonl --format psplib`: one file an instance."""
    texts = [write_format(i, options.format) for i in instances.read(options.file)]
    files.make_folder(options.out)
    for name, _ in texts:
        files.destination(options.out / name)
    for name, content in texts:
        files.write(options.out / name, content)
    say(f"{len(texts)} files in {options.out}")
    return 0
