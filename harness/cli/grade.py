"""The command `grade`."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from harness.cli.output import put
from harness.families.registry import family
from harness.log import say
from harness.suites import instances
from harness.suites.lines import AnswerLine
from harness.suites.reference_files import with_references
from tasks.base import InputError, Instance, Outcome, Parsed


def grade(options: Namespace) -> int:
    """`makespan grade`: every answer is checked for its id before the first is graded."""
    batch = instances.read(options.instances)
    if options.references:
        batch, _ = with_references(batch, options.references)
    by_id = {instance.id: instance for instance in batch}
    answers = _answers(options.answers, by_id)
    put(options.out, (_graded(by_id[answer.id], answer) for answer in answers.values()))
    if missing := len(by_id) - len(answers):
        say(f"{missing} of {len(by_id)} instances have no answer")
    return 1 if missing else 0


def _answers(path: Path, by_id: dict[str, Instance[Any]]) -> dict[str, AnswerLine]:
    answers: dict[str, AnswerLine] = {}
    for number, line in enumerate(instances.read_lines(path), 1):
        if not line.strip():
            continue
        answer = instances.decode_as(AnswerLine, line, f"{path}:{number}")
        if answer.id not in by_id:
            raise InputError(f"{path}:{number}: no instance has the id {answer.id!r}")
        if answer.id in answers:
            raise InputError(f"{path}:{number}: the id {answer.id!r} is there twice")
        answers[answer.id] = answer
    return answers


def _graded(instance: Instance[Any], answer: AnswerLine) -> bytes:
    grade = family(instance.family).score(instance, _outcome(instance, answer))
    return msgspec.json.encode({"id": instance.id, **msgspec.to_builtins(grade)})


def _outcome(instance: Instance[Any], answer: AnswerLine) -> Outcome:
    """An answer as its grader takes it; an object is read as a text is, so doubtful JSON is not."""
    text = bytes(answer.answer).decode() if answer.text is None else answer.text
    if answer.text is None and text == "null":
        return Outcome((Parsed(problem="no answer"),))
    return family(instance.family).read(None, text)
