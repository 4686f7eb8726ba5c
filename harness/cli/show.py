"""The command `show`: the episodes of a run, or one of them, in the terminal."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec

from harness.cli.output import print_json
from harness.cli.runs import chosen
from harness.log import say
from harness.replay.transcript import Episode, episode
from harness.report.episode_list import EpisodeLine, episode_lines, print_lines
from harness.report.episode_text import lines as text_of
from harness.report.episode_text import violations
from harness.secrets import scrubber
from harness.store.folder import Folder
from harness.store.journal import key_of
from tasks.base import InputError

NEAR = 3  # ids or models that are named where there is no such one


def show(options: Namespace) -> int:
    """`makespan show [DIR] [ID]`: the worst first; of an id its episode, if only one is meant."""
    path, name = _place(options)
    matching = _matching(path, name, options)
    columns = shutil.get_terminal_size((100, 24)).columns
    line = _only(matching) if name else None
    if line is not None:
        _print_episode(path, line, options, columns)
    elif options.json:
        print_json({"episodes": matching})
    else:
        for text in print_lines(matching, columns):
            print(text)
        if name:
            say(f"{len(matching)} episodes of {name}: choose one by --model and --epoch")
    return 0


def _place(options: Namespace) -> tuple[Path, str | None]:
    """Return the folder and the id; one word that is no folder is an id of the newest run."""
    first: Path | None = options.folder
    if first is None or options.id or first.exists():
        [path] = chosen(first, "run")
        return path, options.id
    [path] = chosen(None, "run")
    return path, str(first)


def _matching(path: Path, name: str | None, options: Namespace) -> list[EpisodeLine]:
    """Return the episodes that are meant.

    Raises:
        InputError: there is no such instance, model or epoch, or nothing of it is finished.
    """
    everything = episode_lines(path)
    folder = Folder.open(path)
    # a word alone might have been meant as a folder
    doubt = "" if options.id else ", and there is no such folder"
    _require(path, "instance", name, [line.id for line in folder.instances()], doubt)
    models = [spec.name for spec in folder.manifest.configuration.models]
    _require(path, "model", options.model, models)
    epochs = folder.manifest.configuration.epochs
    if options.epoch is not None and not 0 <= options.epoch < epochs:
        raise InputError(f"{path} has no epoch {options.epoch}: there are 0 to {epochs - 1}")
    matching = [
        line
        for line in everything
        if name in (None, line.id)
        and options.model in (None, line.model)
        and options.epoch in (None, line.epoch)
    ]
    if not matching:
        raise InputError(f"{path}: no such episode is finished: makespan watch {path} --once")
    return matching


def _require(
    path: Path, sort: str, name: str | None, names: Sequence[str], doubt: str = ""
) -> None:
    """Raise InputError that names near ones where there is none of a name."""
    if name is None or name in names:
        return
    near = get_close_matches(name, names, NEAR, 0.5)
    choices = f"near are {', '.join(near)}" if near else f"there are {', '.join(names[:NEAR])}"
    more = ", ..." if not near and len(names) > NEAR else ""
    raise InputError(f"{path} has no {sort} {name!r}{doubt}: {choices}{more}")


def _only(matching: Sequence[EpisodeLine]) -> EpisodeLine | None:
    """Return the episode that is meant: the only one, or the only one that is no policy's."""
    models = [line for line in matching if not line.model.startswith("policy/")]
    for candidates in (matching, models):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _print_episode(path: Path, line: EpisodeLine, options: Namespace, columns: int) -> None:
    replayed = episode(path, key_of(line.model, line.epoch, line.id))
    if replayed is None:
        raise InputError(f"{path}: the episode of {line.model} on {line.id} is not finished")
    if options.json:
        print_json(scrubber()(msgspec.to_builtins(_document(replayed))))
        return
    encoding = sys.stdout.encoding or "utf-8"
    for text in text_of(replayed, columns, whole=options.all):
        print(text.encode(encoding, "replace").decode(encoding))


def _document(replayed: Episode) -> dict[str, object]:
    """Return an episode as one JSON object."""
    parsed = replayed.parsed
    calls = [
        {
            "path": call.path,
            "messages": call.messages,
            "tools": [tool.name for tool in call.tools],
            "reply": call.reply,
            "parsed": parsed.get(call.path),
        }
        for call in replayed.calls
    ]
    return {
        "record": replayed.record,
        "calls": calls,
        "outcome": replayed.outcome,
        "violations": violations(replayed),
        "reference": replayed.instance.reference,
    }
