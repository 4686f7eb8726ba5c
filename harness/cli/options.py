"""Options of the command line as settings of a run."""

from argparse import Namespace

from harness.board.selection import Selection
from harness.calls.budget import Budget
from harness.calls.options import RunOptions
from harness.calls.retry import RetryPolicy
from harness.calls.workbench import AT_ONCE
from harness.models.base import Sampling


def sampling(options: Namespace) -> Sampling:
    """Return what every request says beside the prompt, by the options of a run."""
    return Sampling(
        temperature=options.temperature,
        max_tokens=options.max_output_tokens,
        seed=options.model_seed,
        reasoning_effort=options.reasoning_effort,
        structured=options.structured,
        extra=options.extra_body,
        top_p=options.top_p,
        max_tokens_as=options.max_output_tokens_as,
    )


def selection(options: Namespace) -> Selection:
    """Return which part of the folders is shown."""
    return Selection(tuple(options.model or ()), tuple(options.family or ()))


def run_options(options: Namespace) -> RunOptions:
    """Return how to ask, by the options of a run."""
    o = options
    return RunOptions(
        retry=RetryPolicy(attempts=o.max_attempts, seconds=o.attempt_timeout),
        connections=o.max_connections,
        requests=o.rpm,
        tokens=o.tpm,
        errors=o.fail_on_error,
        budget=Budget(o.budget_cost, o.budget_tokens, o.budget_time),
        episode_budget=Budget(
            o.budget_episode_cost, o.budget_episode_tokens, o.budget_episode_time
        ),
        cache=o.cache,
        programs=getattr(o, "workers", None) or AT_ONCE,
        unsafe=getattr(o, "unsafe", False),
    )
