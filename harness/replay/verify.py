"""Verifies a run folder without a model: its seed, instances, lock, replies, records and grades."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from harness.replay.regrade import Regrading, ReplayedEpisode, grouped_episodes
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder, by_content
from harness.store.journal import Journal
from harness.store.manifest import differences, environment
from harness.suites import instances
from harness.suites.commitment import FIRST, REVEALED, Secret, problems_of, read_secret
from harness.suites.suite import family_versions
from tasks.base import Failure, InputError, Noun, Record

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
    journal = Journal(path)
    try:
        run = RecordedRun(folder, journal, folder.instances())
        problems = [
            *_seed_problems(folder, secret),
            *_lock_problems(folder),
            *islice(_instance_problems(folder), MOST),
            *islice(_stranger_problems(run), MOST),
            *islice(_record_problems(run), MOST),
        ]
        graded, records = len(run.graded()), len(run.latest)
    finally:
        journal.close()
    configuration = folder.manifest.configuration
    suite = configuration.suite
    return Verification(
        suite.name,
        configuration.lock,
        seed=suite.seed if suite.entry else None,
        commitment=suite.commitment.digest if suite.commitment else None,
        revealed=secret is not None and bool(suite.commitment),
        instances=len(folder.lines()),
        episodes=graded,
        errors=records - graded,
        problems=tuple(problems),
        notes=tuple(_notes(folder, secret)),
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


def _lock_problems(folder: Folder) -> list[str]:
    """Compare versions and lock with those of today's families and the run's own prompts."""
    configuration = by_content(folder)
    suite, families = configuration.suite, tuple(dict.fromkeys(folder.families()))
    families = suite.families or families
    versions = family_versions(families, folder.prompts)
    lines = [
        f"{name} is {configuration.versions.get(name)} in the manifest, here it is {version}"
        for name, version in versions.items()
        if configuration.versions.get(name) != version
    ]
    if configuration.lock != (lock := suite.lock(versions)):
        lines.append(f"the lock is {configuration.lock}, that of its content is {lock}")
    return lines


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
    work = Regrading(run.rollout)
    for group in grouped_episodes(run.graded(), run.journal):
        for episode in group:
            yield from _episode_problems(work, episode, run.latest[episode.job.key][1])


def _episode_problems(work: Regrading, episode: ReplayedEpisode, record: Record) -> list[str]:
    key = episode.job.key
    try:
        [(_, replayed, _)] = work([episode])
    except (Failure, InputError) as failure:
        return [str(failure) if key in str(failure) else f"{key}: {failure}"]
    recorded, computed = msgspec.to_builtins(record), msgspec.to_builtins(replayed)
    for where, value, result in differences(recorded, computed, ""):
        if not _close(value, result):
            return [
                f"{key}: {where} is {_short(value)} in the record, its replies come to"
                f" {_short(result)}"
            ]
    return []


def _close(one: object, other: object) -> bool:
    """Return whether two numbers differ by no more than machines do when they add up."""
    numbers = (int, float)
    is_real = isinstance(one, numbers) and isinstance(other, numbers)
    return is_real and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)  # type: ignore[arg-type]


def _notes(folder: Folder, secret: Secret | None) -> Iterator[str]:
    suite, began = folder.manifest.configuration.suite, folder.manifest.environment.packages
    if suite.commitment and secret is None:
        yield "its secret is not revealed: that the seed is the commitment's is not checked"
    now = environment().packages
    for name in ("makespan", "ortools"):
        if name in began and began[name] != now.get(name):
            yield f"begun with {name} {began[name]}, here it is {now.get(name, 'missing')}"
