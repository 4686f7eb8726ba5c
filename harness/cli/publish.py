"""The command `publish`."""

from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.board.load import require_agreement
from harness.cli.options import selection
from harness.export.rows import PublishedRun
from harness.log import say
from harness.publish.hub import Head, HubFailure, Repository, token
from harness.publish.licences import licence
from harness.publish.local import LocalRepository
from harness.publish.neighbours import Neighbours
from harness.publish.publish import Change, Publication, Target
from harness.suites import instances
from tasks.base import InputError


def publish(options: Namespace) -> int:
    """`makespan publish`; status 1 if a run that was published has episodes without a grade."""
    terms = licence(options.license) if options.license is not None else None
    repository = _folder(options) if options.out else _repository(options)
    runs = [PublishedRun.open(folder, selection(options)) for folder in options.folders]
    for k, run in enumerate(runs):
        if run.name in [other.name for other in runs[:k]]:
            raise InputError(f"{run.path} is the same run as another folder")
    require_agreement(options.folders, selection(options))
    for run in [run for run in runs if run.is_empty]:
        say(f"{run.path} has nothing of what is selected")
        runs.remove(run)
    with TemporaryDirectory(prefix="makespan-") as root:
        publication = Publication(runs, repository, Path(root), terms, _neighbours(options))
        if options.dry_run:
            head = _head(repository)
            _show(publication.plan(head), head, repository)
        else:
            done = publication.publish(say)
            print(done or f"nothing to do: {options.out or options.repo} has it all")
    for run in publication.partial:
        say(f"{run.path} has episodes without a grade: the tables say so")
    return 1 if publication.partial else 0


def _neighbours(options: Namespace) -> Neighbours:
    """Return what stands beside the tables; InputError if there is none of it."""
    if options.hide_answers and options.instances is None:
        raise InputError("`hide_answers` is of `instances`, and there are none")
    problems = instances.read(options.instances) if options.instances else None
    return Neighbours(problems, hide=options.hide_answers, tree=options.tasks)


def _repository(options: Namespace) -> Repository:
    if options.repo is None:
        raise InputError("where to: give `repo` OWNER/NAME of a hub, or `out` FOLDER")
    hub_token = token(needed=not options.dry_run)
    return Repository(options.repo, options.revision or "main", hub_token, options.private)


def _folder(options: Namespace) -> LocalRepository:
    for name, is_set in (("private", options.private), ("revision", options.revision)):
        if is_set:
            raise InputError(f"`{name}` is for a hub: `out` writes a folder and sends nothing")
    if options.repo is not None:
        Repository.check_name(options.repo)
    return LocalRepository(options.out, options.repo)


def _head(repository: Target) -> Head:
    """Return what is published there; where the hub is away, nothing, and that is said."""
    try:
        return repository.head()
    except HubFailure as failure:
        if not failure.away:
            raise
        say(f"{failure}; shown as if nothing were there")
        return Head(None, {}, exists=False)


def _show(change: Change, head: Head, repository: Target) -> None:
    """Print what would be done, a file a line: its state, its size in bytes, its path."""
    note = "" if head.exists else ", which would be made"
    print(f"dry run: nothing is written to {repository.name}{note}")
    for path, place in change.files.items():
        state = "same" if path not in change.changed else "new"
        state = "changed" if state == "new" and path in head.files else state
        print(f"{state:8}{place.stat().st_size:>12,}  {path}")
    for path in change.gone:
        print(f"{'gone':8}{'':>12}  {path}")
