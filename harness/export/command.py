"""The command that makes a run again."""

import shlex
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from harness.families.registry import FAMILIES, family
from harness.store.manifest import Configuration, Manifest
from harness.suites import suite as suites
from harness.suites.suite import Suite
from tasks.base import Scalar


def command(manifest: Manifest) -> str | None:
    """`makespan run ...`; None where the command line does not tell what was asked.

    That is the case for a file of instances of one's own, and for a suite that is no longer what
    it was; the manifest holds all of it.
    """
    wanted = _target(manifest.configuration.suite)
    if wanted is None:
        return None
    limit = [] if manifest.limit is None else ["--limit", str(manifest.limit)]
    return shlex.join(["makespan", "run", *wanted, *limit, *_how(manifest.configuration)])


def _target(suite: Suite) -> list[str] | None:
    if suite.name in suites.names():
        now = suites.load(suite.name)
        if suite.files and replace(now, content=suite.content) == suite:
            return [suite.name, "--data", "FOLDER"]
        if replace(now, seed=suite.seed) == suite:
            return [suite.name, *(["--seed", str(suite.seed)] if suite.seed != now.seed else [])]
    if suite.name in FAMILIES and len(suite.entry) == 1 and suite.entry[0].count is None:
        [entry] = suite.entry
        usual = family(entry.family).resolve(entry.level, {})
        given = {k: _word(v) for k, v in entry.settings.items() if v != usual.get(k)}
        if suites.find(suite.name, level=entry.level, seed=suite.seed, settings=given) == suite:
            pairs = [word for k, v in given.items() for word in ("-T", f"{k}={v}")]
            return [suite.name, "--level", str(entry.level), "--seed", str(suite.seed), *pairs]
    return None


def _word(value: Scalar) -> str:
    return msgspec.json.encode(value).decode() if not isinstance(value, str) else value


def _how(configuration: Configuration) -> Iterator[str]:
    for spec in configuration.models:
        yield from ("--model", spec.name)
    addresses = {spec.base_url for spec in configuration.models if spec.base_url}
    for address in sorted(addresses):
        yield from ("--base-url", address)
    yield from ("--agent", configuration.agent) if configuration.agent != "direct" else ()
    yield from ("--memory", configuration.memory)
    yield from ("--epochs", str(configuration.epochs)) if configuration.epochs > 1 else ()
    sampling = configuration.sampling
    for option, value in (
        ("--temperature", sampling.temperature),
        ("--max-output-tokens", sampling.max_tokens),
        ("--model-seed", sampling.seed),
        ("--reasoning-effort", sampling.reasoning_effort),
    ):
        yield from () if value is None else (option, str(value))
    yield from ("--structured",) if sampling.structured else ()
    if sampling.extra:
        yield from ("--extra-body", msgspec.json.encode(sampling.extra).decode())
