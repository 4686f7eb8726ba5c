"""Builds the models that a run asks, from their names."""

from collections.abc import Mapping

from harness.families.registry import family
from harness.models.base import Model
from harness.models.names import NO_PROGRAMS, START, program_of
from harness.models.policy import PolicyModel
from tasks.base import InputError
from tasks.near import did_you_mean


def build_policy(
    model: str, families: tuple[str, ...], programs: Mapping[str, str] = NO_PROGRAMS
) -> Model:
    """The policy of a model's name in every family of a run that has it; InputError if none does.

    `policy/file:NAME.py@DIGEST` is one of the run's programs, run in the sandbox.
    """
    if content := program_of(model):
        from harness.evolve.program_model import ProgramModel

        return ProgramModel(model, programs[content], families)
    name = model.removeprefix(START)
    having = {f: family(f).policies[name] for f in families if name in family(f).policies}
    if not having:
        choices = "; ".join(f"of {f}: {', '.join(family(f).policies)}" for f in families)
        names = [policy for f in families for policy in family(f).policies]
        raise InputError(
            f"unknown model {model!r}: the policies {choices}{did_you_mean(name, names)}"
        )
    return PolicyModel(name, having)


def is_asked(model: str, name: str, programs: Mapping[str, str] = NO_PROGRAMS) -> bool:
    """Return whether a model takes part in a family: a policy only if it is one of its own."""
    if content := program_of(model):
        from harness.evolve.program_model import plays

        return plays(programs[content], name)
    provider, _, policy = model.partition("/")
    return provider != "policy" or policy in family(name).policies
