"""Runs: models that answer a suite, a family or a file, in a folder that can be read again."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack

from harness.board.board import Board, read_board
from harness.board.compare import ModelComparison
from harness.board.compare import compare as compare_folders
from harness.board.selection import Selection
from harness.calls.options import RunOptions
from harness.log import Log
from harness.replay.transcript import Episode as RecordedEpisode
from harness.replay.transcript import episodes
from harness.run.begin import ready
from harness.run.file_format import is_run_file, read_run_file
from harness.run.loop import SuiteRun
from harness.run.plan import RunPlan
from harness.run.request import Asked, RunRequest, Target
from harness.run.several import begin_each, options_of, prices_for
from harness.store.folder import Folder
from harness.store.manifest import Manifest
from tasks.base import InputError

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


class Run:
    """A run folder, read only.

    Attributes:
        path: of the folder.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a run folder; InputError if it is none, or a search for programs."""
        self.path = Path(path)
        Folder.open(self.path).require_suite()

    def __repr__(self) -> str:
        """Return the call that opens it."""
        return f"makespan.load({str(self.path)!r})"

    @property
    def manifest(self) -> Manifest:
        """Return what was asked, of whom, and where it ran, as of now."""
        return Folder.open(self.path).manifest

    @property
    def complete(self) -> bool:
        """Return whether every episode has a grade: none is left, and none ended in an error."""
        return self.rows().complete

    def rows(self) -> Board:
        """Return the board: a row a model and family, each metric with its interval.

        Raises:
            InputError: no episode is finished yet.
        """
        return read_board([self.path])

    def board(self) -> "pandas.DataFrame":
        """Return the board as a frame, the columns of `makespan board --csv`; raises as `rows`."""
        from makespan.frames import board_frame

        return board_frame(self.rows())

    def samples(self) -> "pandas.DataFrame":
        """Return a frame with a row an episode: the columns of docs/publishing.md."""
        from makespan.frames import samples_frame

        return samples_frame(self.path)

    def episodes(self) -> Iterator[RecordedEpisode]:
        """Yield every finished episode, replayed: its calls with messages and replies."""
        return episodes(self.path)


def load(path: str | Path) -> Run:
    """Open a run folder; InputError if it is none."""
    return Run(path)


def run(
    what: Target,
    models: Sequence[str] = (),
    *,
    options: RunOptions | None = None,
    price: Sequence[str] = (),
    **asked: Unpack[Asked],
) -> Run:
    """Let models answer a suite, a family or a file; a run that is there is gone on with.

    A folder `out` of the same run grows by models, epochs and instances that it has not. It may be
    called where an event loop is running, such as in a notebook. Progress goes to standard error.
    At Ctrl-C it begins nothing new, and what was answered is kept.

    Args:
        what: a suite or a family by name, a file of instances, or instances.
        models: `provider/name`; none means all policies of the families.
        options: how it asks: pace, patience, budgets, cache.
        price: of models, each `MODEL=INPUT,OUTPUT[,CACHED]` in US dollars a million tokens.
        asked: all else that shapes the results: `agent`, `memory`, `level`, `seed`, `settings`,
            `data`, `limit`, `epochs`, `sampling`, `base_url`, `api_key_env`, `system`, `templates`,
            the folder `out`, and of given instances `references`, `solve` and `time_limit`;
            `RunRequest` explains each.

    Returns:
        The run. Where episodes are left, or ended in errors, it is not `complete`.

    Raises:
        InputError: something that is asked for is not there; nothing was written.
        Failure: a model or the run cannot go on; what was answered is kept.
    """
    if isinstance(what, str | Path) and str(what).endswith(".toml") and is_run_file(Path(what)):
        raise InputError(f"{what} is a run file, of one run or several: use `makespan.run_file`")
    request = RunRequest(what=what, models=models, **asked)
    work = _Work([request], options or RunOptions(), lambda _: price)
    [folder] = _beside_any_loop(work.run, work.stop)
    return Run(folder)


def run_file(
    path: str | Path, *, options: RunOptions | None = None, price: Sequence[str] = ()
) -> list[Run]:
    """Do what a run file asks for: a run for each suite and each way to ask models.

    All are ready before the first one begins; one that cannot go on ends the others.

    Args:
        path: of the file, see docs/runs.md.
        options: how it asks; its budgets stand before those of the file.
        price: of models, before those of the file.

    Returns:
        The runs, in the order of the file.

    Raises:
        InputError: the file is none, or something that it asks for is not there.
        Failure: a model or a run cannot go on; what was answered is kept.
    """
    plan = RunPlan(read_run_file(Path(path)), Path(path))
    how = options_of(plan, options or RunOptions())
    work = _Work(plan.requests, how, lambda request: prices_for(request, plan, price))
    return [Run(folder) for folder in _beside_any_loop(work.run, work.stop)]


class _Work:
    """Runs that are asked for, from their beginning to their end, in one thread."""

    def __init__(
        self,
        requests: Sequence[RunRequest],
        options: RunOptions,
        prices: Callable[[RunRequest], Sequence[str]],
    ) -> None:
        self._requests, self._options, self._prices = requests, options, prices
        self._suite_run: SuiteRun | None = None
        self._stopped = False

    def run(self) -> list[Path]:
        """Run what is open; return the folders."""
        log, folders = Log(), []
        for begun in begin_each(self._requests, self._options, self._prices):
            folders.append(begun.run.folder.path)
            with ready(begun.run, begun.options, log, begun.prices) as self._suite_run:
                counts = asyncio.run(self._suite_run.run(begun.run.models))
            log.event("end", **counts)
            if self._stopped:
                break
        return folders

    def stop(self) -> None:
        """Ask nothing more, from another thread."""
        self._stopped = True
        if self._suite_run is not None:
            self._suite_run.stop()


def _beside_any_loop(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return what some work returns that runs a loop of its own, also where one is running.

    Args:
        work: done in a thread of its own if a loop is running here.
        stop: ends that work soon, when this thread is interrupted.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as pool, _interrupts(stop):
        return pool.submit(work).result()


@contextmanager
def _interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Catch Ctrl-C while the block runs: it ends soon, then KeyboardInterrupt is raised.

    The loop that is running here would take it for the end of its own task. Signals reach the
    main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def note(number: int, frame: object) -> None:  # noqa: ARG001
        caught.append(number)
        stop()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def board(
    runs: Sequence[Run | str | Path], models: Sequence[str] = (), families: Sequence[str] = ()
) -> "pandas.DataFrame":
    """Return the board of several runs as a frame; what they share counts once.

    Args:
        runs: or their folders.
        models: the only ones that are shown, names or patterns such as `openai/*`; none means all.
        families: the only ones that are shown; none means all.

    Raises:
        InputError: the runs do not belong on one board, an episode of two is not the same, or
            nothing is what is selected.
    """
    from makespan.frames import board_frame

    selection = Selection(tuple(models), tuple(families))
    return board_frame(read_board(_paths(runs), selection=selection))


def compare(runs: Sequence[Run | str | Path], a: str, b: str) -> ModelComparison:
    """Compare two models instance by instance, in every family.

    Args:
        runs: or their folders.
        a: a model, as `provider/name`.
        b: another one.

    Raises:
        InputError: a model is in none of them, or the two were not asked the same.
    """
    return compare_folders(_paths(runs), a, b)


def _paths(runs: Sequence[Run | str | Path]) -> list[Path]:
    return [each.path if isinstance(each, Run) else Path(each) for each in runs]
