"""The command that repeats a run."""

import shlex
from collections.abc import Iterator

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from harness.families.registry import FAMILIES, family
from harness.models.base import Sampling
from harness.store.manifest import Configuration, Manifest
from harness.suites import suite as suites
from harness.suites.suite import Suite
from tasks.base import Scalar


def command(manifest: Manifest) -> str | None:
    """Return `makespan run ...`, or None if the command line cannot say all that was asked.

    That is the case for a user's file of instances, for a suite whose file has changed since, and
    for models of several servers; the manifest holds all of it.
    """
    target = _target(manifest.configuration.suite)
    specs = [s for s in manifest.configuration.models if not s.name.startswith("policy/")]
    if target is None or len({spec.base_url for spec in specs}) > 1:
        return None
    limit = [] if manifest.limit is None else ["--limit", str(manifest.limit)]
    return shlex.join(["makespan", "run", *target, *limit, *_options(manifest.configuration)])


def _target(suite: Suite) -> list[str] | None:
    """Return the words that name a suite; None if no words give it as it is."""
    words = _named(suite) if suite.name in suites.names() else None
    single = suite.name in FAMILIES and len(suite.entry) == 1 and suite.entry[0].count is None
    return words or (_of_family(suite) if single else None)


def _named(suite: Suite) -> list[str] | None:
    """Return the words for a shipped suite; None if today's differs in more than the seed."""
    today = suites.load(suite.name)
    if suite.files and replace(today, content=suite.content) == suite:
        return [suite.name, "--data", "FOLDER"]
    if suite.commitment and replace(suite, seed=today.seed, commitment=UNSET) == today:
        return [suite.name, "--commitment", "FILE"]
    if replace(today, seed=suite.seed) == suite:
        return [suite.name, *(["--seed", str(suite.seed)] if suite.seed != today.seed else [])]
    return None


def _of_family(suite: Suite) -> list[str] | None:
    """Return the words for a family with its settings; None if they give another suite."""
    [entry] = suite.entry
    usual = family(entry.family).resolve(entry.level, {})
    unusual = {k: _word(v) for k, v in entry.settings.items() if v != usual.get(k)}
    if suites.find(suite.name, level=entry.level, seed=suite.seed, settings=unusual) != suite:
        return None
    pairs = [word for k, v in unusual.items() for word in ("-T", f"{k}={v}")]
    return [suite.name, "--level", str(entry.level), "--seed", str(suite.seed), *pairs]


def _options(configuration: Configuration) -> Iterator[str]:
    for spec in configuration.models:
        yield from ("--model", spec.name)
    addresses = {spec.base_url for spec in configuration.models if spec.base_url}
    for address in sorted(addresses):
        yield from ("--base-url", address)
    yield from ("--agent", configuration.agent) if configuration.agent != "direct" else ()
    yield from ("--memory", configuration.memory)
    yield from ("--system-message", configuration.system) if configuration.system else ()
    yield from ("--epochs", str(configuration.epochs)) if configuration.epochs > 1 else ()
    yield from _sampling(configuration.sampling)


def _sampling(sampling: Sampling) -> Iterator[str]:
    for option, value in (
        ("--temperature", sampling.temperature),
        ("--max-output-tokens", sampling.max_tokens),
        ("--max-output-tokens-as", sampling.max_tokens_as),
        ("--model-seed", sampling.seed),
        ("--reasoning-effort", sampling.reasoning_effort),
        ("--top-p", sampling.top_p),
    ):
        yield from () if value is None else (option, str(value))
    yield from ("--structured",) if sampling.structured else ()
    if sampling.extra:
        yield from ("--extra-body", msgspec.json.encode(sampling.extra).decode())


def _word(value: Scalar) -> str:
    return msgspec.json.encode(value).decode() if not isinstance(value, str) else value
