"""How a run grows: by models, epochs and instances. What it has stays as it is.

The rest of its configuration is its identity: suite, versions, lock, agent, memory, sampling, and
what the agent lets models use.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from harness.store.manifest import Configuration, Extent, Manifest, ModelSpec


def grown(manifest: Manifest, more: Manifest) -> Manifest:
    """Return a run's manifest, grown by all that another asks of the same run.

    Args:
        manifest: of the run; where it began stays in it.
        more: its models stand after those that are there; the larger epochs and limit count, the
            newer prices.
    """
    before, models = manifest.configuration, _models(manifest, more)
    epochs = max(before.epochs, more.configuration.epochs)
    is_larger = (models, epochs) != (before.models, before.epochs)
    began = manifest.began or (Extent(before.models, before.epochs) if is_larger else UNSET)
    return replace(
        manifest,
        configuration=replace(before, models=models, epochs=epochs),
        limit=None if None in (manifest.limit, more.limit) else _larger(manifest, more),
        prices=manifest.prices | more.prices,
        priced=more.priced or manifest.priced,
        began=began,
        **_key_variables(manifest, more),
    )


def _larger(manifest: Manifest, more: Manifest) -> int:
    return max(manifest.limit or 0, more.limit or 0)


def _models(manifest: Manifest, more: Manifest) -> tuple[ModelSpec, ...]:
    by_name: dict[str, ModelSpec] = {}
    for spec in (*manifest.configuration.models, *more.configuration.models):
        by_name.setdefault(spec.name, spec)
    return tuple(by_name.values())


def _key_variables(manifest: Manifest, more: Manifest) -> dict[str, Any]:
    """Return the fields that say which key each model's server gets: never another one's.

    The variable of the models asked for last is that of the run, as it was where all are asked.
    """
    variables = {
        spec.name: (more if spec in more.configuration.models else manifest).key_variable(spec.name)
        for spec in _models(manifest, more)
        if not spec.name.startswith("policy/")
    }
    is_asking = any(not spec.name.startswith("policy/") for spec in more.configuration.models)
    usual = (more if is_asking else manifest).api_key_env
    others = {name: variable for name, variable in variables.items() if variable != usual}
    return {"api_key_env": usual, "keys": others or UNSET}


def growth(before: Configuration, after: Configuration) -> Iterator[str]:
    """Yield in words by what a configuration has grown."""
    have = {spec.name for spec in before.models}
    if models := [spec.name for spec in after.models if spec.name not in have]:
        yield ", ".join(models)
    if after.epochs > before.epochs:
        yield f"{after.epochs - before.epochs} more of its `epochs`"
