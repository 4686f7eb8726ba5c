"""Commands on files of instances: generate, import, export, solve, grade."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from harness import files, instances
from harness.cli.output import emit
from harness.importers import read_files
from harness.instances import Wanted
from harness.registry import family
from tasks.base import Fields, InputError, Instance, Number


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
    """A line of an answers file: the parsed object, or the raw text of a reply."""

    id: str
    answer: Any = None
    text: str | None = None

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.text is None):
            raise ValueError('needs either "answer" or "text"')


def generate(options: Namespace) -> int:
    """`makespan generate`."""
    settings = family(options.family).resolve(options.level, dict(options.settings))
    wanted = [
        Wanted(options.family, options.level, options.seed, index, settings,
               not options.no_reference)
        for index in range(options.count)
    ]  # fmt: skip
    key = [options.family, options.level, options.seed, settings, options.no_reference]
    emit(options.out, "instances", len(wanted),
         lambda start: map(instances.make, wanted[start:]), key)  # fmt: skip
    return 0


def import_(options: Namespace) -> int:
    """`makespan import FORMAT`."""
    made = read_files(options.format, options.files)
    lines = map(instances.encode, made)
    if options.out:
        files.write_lines(options.out, lines)
    else:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
    print(f"{len(made)} instances", file=sys.stderr)
    return 0


def export(options: Namespace) -> int:
    """`makespan export FILE.jsonl --format psplib`."""
    from generators.psplib import write_psplib

    found = instances.read(options.file)
    for instance in found:
        if instance.family != "rcpsp":
            raise InputError(f"{instance.id}: a {instance.family} has no psplib form")
        if Path(instance.id).name != instance.id:
            raise InputError(f"the id {instance.id!r} cannot be the name of a file")
    texts = [(f"{instance.id}.sm", write_psplib(instance.payload)) for instance in found]
    options.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts:
        files.write(options.out / name, text)
    print(f"{len(texts)} files in {options.out}", file=sys.stderr)
    return 0


def solve(options: Namespace) -> int:
    """`makespan solve`."""
    found = instances.read(options.file)
    one = partial(solution, seconds=options.time_limit)

    def lines(start: int) -> Iterator[bytes]:
        rest = found[start:]
        pool = ProcessPoolExecutor(options.jobs) if options.jobs > 1 else nullcontext()
        with pool as workers:
            yield from workers.map(one, rest) if workers else map(one, rest)

    key = [instances.digest(map(instances.encode, found)), options.time_limit]
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
    lines = (_graded(known[answer.id], answer) for answer in answers.values())
    if options.out:
        files.write_lines(options.out, lines)
    else:
        for line in lines:
            sys.stdout.buffer.write(line + b"\n")
    if missing := len(known) - len(answers):
        print(f"{missing} of {len(known)} instances have no answer", file=sys.stderr)
    return 0


def _answers(path: Path, known: dict[str, Instance[Any]]) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for number, line in enumerate(instances.read_lines(path), 1):
        if not line.strip():
            continue
        try:
            answer = msgspec.json.decode(line, type=Answer)
        except msgspec.DecodeError as error:
            raise InputError(f"{path}:{number}: {error}") from None
        if answer.id not in known:
            raise InputError(f"{path}:{number}: no instance has the id {answer.id!r}")
        if answer.id in answers:
            raise InputError(f"{path}:{number}: the id {answer.id!r} is there twice")
        answers[answer.id] = answer
    return answers


def _graded(instance: Instance[Any], answer: Answer) -> bytes:
    kind = family(instance.family)
    given = answer.answer if isinstance(answer.answer, dict) else None
    text = answer.text if answer.text is not None else msgspec.json.encode(answer.answer).decode()
    grade = kind.grade(instance, kind.read(given, text))
    return msgspec.json.encode({"id": instance.id, **msgspec.to_builtins(grade)})
