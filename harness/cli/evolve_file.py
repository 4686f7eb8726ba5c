"""A run file as the options of `makespan evolve run`."""

from argparse import Namespace
from pathlib import Path

from harness.run.file_format import RunFile, SearchTable, read_run_file
from harness.run.plan import RunPlan
from tasks.base import InputError


def filled(options: Namespace) -> Namespace:
    """Return the options of a search, from its run file where one is given.

    Beside a file stand `--calls`, `--limit`, `--out`, budgets, and how it asks; what the file says
    of agents and memories is for its runs.

    Raises:
        InputError: the file lacks what a search needs, or something that must be given is not.
    """
    options.base_urls, options.api_key_envs = {}, {}
    if options.domain.endswith(".toml"):
        _fill(options, RunPlan(read_run_file(Path(options.domain)), Path(options.domain)))
    for name in ("model", "calls"):
        if not getattr(options, name):
            raise InputError(f"a search needs --{name}")
    return options


def _fill(options: Namespace, plan: RunPlan) -> None:
    file, path = plan.file, plan.path
    if file.search is None:
        raise InputError(f"{path}: a search needs a table [search] with its domain and calls")
    if file.system or any(model.system for model in file.models):
        raise InputError(f"{path}: a search has no system message")
    if options.model:
        raise InputError(f"{path} says what is asked of whom: put --model there")
    _fill_search(options, file.search)
    options.model = list(plan.by_name("name"))
    options.base_url, options.api_key_env = file.base_url, file.api_key_env
    options.base_urls, options.api_key_envs = plan.by_name("base_url"), plan.by_name("api_key_env")
    options.price = [*plan.prices.values(), *options.price]
    _fill_sampling(options, file)
    if options.out is None and file.out is not None:
        options.out = path.parent / file.out


def _fill_search(options: Namespace, table: SearchTable) -> None:
    own = {"calls": options.calls, "limit": options.limit}
    for name in table.__struct_fields__:
        setattr(options, name, own.get(name) or getattr(table, name))


def _fill_sampling(options: Namespace, file: RunFile) -> None:
    table = file.sampling
    for name in table.__struct_fields__:
        setattr(options, "model_seed" if name == "seed" else name, getattr(table, name))
    for name in ("cost", "tokens", "time"):
        for start, budget in (("", file.budget), ("episode_", file.episode_budget)):
            option = f"budget_{start}{name}"
            if getattr(options, option) is None:
                setattr(options, option, getattr(budget, name))
