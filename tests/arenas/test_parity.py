"""One task, every arena: each recorded reply has the same worth, wherever it is said."""

import sys
from pathlib import Path

import pytest

from harness.families.registry import FAMILIES
from tasks.base import Reply
from tests.arenas import recordings
from tests.arenas.played import Arena, Played
from tests.arenas.recordings import CORPUS, MEMORIES, SMALL, Recording, read
from tests.arenas.table import Comparison, compare, output, same, table, was_cut_off


def played(player: str) -> Comparison:
    """What a player of this environment's packages makes of the corpus of the repository."""
    return compare(output(sys.executable, player, CORPUS), CORPUS)


@pytest.mark.heavy
def test_the_corpus_is_what_its_script_writes(tmp_path: Path) -> None:
    assert recordings.write(tmp_path, SMALL) >= 150
    for name in ("instances.jsonl", "recordings.jsonl"):
        assert (tmp_path / name).read_bytes() == (CORPUS / name).read_bytes(), (
            f"{name}: python -m tests.arenas.recordings writes it anew"
        )


def test_the_corpus_has_something_of_everything() -> None:
    rows = read()
    assert {instance.family for instance, _ in rows} >= set(FAMILIES)
    assert {recording.memory for _, recording in rows} == set(MEMORIES)
    assert {recording.agent for _, recording in rows} == {"direct", "text-tools"}
    assert {recording.verdict for _, recording in rows} == {"valid", "infeasible", "unparsable"}
    tracks = {i.settings["track"] for i, _ in rows if i.family == "tools"}
    assert tracks == {"plan", "reactive"}
    assert len({recording.name for _, recording in rows}) == len(rows)
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < 400_000


@pytest.mark.heavy
@pytest.mark.parametrize(
    "player",
    [
        "library",
        *(
            pytest.param(x, marks=pytest.mark.heavy)
            for x in ("transcript", "trl_function", "trl_tools")
        ),
    ],
)
def test_what_needs_no_package_has_the_worth_of_every_recording(player: str) -> None:
    comparison = played(player)
    assert comparison.differ == ()
    assert comparison.expressible >= (20 if player == "trl_tools" else 100)


@pytest.mark.heavy
def test_only_the_cut_off_flag_is_lost_where_a_trainer_has_texts() -> None:
    """A whole answer before the cut counts there, and here it is a mere draft."""
    lost = set(played("trl_function").listed)
    cut = {r.name for _, r in read() if was_cut_off(r)}
    assert lost
    assert lost <= cut
    assert {name for name in cut if name.endswith("gold, then cut off")} <= lost


def recording(score: float = 0.5, reward: float = 0.25, finish: str = "stop") -> Recording:
    return Recording(
        "a",
        "i",
        "none",
        "direct",
        replies=(Reply("x", finish=finish),),
        verdict="valid",
        score=score,
        reward=reward,
        near_miss=reward,
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Played("a", 0.5, 0.25, "valid"), True),
        (Played("a", reward=0.25 + 1e-12), True),
        (Played("a", 0.5, 0.25, "infeasible"), False),
        (Played("a", 0.5 + 1e-6), False),
        (Played("a", reward=0.25 + 1e-6), False),
        (Played("a", 0.5, 0.25, error="broken"), False),
        (Played("a"), False),
    ],
)
def test_what_is_the_same_is_so_to_the_ninth_digit(said: Played, expected: bool) -> None:
    assert same(said, recording()) is expected


def test_the_table_counts_what_differs_and_what_was_not_run() -> None:
    whole = Arena("X", "1.0", "3.11", 0.2)
    row = Comparison(whole, 10, 8, differ=("a",), listed=("b", "c"), refused={"why": 2})
    lines = table([row], [("Y", "needs Python 3.14")]).splitlines()
    assert lines[2] == "| X | 1.0 | 3.11 | 10 | 8 | 1 | 2 | 25.0 |"
    assert lines[3] == "| Y | not run: needs Python 3.14 | | | | | | |"
