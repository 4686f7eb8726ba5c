"""Instances as a dataset: a Parquet file for each family, and a card that says what is in it."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from harness import files
from harness.export.columns import HIDDEN, INSTANCES
from harness.export.parquet import write_parquet
from harness.export.questions import first_ask
from harness.models.openai import chat_message, chat_tool
from harness.suites import instances
from tasks.base import Ask, Fields, InputError, Instance

FOLDER, SPLIT = "instances", "test"
DIGITS = 16  # of a key

CARD = """\
---
pretty_name: Makespan instances
tags: [makespan, benchmark, scheduling, planning]
configs:
{configs}---
# Makespan instances

Scheduling problems with what a model is asked first, {truth}.
A configuration for each family, all in the split `test`.

```python
from datasets import load_dataset

rows = load_dataset("OWNER/NAME", "{first}", split="test")
```
{reading}
| column | meaning |
|---|---|
{columns}
"""
READING = """
`makespan.read_line(row["instance"])` is the instance again, for `makespan.grade`,
`makespan.reward` and `makespan.start`.
"""
CONFIG = """\
- config_name: {name}
  data_files:
  - split: {split}
    path: ["{path}"]
"""


def instance_row(instance: Instance[Any], ask: Ask | None = None) -> Fields:
    """Return an instance as a row, with all that is known of it.

    Args:
        instance: of any family.
        ask: what is asked first, of an agent that asks directly; None finds it out.
    """
    ask, reference = ask or first_ask(instance), instance.reference
    line = instances.encode(instance)
    return {
        "id": instance.id,
        "key": sha256(line).hexdigest()[:DIGITS],
        "family": instance.family,
        "level": instance.level,
        "seed": instance.seed,
        "index": instance.index,
        "settings": _json(instance.settings),
        "version": instance.version,
        "prompt": [chat_message(message) for message in ask.messages],
        "tools": _json([chat_tool(tool) for tool in ask.tools]) if ask.tools else None,
        "schema": _json(ask.schema) if ask.schema else None,
        "problem": _json(ask.problem) if ask.problem else None,
        "status": reference.status,
        "objective": reference.objective,
        "bound": reference.bound,
        "answer": _json(reference.answer) if reference.answer else None,
        "instance": line.decode(),
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def hidden(row: Fields) -> Fields:
    """Return a row without what tells its answer, or how to make the instance again.

    An id names seed and index, so that the key stands in its place.
    """
    return row | dict.fromkeys(HIDDEN) | {"id": row["key"]}


def write_instances(
    problems: Iterable[Instance[Any]], root: Path, *, hide: bool = False
) -> list[str]:
    """Write `instances/FAMILY.parquet` for each family; return their paths below the folder.

    Args:
        problems: in their order in the files.
        root: the folder.
        hide: whether the answers are left out, and what leads to them.
    """
    families: dict[str, list[Fields]] = {}
    for problem in problems:
        row = instance_row(problem)
        families.setdefault(problem.family, []).append(hidden(row) if hide else row)
    files.make_folder(root / FOLDER)
    for name, rows in families.items():
        write_parquet(root / instances_path(name), INSTANCES, rows)
    return [instances_path(name) for name in families]


def instances_path(family: str) -> str:
    """Return the path of a family's instances in a dataset."""
    return f"{FOLDER}/{family}.parquet"


def instance_splits(paths: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Return the files of each split of each configuration of instances among some paths."""
    found = sorted(path for path in paths if Path(path).parent.as_posix() == FOLDER)
    return {f"{FOLDER}_{Path(path).stem}": {SPLIT: [path]} for path in found}


def write_dataset(problems: Sequence[Instance[Any]], root: Path, *, hide: bool) -> None:
    """Write a folder that `load_dataset` reads: the instances, and a card.

    Raises:
        InputError: there is a card of somebody else in the folder.
    """
    card = root / "README.md"
    if card.exists() and not card.read_text("utf-8", "replace").startswith(CARD[:40]):
        raise InputError(f"{root} has a README.md of its own: use another `out`")
    configs = instance_splits(write_instances(problems, root, hide=hide))
    files.write(card, _card(configs, hide=hide))


def _card(configs: Mapping[str, Mapping[str, Sequence[str]]], *, hide: bool) -> str:
    return CARD.format(
        configs="".join(
            CONFIG.format(name=name, split=split, path=path)
            for name, splits in configs.items()
            for split, [path] in splits.items()
        ),
        truth="without their answers" if hide else "and with their references",
        first=next(iter(configs)),
        reading="" if hide else READING,
        columns="\n".join(f"| `{column.name}` | {column.about} |" for column in INSTANCES),
    )
