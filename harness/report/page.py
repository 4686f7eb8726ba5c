"""The page of run folders, whatever they hold."""

from collections.abc import Sequence
from pathlib import Path

from harness.board.selection import WHOLE, Selection
from harness.calls.prices import Prices, load
from harness.report import boards, search
from harness.report import searches as several
from harness.store.folder import Folder
from harness.suites.grading import Reading
from tasks.base import InputError


def build(
    folders: Sequence[Path],
    prices: Prices | None = None,
    reading: Reading = "canonical",
    selection: Selection = WHOLE,
) -> tuple[str, bool]:
    """Return the page of runs that belong on one board, of one search, or of several.

    Args:
        folders: of the runs, or of the searches.
        prices: for runs, instead of the project's own table.
        reading: of spelling, for runs.
        selection: the part of runs that is shown.

    Returns:
        The page, and whether all of it is complete.

    Raises:
        InputError: the folders are neither, or both, or there are prices, a reading or a selection
            for searches, which have their own prices and no text to read, and are shown whole.
    """
    searches = [f for f in folders if Folder.open(f).manifest.configuration.evolve]
    if not searches:
        return boards.build(folders, prices or load(None), reading, selection)
    if others := [folder for folder in folders if folder not in searches]:
        raise InputError(
            f"{searches[0]} is a search for programs, {others[0]} a run of a suite: a page shows"
            " runs or searches"
        )
    if prices:
        raise InputError(f"{searches[0]} is a search, with prices of its own: leave out `prices`")
    if reading == "strict":
        raise InputError(f"{searches[0]} is a search, without a text to read: leave out `reading`")
    if not selection.is_whole:
        raise InputError(f"{searches[0]} is a search, shown whole: no `models` or `families`")
    return search.build(searches[0]) if len(searches) == 1 else several.build(searches)
