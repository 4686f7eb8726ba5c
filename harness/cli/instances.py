"""Commands on files of instances: generate, import, export, solve, grade."""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from harness import files, instances
from harness.cli.output import emit, put, say
from harness.engine import opened
from harness.importers import read_files
from harness.instances import Wanted
from harness.registry import family
from tasks.base import Fields, InputError, Instance, Number, Outcome, Parsed

LONGEST_ID = 200  # bytes of an id that becomes the name of a file


class Solution(msgspec.Struct, frozen=True):
    """A line of `solve`."""

    id: str
    objective: Number | None
    bound: Number | None
    status: str
    answer: Fields | None
    solver: str
    seconds: float


class Answer(msgspec.Struct, frozen=True):
    """A line of an answers file: the object or null, or the raw text of a reply."""

    id: str
    answer: msgspec.Raw = msgspec.Raw(b"")  # as it was written; empty without the key
    text: str | None = None

    def __post_init__(self) -> None:
        given = bytes(self.answer)
        both = self.text is not None and given not in (b"", b"null")
        if both or (self.text is None and not given):
            raise ValueError('needs either "answer" or "text"')


def generate(options: Namespace) -> int:
    """`makespan generate`."""
    kind = family(options.family)
    settings = kind.resolve(options.level, dict(options.settings))

    def wanted(index: int) -> Wanted:
        proven = not options.no_reference
        return Wanted(kind.name, options.level, options.seed, index, settings, proven)

    key = [kind.name, kind.version, options.level, options.seed, settings, options.no_reference]
    with opened(options.engine, options.jobs, options.ray_address) as engine:

        def lines(start: int) -> Iterator[bytes]:
            rest = map(wanted, range(start, options.count))
            return engine.map(instances.make, rest, lambda one: f"instance {one.index}")

        emit(options.out, "instances", options.count, lines, key)
    return 0


def import_(options: Namespace) -> int:
    """`makespan import FORMAT`."""
    made = read_files(options.format, options.files)
    put(options.out, map(instances.encode, made))
    say(f"{len(made)} instances")
    return 0


def export(options: Namespace) -> int:
    """`makespan export FILE.jsonl --format psplib|ics`: one file an instance."""
    made = [_exported(i, options.format) for i in instances.read(options.file)]
    files.make_folder(options.out)
    for name, _ in made:
        files.destination(options.out / name)
    for name, content in made:
        files.write(options.out / name, content)
    say(f"{len(made)} files in {options.out}")
    return 0


def _exported(instance: Instance[Any], form: str) -> tuple[str, str | bytes]:
    """An instance as the name and the content of a file."""
    if not _names_a_file(instance.id):
        raise InputError(f"the id {instance.id!r} cannot be the name of a file")
    if (form, instance.family) == ("psplib", "rcpsp"):
        from generators.psplib import write_psplib

        return f"{instance.id}.sm", write_psplib(instance.payload)
    if (form, instance.family) == ("ics", "calendar"):
        from generators.calendar_ics import export as write_ics

        return f"{instance.id}.ics", write_ics(instance)
    raise InputError(f"{instance.id}: a {instance.family} has no {form} form")


def _names_a_file(name: str) -> bool:
    return 0 < len(name.encode()) <= LONGEST_ID and not {"/", "\0"} & set(name)


def solve(options: Namespace) -> int:
    """`makespan solve`."""
    found = instances.read(options.file)
    one = partial(solution, seconds=options.time_limit)
    key = [instances.digest(map(instances.encode, found)), options.time_limit]
    with opened(options.engine, options.jobs, options.ray_address) as engine:

        def lines(start: int) -> Iterator[bytes]:
            return engine.map(one, found[start:], lambda instance: instance.id)

        emit(options.out, "solved", len(found), lines, key)
    return 0


def solution(instance: Instance[Any], seconds: float | None) -> bytes:
    """Solve one instance: its line."""
    began = perf_counter()
    known = family(instance.family).solve(instance.payload, seconds=seconds)
    took = round(perf_counter() - began, 3)
    return msgspec.json.encode(
        Solution(instance.id, known.objective, known.bound, known.status, known.answer,
                 known.solver, took)
    )  # fmt: skip


def grade(options: Namespace) -> int:
    """`makespan grade`: every answer is checked for its id before the first is graded."""
    known = {instance.id: instance for instance in instances.read(options.instances)}
    answers = _answers(options.answers, known)
    put(options.out, (_graded(known[answer.id], answer) for answer in answers.values()))
    if missing := len(known) - len(answers):
        say(f"{missing} of {len(known)} instances have no answer")
    return 1 if missing else 0


def _answers(path: Path, known: dict[str, Instance[Any]]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for number, line in enumerate(instances.read_lines(path), 1):
        if not line.strip():
            continue
        answer = instances.decode_as(Answer, line, f"{path}:{number}")
        if answer.id not in known:
            raise InputError(f"{path}:{number}: no instance has the id {answer.id!r}")
        if answer.id in answers:
            raise InputError(f"{path}:{number}: the id {answer.id!r} is there twice")
        answers[answer.id] = answer
    return answers


def _graded(instance: Instance[Any], answer: Answer) -> bytes:
    grade = family(instance.family).grade(instance, _outcome(instance, answer))
    return msgspec.json.encode({"id": instance.id, **msgspec.to_builtins(grade)})


def _outcome(instance: Instance[Any], answer: Answer) -> Outcome:
    """An answer as its grader takes it; an object is read as a text is, so doubtful JSON is not."""
    text = bytes(answer.answer).decode() if answer.text is None else answer.text
    if answer.text is None and text == "null":
        return Outcome((Parsed(problem="no answer"),))
    return family(instance.family).read(None, text)
