"""What a setting costs: one model at two values of it, paired by seed and index."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from generators.calendar import generate
from harness.store.folder import Folder
from harness.suites.suite import Suite, family_versions, find, load
from tasks.base import Message, Scalar
from tasks.prompts import Prompts, installed
from tests.harness.helpers import board, makespan
from tests.loopback import Json, Loopback
from tests.reading import careful, choice_of, credulous, error_of_reader

YEARS = ["calendar", "--level", "2", "-T", "rounds=3", "--limit", "5"]
POLICIES = ["--model", "policy/random", "--model", "policy/role-prior"]
READ = ["-T", "evidence=artefacts"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same years told of in one line, and in writing."""
    place = tmp_path_factory.mktemp("evidence")
    for name, words in (("told", []), ("read", READ)):
        run = makespan("run", *YEARS, *words, *POLICIES, "--out", place / name)
        assert run.returncode == 0, run.stderr
    return place / "told", place / "read"


@pytest.mark.heavy
def test_policies_read_nothing_so_that_it_costs_them_nothing(runs: tuple[Path, Path]) -> None:
    words = ["--model", "policy/role-prior", "--across", "evidence"]
    done = makespan("compare", *runs, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["a"] == "policy/role-prior at evidence not set"
    assert found["b"] == "policy/role-prior at evidence=artefacts"
    [match] = found["matches"]
    assert (match["pairs"], match["trials"], match["unshared"], match["ties"]) == (5, 5, 0, 5)
    assert match["difference"]["value"] == 0.0
    assert "A: policy/role-prior at evidence not set" in makespan("compare", *runs, *words).stdout


@pytest.mark.heavy
def test_a_policy_that_draws_by_the_instance_has_a_difference(runs: tuple[Path, Path]) -> None:
    told, read = runs
    words = ["--model", "policy/random", "--across", "evidence", "--json"]
    [match] = json.loads(makespan("compare", told, read, *words).stdout)["matches"]
    [other] = json.loads(makespan("compare", read, told, *words).stdout)["matches"]
    rows = [row for run in runs for row in board(run) if row["model"] == "policy/random"]
    scores = [row["score"]["value"] for row in rows]
    assert [match["a"], match["b"]] == pytest.approx(scores)
    assert match["difference"]["value"] == pytest.approx(scores[0] - scores[1])
    assert other["difference"]["value"] == -match["difference"]["value"] != 0
    assert other["difference"]["low"] == pytest.approx(-match["difference"]["high"])
    assert len(match["apart"]) == match["wins"] + match["losses"] > 0


@pytest.mark.heavy
def test_a_reader_that_believes_rumours_pays_for_it_and_a_careful_one_does_not(
    tmp_path: Path,
) -> None:
    """Scripted, asked by a server, and the same without one."""
    words = ["calendar", "--level", "2", "-T", "rounds=4", "--limit", "5"]

    def answer(_: int, body: Json) -> str:
        messages = [Message(m["role"], m["content"]) for m in body["messages"]]
        return json.dumps({"accept": choice_of(messages, credulous)})

    runs = [tmp_path / "told", tmp_path / "read"]
    with Loopback(answer) as server:
        model = ["--model", "openai/m", "--base-url", server.url, "--memory", "full-history"]
        for run, more in zip(runs, ([], [*READ, "-T", "rumours=9"]), strict=True):
            done = makespan("run", *words, *more, *model, "--out", run)
            assert done.returncode == 0, done.stderr
    across = ["--model", "openai/m", "--across", "evidence,rumours", "--json"]
    [match] = json.loads(makespan("compare", *runs, *across).stdout)["matches"]
    told = [generate(2, 0, k, {"rounds": 4}) for k in range(5)]
    dials: dict[str, Scalar] = {"rounds": 4, "evidence": "artefacts", "rumours": 9}
    read = [generate(2, 0, k, dials) for k in range(5)]
    scores = [
        1 - fmean(error_of_reader(each, credulous) for each in years) for years in (told, read)
    ]
    assert [match["a"], match["b"]] == pytest.approx(scores)
    assert match["pairs"] == 5 > match["ties"]
    first, second = ([error_of_reader(each, careful) for each in years] for years in (told, read))
    assert first == second


def test_what_cannot_be_compared_is_told_in_a_line(runs: tuple[Path, Path], tmp_path: Path) -> None:
    told, other = runs[0], tmp_path / "other"
    done = makespan("run", *YEARS, *READ, "--seed", "1", *POLICIES, "--out", other)
    assert done.returncode == 0, done.stderr
    model = ["--model", "policy/random"]
    for words, message in (
        ([told, *model, "--across", "evidence"], "two values are compared, and there are 1"),
        ([*runs, *model, "--across", "drift"], "two values are compared, and there are 1: drift=0"),
        ([told, other, *model, "--across", "evidence"], "no instance is there at both"),
        ([*runs, *model, *model, "--across", "evidence"], "--across compares one --model"),
        ([*runs, "--model", "policy/none", "--across", "evidence"], "policy/none"),
    ):
        refused = makespan("compare", *words)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert message in refused.stderr


def test_both_kinds_of_evidence_on_one_board_are_two_rows(tmp_path: Path) -> None:
    entry = '[[entry]]\nfamily = "calendar"\nlevel = 2\ncount = 5\nsettings = {{ rounds = 3{} }}\n'
    suite = tmp_path / "both.toml"
    suite.write_text(entry.format("") + entry.format(', evidence = "artefacts"'))
    done = makespan("run", suite, "--model", "policy/role-prior", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    rows = board(tmp_path / "run")
    assert [row["cell"] for row in rows] == [{"evidence": "artefacts"}, {"evidence": None}]
    assert [row["n"] for row in rows] == [5, 5]


# The template of artefacts -------------------------------------------------------------------


def lock_of(suite: Suite, prompts: Prompts) -> str:
    return suite.lock(family_versions(suite.used, prompts))


def test_the_template_of_artefacts_counts_only_where_a_setting_asks_for_it(
    runs: tuple[Path, Path],
) -> None:
    sources = installed().sources
    changed = Prompts(sources | {"calendar/artefacts.j2": "Another."})
    for name in ("standard-1", "mini-1", "calendar"):
        assert lock_of(load(name), changed) == lock_of(load(name), installed())
    written = find("calendar", level=2, seed=None, settings={"evidence": "artefacts"})
    assert lock_of(written, changed) != lock_of(written, installed())
    names = [set(Folder.open(run).manifest.templates["calendar"]) for run in runs]
    assert names[1] - names[0] == {"calendar/artefacts.j2"}
    assert not names[0] - names[1]


@pytest.mark.heavy
def test_a_run_of_artefacts_is_verified_by_its_own_templates(runs: tuple[Path, Path]) -> None:
    for run in runs:
        assert makespan("verify", run).returncode == 0
    template = runs[1] / "templates" / "calendar" / "artefacts.j2"
    source = template.read_text("utf-8")
    template.write_text(source.replace("What was written", "What was said"), "utf-8")
    refused = makespan("verify", runs[1])
    template.write_text(source, "utf-8")
    assert refused.returncode != 0
    assert "its templates of calendar are not those it began with" in refused.stdout


@pytest.mark.heavy
def test_instances_of_a_file_bring_their_template(tmp_path: Path) -> None:
    for name, words in (("told", []), ("read", READ)):
        file = tmp_path / f"{name}.jsonl"
        made = makespan("generate", *YEARS[:-2], *words, "--count", 1, "--out", file)
        assert made.returncode == 0, made.stderr
        out = tmp_path / name
        done = makespan("run", file, "--model", "policy/first", "--out", out)
        assert done.returncode == 0, done.stderr
        used = Folder.open(out).manifest.templates["calendar"]
        assert ("calendar/artefacts.j2" in used) == (name == "read")
        assert makespan("verify", out).returncode == 0
