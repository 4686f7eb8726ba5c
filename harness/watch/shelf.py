"""The run folders there are and how each stands, read cheaply: by manifest and by verdicts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from statistics import fmean
from typing import Literal

import msgspec

from harness.board.board import grouped, kind_of
from harness.board.load import ScoredRecord
from harness.evolve.domains import domain
from harness.families.registry import family
from harness.run.models import is_asked
from harness.store.folder import Folder, is_claimed
from harness.store.journal import NAME, EpisodeScore, count_search, last_sign, read_scores
from harness.store.manifest import Manifest
from harness.watch.run import episode_count, episode_families
from tasks.base import Failure, Grade, InputError, Noun, Problem, Record, Scalar, Verdict

State = Literal["complete", "open", "unusable"]
Sort = Literal["run", "search"]
_KINDS = ("model", "floor", "ceiling")  # whose score speaks for a run


class RowScore(Noun, frozen=True):
    """The score of a model on a family, in a cell of its settings, as on the run's board.

    Attributes:
        score: None where a level has nothing but errors.
        n: number of episodes, errors included.
    """

    family: str
    cell: dict[str, Scalar]
    model: str
    kind: str
    score: float | None
    n: int


class RunState(Noun, frozen=True):
    """A run folder as a list of runs has it.

    Attributes:
        sort: a run of a suite, or a search for programs; None of a folder that is neither.
        state: `complete` if every episode has a grade (a search: its champion).
        running: whether a process has claimed the folder.
        done: number of episodes that have a grade; of a search its tries.
        of: how many there will be.
        errors: number of episodes that ended in an error, and are open again.
        scores: of the rows of its board.
        created: when it was begun.
        latest: when it was begun or last gave a sign of life; the newest is the last in a list.
        size: bytes of its files.
        problem: what is wrong with the folder.
    """

    folder: str
    state: State
    sort: Sort | None = None
    suite: str = ""
    models: tuple[str, ...] = ()
    running: bool = False
    done: int = 0
    of: int = 0
    errors: int = 0
    scores: tuple[RowScore, ...] = ()
    created: str = ""
    latest: str = ""
    size: int = 0
    problem: str = ""

    @property
    def best(self) -> dict[str, list[RowScore]]:
        """Return by family its best row in each cell: a model's before a floor's or a ceiling's."""
        best: dict[str, dict[str, RowScore]] = {}
        for row in self.scores:
            cells, cell = best.setdefault(row.family, {}), str(row.cell)
            if cell not in cells or _standing(row) > _standing(cells[cell]):
                cells[cell] = row
        return {name: list(cells.values()) for name, cells in best.items()}


def _standing(row: RowScore) -> tuple[int, float]:
    return -_KINDS.index(row.kind), -1.0 if row.score is None else row.score


def states(root: Path) -> list[RunState]:
    """Return the folders below one, the newest last; what is broken or no run is among them.

    Raises:
        InputError: the folder cannot be read.
    """
    return [_state(path) for path in in_order(root)]


def newest(root: Path, sort: Sort | None = None) -> Path:
    """Return the newest run folder below one: begun, or heard of, last.

    Args:
        root: such as `results/runs`.
        sort: of this sort only; None for either.

    Raises:
        InputError: there is none.
    """
    for path in reversed(in_order(root)):
        manifest = _manifest(path)
        if manifest and sort in (None, _sort(manifest)):
            return path
    name = {"run": "run of a suite", "search": "search for programs", None: "run"}[sort]
    raise InputError(f"there is no {name} in {root}: name its folder, or see makespan runs")


def in_order(root: Path) -> list[Path]:
    """Return the folders below one, the newest last, those that are no runs first.

    Newest is what was begun or gave a sign of life last, by manifest and journal. Files' dates
    only tell apart what was begun within the same second.
    """
    try:
        folders = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"cannot read {root}: {error.strerror}") from None
    return sorted(folders, key=lambda path: (_latest(path), _written(path), path.name))


def _written(path: Path) -> int:
    try:
        return (path / NAME).stat().st_mtime_ns
    except OSError:
        return 0


def _latest(path: Path) -> str:
    """Return when a folder was begun or last gave a sign of life; nothing if that is unknown."""
    manifest = _manifest(path)
    return _latest_of(path, manifest) if manifest else ""


def _latest_of(path: Path, manifest: Manifest) -> str:
    created = manifest.environment.created
    try:
        at = last_sign(path)
    except Failure:
        return created
    sign = "" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return max(created, sign)


def _manifest(path: Path) -> Manifest | None:
    try:
        return msgspec.json.decode((path / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def _sort(manifest: Manifest) -> Sort:
    return "search" if manifest.configuration.evolve else "run"


# One folder ---------------------------------------------------------------------------------


def _state(path: Path) -> RunState:
    """Return how a folder stands; what is wrong with it is told, never raised."""
    try:
        folder = Folder.open(path)
        search = folder.manifest.configuration.evolve is not None
        return _of_search(folder) if search else _of_run(folder)
    except (InputError, Failure) as error:
        return RunState(str(path), "unusable", size=_size(path), problem=str(error))
    except msgspec.MsgspecError as error:
        reason = f"{path}: a record is of another version of makespan ({error})"
        return RunState(str(path), "unusable", size=_size(path), problem=reason)
    except OSError as error:
        return RunState(str(path), "unusable", problem=f"cannot read {path}: {error.strerror}")


def _described(folder: Folder, **more: object) -> RunState:
    manifest = folder.manifest
    facts = RunState(
        str(folder.path),
        "open",
        sort=_sort(manifest),
        suite=manifest.configuration.suite.name,
        models=tuple(spec.name for spec in manifest.configuration.models),
        running=is_claimed(folder.path),
        created=manifest.environment.created,
        latest=_latest_of(folder.path, manifest),
        size=_size(folder.path),
    )
    return msgspec.structs.replace(facts, **more)


def _of_run(folder: Folder) -> RunState:
    headline = folder.manifest.configuration.suite.headline or ""
    read = read_scores(folder.path, grades=bool(headline))
    records = [_record(read.shared[e.shared], e) for e in read.episodes]
    errors = sum(record.grade is None for record in records)
    done, of = len(records) - errors, _expected(folder)
    return _described(
        folder,
        state="complete" if done >= of else "open",
        done=done,
        of=of,
        errors=errors,
        scores=tuple(_rows(records, headline)),
    )


def _of_search(folder: Folder) -> RunState:
    plan = folder.manifest.configuration.evolve
    assert plan is not None
    tries, reported = count_search(folder.path)
    chosen = domain(plan.domain)
    programs = 1 + len(plan.nulls) + 1 + len(chosen.rules) + 1  # champions, seed, rules, random
    is_over = reported >= programs * len(chosen.reported)
    return _described(folder, state="complete" if is_over else "open", done=tries, of=plan.calls)


def _expected(folder: Folder) -> int:
    """Return how many episodes the folder will have."""
    manifest, families = folder.manifest, episode_families(folder)
    models = [spec.name for spec in manifest.configuration.models]
    if manifest.shard:
        return sum(episode_count(folder, model, families) for model in models)
    counts = Counter(families)
    instances = (
        count
        for model in models
        for name, count in counts.items()
        if is_asked(model, name, folder.programs)
    )
    return sum(instances) * manifest.configuration.epochs


def _size(path: Path) -> int:
    return sum(map(_bytes, path.rglob("*")))


def _bytes(file: Path) -> int:
    """Return the size of a file; 0 of what is none, or is gone: a run under way tidies up."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return 0
    return status.st_size if S_ISREG(status.st_mode) else 0


# Scores -------------------------------------------------------------------------------------

_ERROR = Problem("", "")


def _record(shared: dict[str, object], episode: EpisodeScore) -> Record:
    """Return a record that has what a score needs, and no cost."""
    grade = None
    if episode.grade is not None:
        grade = msgspec.json.decode(episode.grade, type=Grade)
    elif episode.score is not None:
        grade = Grade(Verdict(episode.verdict), episode.score)
    return msgspec.convert(
        shared
        | {"instance": msgspec.json.decode(episode.key)[2], "grade": None, "problem": _ERROR}
        | dict.fromkeys(("calls", "attempts"), 1)
        | dict.fromkeys(("input_tokens", "output_tokens", "cost"))
        | {"seconds": 0.0}
        | ({"grade": grade, "problem": None} if grade else {}),
        Record,
    )


def _rows(records: Sequence[Record], headline: str) -> Iterator[RowScore]:
    for key, group in grouped([ScoredRecord(r, {}) for r in records]).items():
        yield RowScore(
            key.family,
            key.cell.fields,
            key.model,
            kind=kind_of(key.family, key.model),
            score=mean_score(key.family, group, headline),
            n=len(group),
        )


def mean_score(name: str, records: Sequence[Record], headline: str = "") -> float | None:
    """Return the score of a board row without its interval.

    Args:
        name: of the family.
        records: of the row, errors among them.
        headline: the measure that is the score, where the suite names one.

    Returns:
        The mean over the family's strata of the mean over their instances; None if a stratum has
        nothing but errors.
    """
    headlines = family(name).headlines
    if headline and headline not in headlines:
        raise InputError(f"{headline!r} is no headline of {name} in this makespan")
    measure = headlines[headline] if headline else lambda grade: grade.score
    means: list[float] = []
    for stratum in family(name).strata(records):
        instances: dict[str, list[float]] = {}
        for record in stratum:
            value = measure(record.grade) if record.grade else None
            if value is not None:
                instances.setdefault(record.instance, []).append(value)
        if not instances:
            return None
        means.append(fmean(map(fmean, instances.values())))
    return fmean(means) if means else None
