"""Verifies a run folder without a model: its seed, instances, lock, replies, records and grades."""

import asyncio
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from harness.calls.drive import drive
from harness.models.base import Model
from harness.models.names import START, program_of
from harness.replay.regrade import Regrading, ReplayedEpisode, grouped_episodes
from harness.run.models import build_policy, is_asked
from harness.run.prepare import choose_agent
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder, by_content
from harness.store.journal import Journal
from harness.store.journal_form import effect_count, form_problems, table_problems
from harness.store.manifest import differences, environment
from harness.store.versions import part_versions, templates_used
from harness.suites import instances
from harness.suites.commitment import FIRST, REVEALED, Secret, problems_of, read_secret
from harness.suites.suite import asides_in, asides_of, family_versions
from tasks.base import Ask, Failure, InputError, Noun, Outside, Record
from tasks.prompts import installed

MOST = 20  # problems of one kind that are told


class Verification(Noun, frozen=True):
    """What a verification found.

    Attributes:
        suite: its name.
        lock: of the run.
        seed: of its instances; None of those from files.
        commitment: the digest behind the seed; None of a public one.
        revealed: whether the secret behind it is there.
        instances: how many were made anew, or compared with the digest of their files.
        episodes: how many were replayed and graded anew.
        errors: how many ended in an error and have nothing to replay.
        missing: how many its suite has for its models that have no grade, errors included.
        problems: what is wrong, a line each; none if all is as it says.
        notes: what a reader should know beside them.
    """

    suite: str
    lock: str
    seed: int | None
    commitment: str | None
    revealed: bool
    instances: int
    episodes: int
    errors: int
    missing: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def verify(path: Path, secret: Secret | None = None) -> Verification:
    """Return what a verification of a run folder finds. Nothing is written, nobody is asked.

    Args:
        path: of the folder.
        secret: of its commitment; None takes that which is in the folder, if any.

    Raises:
        InputError: it is no run folder, or that of a search.
    """
    folder = Folder.open(path)
    folder.require_suite()
    if secret is None and (path / REVEALED).is_file():
        secret = read_secret(path / REVEALED)
    if lines := table_problems(path):
        return _verification(folder, secret, lines)
    journal = Journal(path, read_only=True)
    try:
        run = RecordedRun(folder, journal, folder.instances())
        problems = [
            *islice(form_problems(path), MOST),
            *_seed_problems(folder, secret),
            *_lock_problems(folder),
            *islice(_instance_problems(folder), MOST),
            *islice(_stranger_problems(run), MOST),
            *islice(_record_problems(run), MOST),
        ]
        return _verification(folder, secret, problems, run)
    finally:
        journal.close()


def _verification(
    folder: Folder, secret: Secret | None, problems: list[str], run: RecordedRun | None = None
) -> Verification:
    """Return a verification's problems, with counts; without a run nothing of it was read."""
    configuration = folder.manifest.configuration
    suite = configuration.suite
    episodes = len(run.graded()) if run else 0
    return Verification(
        suite.name,
        configuration.lock,
        seed=suite.seed if suite.entry else None,
        commitment=suite.commitment.digest if suite.commitment else None,
        revealed=secret is not None and bool(suite.commitment),
        instances=len(folder.lines()) if run else 0,
        episodes=episodes,
        errors=sum(not r.grade for _, r in run.latest.values()) if run else 0,
        missing=_episode_count(folder) - episodes,
        problems=tuple(problems),
        notes=tuple(_notes(folder, secret)) if run else (),
    )


def _episode_count(folder: Folder) -> int:
    """Return how many episodes the suite has for the models; of one without end, those made."""
    configuration = folder.manifest.configuration
    names = [spec.name for spec in configuration.models]
    if configuration.suite.size is None or not configuration.suite.entry:
        counts = [(name, 1) for name in folder.families()]
    else:
        counts = [(entry.family, entry.count or 0) for entry in configuration.suite.entry]
    return configuration.epochs * sum(
        count for model in names for name, count in counts if is_asked(model, name, folder.programs)
    )


def _seed_problems(folder: Folder, secret: Secret | None) -> list[str]:
    suite = folder.manifest.configuration.suite
    if secret is not None:
        return problems_of(suite, folder.prompts, secret)
    if suite.entry and bool(suite.commitment) != (suite.seed >= FIRST):
        return [
            f"seed {suite.seed}: seeds from {FIRST} on are those of commitments, and no others are"
        ]
    return []


def _lock_problems(folder: Folder) -> Iterator[str]:
    """Compare versions, lock and means with those of today's parts and the run's own prompts."""
    configuration = by_content(folder)
    suite, families = configuration.suite, tuple(dict.fromkeys(folder.families()))
    families = suite.families or families
    asides = asides_of(suite.entry) or asides_in(folder.manifest.templates)
    versions = family_versions(families, folder.prompts, asides)
    templates = templates_used(configuration.agent, configuration.memory, families, asides)
    parts = part_versions(templates, families, folder.prompts)
    for name, recorded, version in differences(configuration.versions, versions | parts, ""):
        yield f"{name} is {recorded} in the manifest, here it is {version}"
    if configuration.lock != (lock := suite.lock(versions)):
        yield f"the lock is {configuration.lock}, that of its content is {lock}"
    means = choose_agent(configuration.agent, families).means
    if (configuration.means or UNSET) != means:
        yield (
            f"its models might use {_listed(configuration.means)} by the manifest; its agent lets"
            f" them use {_listed(means)}"
        )


def _listed(means: Any) -> str:
    return ", ".join(means or ()) or "nothing but the prompt"


def _instance_problems(folder: Folder) -> Iterator[str]:
    """Yield a line for each instance that is not what its suite makes."""
    suite, lines = folder.manifest.configuration.suite, folder.lines()
    if not suite.entry:
        if suite.content and not suite.solved and suite.content != instances.digest(lines):
            yield f"the instances have not the digest {suite.content} of those that were given"
        return
    if suite.size is not None and len(lines) > suite.size:
        yield f"there are {len(lines)} instances, the suite has {suite.size}"
    for number, (line, spec) in enumerate(zip(lines, suite.instances(), strict=False), 1):
        if line != (remade := instances.make(spec)):
            yield f"instance {number}, {_name(line)}: {_first_difference(line, remade)}"


def _name(line: bytes) -> str:
    try:
        return instances.id_of(line)
    except InputError:
        return "which cannot be read"


def _first_difference(line: bytes, remade: bytes) -> str:
    """Return where an instance line differs from the one that its suite makes."""
    try:
        recorded = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return "it is no JSON"
    except RecursionError:
        return "it is nested too deeply"
    places = differences(recorded, msgspec.json.decode(remade), "")
    for where, value, result in places:
        return f"{where} is {_short(value)}, the suite makes {_short(result)}"
    return "its bytes are not those that the suite makes"


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."


def _stranger_problems(run: RecordedRun) -> Iterator[str]:
    """Yield a line for each record of an episode that the run does not have."""
    names = [spec.name for spec in run.configuration.models]
    keys = {job.key for name in names for job in run.jobs(name)}
    for key in run.latest:
        if key not in keys:
            yield f"{key}: a record of an episode that is none of the run's"


def _record_problems(run: RecordedRun) -> Iterator[str]:
    """Yield a line for each episode whose record is not what its replies come to."""
    work, policies = Regrading(run.rollout), _policies(run)
    try:
        for group in grouped_episodes(run.graded(), run.journal):
            for episode in group:
                record, policy = run.latest[episode.job.key][1], policies.get(episode.job.model)
                yield from _episode_problems(work, episode, record, policy)
    finally:
        for policy in policies.values():
            asyncio.run(policy.close())


def _policies(run: RecordedRun) -> Mapping[str, Model]:
    """Return the built-in policies of a run by name: what they reply can be computed anew."""
    families = tuple(dict.fromkeys(run.folder.families()))
    names = [spec.name for spec in run.configuration.models]
    return {
        name: build_policy(name, families)
        for name in names
        if name.startswith(START) and not program_of(name)
    }


def _episode_problems(
    work: Regrading, episode: ReplayedEpisode, record: Record, policy: Model | None
) -> list[str]:
    key = episode.job.key
    try:
        lines = list(_replay_problems(work, episode, record))
        return lines or (asyncio.run(_policy_problems(work, episode, policy)) if policy else [])
    except (Failure, InputError) as failure:
        return [str(failure) if key in str(failure) else f"{key}: {failure}"]


def _replay_problems(work: Regrading, episode: ReplayedEpisode, record: Record) -> Iterator[str]:
    """Yield a line if a record is not what its replies come to: the first difference."""
    [(_, replayed, _)] = work([episode])
    recorded, computed = msgspec.to_builtins(record), msgspec.to_builtins(replayed)
    for where, value, result in differences(recorded, computed, ""):
        is_older = where == "sandbox_seconds" and not value  # before they were kept
        if not is_older and not _close(value, result):
            yield (
                f"{episode.job.key}: {where} is {_short(value)} in the record, its replies come to"
                f" {_short(result)}"
            )
            return


async def _policy_problems(work: Regrading, episode: ReplayedEpisode, policy: Model) -> list[str]:
    """Return a line if a built-in policy's replies are not what it replies here."""
    calls, lines = work.recorded(episode), list[str]()

    async def perform(effect: Outside) -> Any:
        reply = await calls.perform(effect)
        if isinstance(effect, Ask):
            result = await policy.reply(effect)
            if (reply.text, reply.calls) != (result.text, result.calls):
                lines.append(f"{episode.job.key}: {effect.path} is not what that policy replies")
        return reply

    await drive(work.rollout.program(episode.job, work.rollout.memory(episode.job)), perform)
    return lines[:1]


def _close(one: object, other: object) -> bool:
    """Return whether two numbers differ by no more than machines do when they add up."""
    numbers = (int, float)
    is_real = isinstance(one, numbers) and isinstance(other, numbers)
    return is_real and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)  # type: ignore[arg-type]


def _notes(folder: Folder, secret: Secret | None) -> Iterator[str]:
    manifest = folder.manifest
    suite, began = manifest.configuration.suite, manifest.environment
    if suite.commitment and secret is None:
        yield "its secret is not revealed: that the seed is the commitment's is not checked"
    if secret is not None and secret.revealed and began.created[:10] > secret.revealed:
        yield (
            f"begun on {began.created[:10]}, its secret was revealed on {secret.revealed}: anybody"
            " could know the instances by then"
        )
    if suite.solved:
        yield "its references were found by who ran it, and are not made anew"
    if count := effect_count(folder.path):
        yield f"{count} outcomes of programs and checks are taken as they are recorded"
    if own := _own_prompts(folder):
        yield f"its prompts are not those of this version: {', '.join(own)}"
    now = environment().packages
    for name in ("makespan", "ortools"):
        if name in began.packages and began.packages[name] != now.get(name):
            yield f"begun with {name} {began.packages[name]}, here it is {now.get(name, 'missing')}"


def _own_prompts(folder: Folder) -> list[str]:
    """Return the names of the templates that a run uses and that are not this version's."""
    configuration = folder.manifest.configuration
    asides = asides_in(folder.manifest.templates)
    families = set(folder.families())
    parts = templates_used(configuration.agent, configuration.memory, families, asides)
    shipped, sources = installed().sources, folder.prompts.sources
    names = sorted({name for part in parts.values() for name in part} & sources.keys())
    return [name for name in names if shipped.get(name, sources[name]) != sources[name]]
