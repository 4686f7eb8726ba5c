"""The score of any program on one split."""

from statistics import median

from graders.statistics import skill
from harness.evolve.evaluation import Evaluate, Failed
from harness.evolve.evaluator import Evaluator, base, fill_failures
from tasks.base import InputError, Noun


class ProgramScore(Noun, frozen=True):
    """The score of a program on a split: valid if it failed on no instance.

    `ratio` is its sum of objectives over that of the references, failures at random's value;
    `median_gap` and `skill` count them so too. `seconds` is CPU time over all n instances.
    """

    domain: str
    split: str
    n: int
    valid: bool
    ratio: float
    median_gap: float | None
    skill: float
    seconds: float
    failures: tuple[Failed, ...]


def score_program(evaluator: Evaluator, split: str, source: str) -> ProgramScore:
    """Run a program on every instance on its own, and measure it.

    Args:
        evaluator: with a sandbox.
        split: one of the evaluator's.
        source: of the program.

    Raises:
        InputError: if the references sum to 0.
    """
    stage = evaluator.stages[split]
    evaluation = evaluator.perform(Evaluate("score", split, source, each=True))
    chance = evaluator.perform(Evaluate("chance", split, rule="random")).values
    bases = [base(instance) for instance in stage.instances]
    if not sum(bases):
        raise InputError(f"the references of these {len(bases)} instances sum to 0: take more")
    objectives = fill_failures(evaluation.values, chance)
    pairs = list(zip(objectives, bases, chance, strict=True))
    gaps = [(v - b) / b for v, b, _ in pairs if b]
    skills = [skill(v, b, c) for v, b, c in pairs if c is not None]
    return ProgramScore(
        evaluator.domain.name,
        split,
        len(bases),
        valid=not evaluation.failures,
        ratio=sum(objectives) / sum(bases),
        median_gap=median(gaps) if gaps else None,
        skill=sum(skills) / len(skills),
        seconds=evaluation.seconds,
        failures=evaluation.failures,
    )
