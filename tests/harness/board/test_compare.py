"""Two models side by side: pairs, errors left out, identity, families, and what is printed."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest

from generators.tardiness import generate as jobs
from graders.comparisons import PairedComparison, Scores, holm, paired
from harness.board.board import grouped
from harness.board.compare import ModelComparison, between
from harness.board.compare_text import print_comparison
from harness.board.load import ScoredRecord
from harness.cli import main
from harness.suites.instances import encode
from tasks.base import InputError, Record
from tests.factories.records import failed, record
from tests.harness.helpers import instances, zeros
from tests.loopback import Fault, Json, Loopback, says

A, B = "openai/a", "openai/b"


def compared(records: list[Record], a: str = A, b: str = B, **setup: Any) -> ModelComparison:
    return between(grouped([ScoredRecord(r, setup) for r in records]), a, b)


def both(verdicts: list[tuple[str, str]], **changes: Any) -> list[Record]:
    """Records of A and B with these verdicts, an instance each; `error` is one."""
    return [
        failed(k, model=model, **changes)
        if verdict == "error"
        else record(k, verdict, model=model, **changes)
        for k, pair in enumerate(verdicts)
        for model, verdict in zip((A, B), pair, strict=True)
    ]


RIGHT, WRONG, BROKEN = "valid", "infeasible", "error"


def right_and_wrong(differences: list[float]) -> PairedComparison:
    values = numpy.array([[d, 0.0] for d in differences])
    return paired(Scores(values, [[*map(str, range(len(values)))]], [True] * 2))


def scored(k: int, score: float, **changes: Any) -> Record:
    made = record(k, **changes)
    assert made.grade
    return msgspec.structs.replace(made, grade=msgspec.structs.replace(made.grade, score=score))


def test_scores_of_any_kind_are_compared_by_sign_flips(capsys: pytest.CaptureFixture[str]) -> None:
    made = [scored(k, 0.9 - 0.01 * k, model=A, level=10) for k in range(20)]
    made += [scored(k, 0.8 - 0.009 * k, model=B, level=10) for k in range(20)]
    found = compared(made)
    [match] = found.matches
    assert (match.test, match.trials, match.wins) == ("sign flips", 20, 20)
    assert match.p == 1 / 10_000
    print_comparison(found, None)
    said = capsys.readouterr().out
    assert "p in rcpsp: sign flips, against equal distributions of both scores" in said
    [few] = compared([r for r in made if int(r.instance[1:]) < 5]).matches
    assert few.p == 1 / 16
    assert few.resolves is None
    assert few.difference.low is not None
    print_comparison(compared([r for r in made if int(r.instance[1:]) < 5]), None)
    assert "5 trials cannot make p less than 0.062: at least 6" in capsys.readouterr().out


def test_levels_of_one_seed_and_index_are_one_trial(capsys: pytest.CaptureFixture[str]) -> None:
    made = [
        msgspec.structs.replace(
            record(0, RIGHT if model == A and k % 3 else WRONG, model=model, level=level),
            instance=f"rcpsp-{level}-s0-i{k}-86a15fcd",
        )
        for level in (10, 20, 40)
        for k in range(12)
        for model in (A, B)
    ]
    found = compared(made)
    [match] = found.matches
    assert (match.pairs, match.trials, round(match.difference.value or 0, 9)) == (
        36,
        12,
        0.666666667,
    )
    print_comparison(found, None)
    said = capsys.readouterr().out
    assert "rcpsp: pairs of one seed and index count as one trial (12 for 36 pairs)" in said
    few = compared([r for r in made if "-i1-" in r.instance or "-i2-" in r.instance])
    assert (few.matches[0].pairs, few.matches[0].trials, few.matches[0].p) == (6, 2, None)
    print_comparison(few, None)
    assert "no interval, p or resolution: fewer than 5 trials" in capsys.readouterr().out


def test_fewer_than_five_pairs_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(both([(RIGHT, WRONG)] * 4, level=10))
    [match] = found.matches
    assert (match.p, match.p_holm, match.resolves, match.test) == (None, None, None, "")
    assert match.difference.low is None
    print_comparison(found, None)
    said = capsys.readouterr().out
    assert "1.000 (fewer than 5 pairs)" in said
    assert "no interval, p or resolution: fewer than 5 pairs" in said


def test_a_model_with_errors_only_has_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(both([(RIGHT, BROKEN)] * 6))
    [match] = found.matches
    assert (match.pairs, match.left_out, match.trials) == (0, 6, 0)
    assert match.difference.note == "no pairs"
    print_comparison(found, None)
    assert "6 instances left out" in capsys.readouterr().out


def test_wins_ties_and_losses_are_by_instance() -> None:
    made = both([(RIGHT, WRONG)] * 8 + [(WRONG, RIGHT)] * 2 + [(RIGHT, RIGHT)] * 10, level=10)
    [match] = compared(made).matches
    assert (match.pairs, match.wins, match.ties, match.losses) == (20, 8, 10, 2)
    assert (match.a, match.b) == (0.9, 0.6)
    wanted = right_and_wrong([1.0] * 8 + [-1.0] * 2 + [0.0] * 10)
    assert match.difference == wanted.difference
    assert (match.trials, match.test) == (20, "adjusted Wald")
    assert (match.p, match.p_holm, match.resolves) == (wanted.p, wanted.p, wanted.resolves)
    assert len(match.apart) == 10
    first = match.apart[0]
    assert (first.instance, first.a, first.b) == ("i0", 1, 0)
    assert (first.verdicts_a, first.verdicts_b) == ({"valid": 1}, {"infeasible": 1})
    [turned] = compared(made, B, A).matches
    assert (turned.wins, turned.losses) == (2, 8)
    assert turned.difference.value == -0.3 == -round(match.difference.value or 0, 9)


def test_levels_weigh_the_same_as_in_the_headline() -> None:
    easy = both([(RIGHT, RIGHT)] * 30, level=10)
    hard = [
        msgspec.structs.replace(r, instance=f"h{r.instance}")
        for r in both([(RIGHT, WRONG)] * 5, level=40)
    ]
    [match] = compared([*easy, *hard]).matches
    assert match.difference.value == 0.5
    assert (match.a, match.b) == (1, 0.5)


def test_pairs_with_an_error_are_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    made = both([(RIGHT, WRONG)] * 6 + [(BROKEN, RIGHT)] * 3 + [(WRONG, BROKEN)] * 2)
    found = compared(made)
    [match] = found.matches
    assert (match.pairs, match.left_out, match.unshared) == (6, 5, 0)
    assert match.difference.value == 1
    assert not found.complete
    print_comparison(found, None)
    said = capsys.readouterr().out
    assert "rcpsp: 5 instances left out: one of the two has only errors on them" in said


def test_a_level_without_a_pair_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    made = [
        r
        for k in range(8)
        for r in (
            record(k, level=10, model=A),
            record(k, level=10, model=B),
            failed(k + 50, level=40, model=A),
            record(k + 50, level=40, model=B),
        )
    ]
    found = compared(made)
    assert found.matches[0].lost == (40,)
    print_comparison(found, None)
    assert "the difference says nothing of level 40" in capsys.readouterr().out


def test_epochs_are_a_mean_and_errors_of_some_are_no_matter() -> None:
    made = [record(k, RIGHT if e else WRONG, model=A, epoch=e) for k in range(6) for e in range(4)]
    made += [record(k, WRONG, model=B) for k in range(6)]
    made += [failed(0, model=B, epoch=1)]
    [match] = compared(made).matches
    assert (match.pairs, match.left_out) == (6, 0)
    assert match.difference.value == 0.75
    assert match.apart[0].verdicts_a == {"infeasible": 1, "valid": 3}
    assert match.apart[0].verdicts_b == {"infeasible": 1, "error": 1}


def test_instances_of_one_only_are_counted() -> None:
    made = both([(RIGHT, WRONG)] * 6) + [record(k, model=A) for k in range(20, 25)]
    found = compared(made)
    assert (found.matches[0].pairs, found.matches[0].unshared) == (6, 5)
    assert not found.complete


def test_cells_are_matches_of_their_own_and_corrected_together() -> None:
    made = []
    for axes, wins in (("none", 12), ("windows", 5)):
        pairs = [(RIGHT, WRONG)] * wins + [(RIGHT, RIGHT)] * (20 - wins)
        made += both(pairs, settings={"edges": 4, "axes": axes}, level=10)
    matches = compared(made).matches
    assert [m.cell for m in matches] == [{"axes": "none"}, {"axes": "windows"}]
    ps = [m.p or 0.0 for m in matches]
    assert [m.p_holm for m in matches] == holm(ps)
    assert matches[0].p_holm == 2 * ps[0]


def test_a_policy_is_compared_however_the_model_was_asked() -> None:
    made = [
        ScoredRecord(record(k, model=A, memory="facts"), {"temperature": 1.0}) for k in range(6)
    ]
    made += [ScoredRecord(record(k, WRONG, model="policy/edf"), {}) for k in range(6)]
    assert between(grouped(made), "policy/edf", A).matches[0].losses == 6


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (both([(RIGHT, RIGHT)])[:1], "no episodes of openai/b in the folders: there are openai/a"),
        ([record(1, model=A), record(2, model=B)], "openai/a and openai/b share no instance"),
        (
            [record(1, model=A), record(1, model=B, memory="facts")],
            "were not asked the same in rcpsp: memory is 'none' and 'facts'",
        ),
        (
            [record(1, model=A), record(1, model=A, agent="vote"), record(1, model="policy/edf")],
            "openai/a was asked in 2 ways, agent is 'direct' and 'vote': name the folders of one",
        ),
    ],
)
def test_what_cannot_be_compared(made: list[Record], message: str) -> None:
    other = B if all(r.model != "policy/edf" for r in made) else "policy/edf"
    with pytest.raises(InputError, match=message):
        compared(made, A, other)


def test_other_sampling_is_no_comparison_and_a_common_one_is_chosen() -> None:
    cold, warm = ({"temperature": t} for t in (0.0, 1.0))
    ours = [ScoredRecord(record(k, model=A), cold) for k in range(6)]
    theirs = [ScoredRecord(record(k, WRONG, model=B), warm) for k in range(6)]
    with pytest.raises(InputError, match=r"temperature is 0\.0 and 1\.0"):
        between(grouped([*ours, *theirs]), A, B)
    same = [ScoredRecord(record(k, WRONG, model=B), cold) for k in range(6)]
    assert between(grouped([*ours, *theirs, *same]), A, B).matches[0].wins == 6
    elsewhere = [ScoredRecord(a.record, {**cold, "base_url": "http://x"}) for a in same]
    assert between(grouped([*ours, *elsewhere]), A, B).matches[0].wins == 6


def test_no_difference_says_how_rare_one_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compared(both([(RIGHT, RIGHT)] * 58)), None)
    assert "no difference on 58 instances: at most 5.0 % of all differ" in capsys.readouterr().out


def two_families(folder: Path) -> list[str]:
    """Runs of a project and a jobs file, by two policies that both families have."""
    (folder / "jobs.jsonl").write_bytes(
        b"".join(encode(jobs(8, 0, k, {})) + b"\n" for k in range(6))
    )
    files = {"a": instances(folder / "projects.jsonl", 6, level=8), "b": folder / "jobs.jsonl"}
    for name, file in files.items():
        assert main(["run", str(file), "--out", str(folder / name)]) == 0
    return [str(folder / name) for name in files]


@pytest.mark.heavy
def test_the_command_prints_what_json_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = two_families(tmp_path)
    words = ["compare", *folders, "--model", "policy/exact", "--model", "policy/edf"]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out, type=ModelComparison)
    names = [m.family for m in found.matches]
    assert main([*words, "--limit", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("A: policy/exact\nB: policy/edf\n")
    for match in found.matches:
        [line] = [one for one in printed.splitlines() if one.startswith(f" {match.family} ")]
        assert f"{match.difference.value:.3f} ({match.difference.low:.3f} to" in line
        assert match.wins + match.ties + match.losses == match.pairs == 6
        assert len(match.apart) == match.wins + match.losses
        if match.apart:
            shown = min(2, len(match.apart))
            assert f"{match.family}: {shown} of {len(match.apart)} instances that differ" in printed
            assert match.apart[0].instance in printed
    assert len(names) == len(set(names)) >= 1
    assert main([*words, "--json", "--limit", "1"]) == 0
    fewer = json.loads(capsys.readouterr().out)["matches"]
    assert all(len(m["apart"]) <= 1 for m in fewer)


def test_a_run_with_errors_ends_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def one_fails(number: int, body: Json) -> str | Fault:
        return says(400, "cannot") if number == 1 else zeros(number, body)

    file = instances(tmp_path / "a.jsonl", 7)
    with Loopback(one_fails) as server:
        assert (
            main(
                [
                    "run",
                    str(file),
                    "--model",
                    "openai/m",
                    "--model",
                    "policy/edf",
                    "--base-url",
                    server.url,
                    "--out",
                    str(tmp_path / "x"),
                ]
            )
            == 1
        )
    capsys.readouterr()
    words = ["compare", str(tmp_path / "x"), "--model", "openai/m", "--model", "policy/edf"]
    assert main([*words, "--json"]) == 1
    [match] = json.loads(capsys.readouterr().out)["matches"]
    assert (match["pairs"], match["left_out"]) == (6, 1)
