"""Programs on training instances: like the one that is asked, of a seed that no suite has."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from harness.calls.checks import checked
from harness.calls.workbench import Workbench
from harness.families.registry import family
from tasks.base import Ask, Failure, Instance, Reference, Reply
from tasks.means import Run, Simulate, Simulated, answered
from tasks.prompts import Prompts

Trainer = Callable[[Simulate, Workbench], Awaitable[Simulated]]
SEED = 7_300_001  # of training instances


def training_instance(instance: Instance[Any], number: int) -> Instance[Any]:
    """Return a training instance: of the same level and settings, without a reference.

    Args:
        instance: what is asked.
        number: of the training instance, from 1.

    Raises:
        Failure: the instance is itself of that seed, or was not generated.
    """
    if instance.seed is None or instance.seed == SEED:
        why = "it was not generated" if instance.seed is None else f"it is of seed {SEED} itself"
        raise Failure(f"{instance.id}: there are no training instances for it: {why}")
    generate = family(instance.family).generate
    other = generate(instance.level, SEED, number, instance.settings, reference=False)
    return replace(other, reference=Reference("none"))


async def simulated(
    instance: Instance[Any], prompts: Prompts, effect: Simulate, bench: Workbench
) -> Simulated:
    """Return what comes of a program on a training instance, and what the checker tells of it.

    Args:
        instance: what is asked.
        prompts: the templates of the run.
        effect: the program, and the number of the training instance.
        bench: runs it.

    Raises:
        Failure: there are no training instances, or no checker.
        SandboxFailure: the servers of the sandbox die again and again.
    """
    training = training_instance(instance, effect.number)
    ask = next(family(training.family).world(training, prompts))
    if not isinstance(ask, Ask) or ask.problem is None:
        raise Failure(f"{instance.id}: its world gives no problem to a program")
    ran = await bench.run(Run(effect.path, effect.source, ask.problem, limits=effect.limits))
    if ran.failure:
        return Simulated(ran)
    return Simulated(ran, checked(training, prompts, answered(Reply(""), ran)))
