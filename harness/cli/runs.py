"""The command `runs`, and the newest run where a command is given none."""

import shutil
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from harness.cli.output import print_json
from harness.formatting import number
from harness.log import say
from harness.store.folder import RUNS
from harness.watch.shelf import RowScore, RunState, Sort, newest, states
from tasks.base import InputError

MOST_MODELS = 6  # named in a list of runs


def runs(options: Namespace) -> int:
    """`makespan runs`: a paragraph a folder, the newest last."""
    root: Path = options.folder or RUNS
    if not root.is_dir() and options.folder:
        raise InputError(f"there is no folder {root}")
    folders = states(root)
    if options.json:
        print_json({"runs": folders})
        return 0
    columns = shutil.get_terminal_size((100, 24)).columns
    for state in folders:
        print("\n".join(_paragraph(state, columns)))
    if not folders:
        say(f"there is no run in {root}: makespan run quickstart makes one")
    return 0


def chosen(folders: Path | Sequence[Path] | None, sort: Sort | None = None) -> list[Path]:
    """Return the folders that a command was given; without any the newest, which is told.

    Args:
        folders: as they were given.
        sort: what is looked for where none was given; None for runs and searches.

    Raises:
        InputError: none was given, and there is none.
    """
    if isinstance(folders, Path):
        return [folders]
    if folders:
        return list(folders)
    path = newest(RUNS, sort)
    say(f"{path}: the newest in {RUNS}")
    return [path]


def _paragraph(state: RunState, columns: int) -> Iterator[str]:
    """Yield the lines of a run: its name and state, then who took part and the best scores."""
    if state.state == "unusable":
        yield f"{Path(state.folder).name}  unusable"
        yield from _indented(state.problem, columns)
        return
    day = state.latest[:16].replace("T", " ")
    yield f"{Path(state.folder).name}  {_standing(state)}  {day}  {_size(state.size)}"
    yield from _indented(f"{state.suite}: {_models(state.models)}", columns)
    scores = "; ".join(_best(name, rows) for name, rows in state.best.items())
    yield from _indented(scores, columns)


def _indented(text: str, columns: int) -> list[str]:
    return wrap(
        text,
        max(20, columns - 1),
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )


def _standing(state: RunState) -> str:
    unit = " tries" if state.sort == "search" else ""
    text = "complete" if state.state == "complete" else f"{state.done} of {state.of}{unit}"
    if state.errors:
        text += f", {state.errors} errors"
    return f"{text}, running" if state.running else text


def _models(models: Sequence[str]) -> str:
    rest = len(models) - MOST_MODELS
    return ", ".join(models[:MOST_MODELS]) + (f" and {rest} more" if rest > 0 else "")


def _best(family: str, rows: Sequence[RowScore]) -> str:
    """Return a family's best score, and whose it is; of several cells the lowest and highest."""
    if len(rows) == 1:
        return f"{family} {number(rows[0].score, 3)} {rows[0].model}"
    values = [row.score for row in rows if row.score is not None]
    span = f"{min(values):.3f} to {max(values):.3f}" if values else "-"
    return f"{family} {span} in {len(rows)} cells"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
