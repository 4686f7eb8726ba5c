"""What the documents say is true: commands parse and run, names exist, nothing is left out."""

import csv
import io
import re
import shlex
from pathlib import Path
from statistics import fmean

import pytest

from graders.rcpsp import summarise
from harness.cli import main
from harness.cli.parser import build_parser
from harness.export.columns import SAMPLES
from harness.families.registry import FAMILIES, family
from harness.suites import suite as suites
from tasks.prompts import installed
from tests.coverage.pools import answered
from tests.factories.pages import shell
from tests.factories.records import record

ROOT = Path(__file__).parents[1]
BOARDS = ROOT / "results" / "boards"
DOCS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    BOARDS / "README.md",
    BOARDS / "submissions" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def inline(path: Path) -> list[str]:
    """The `makespan` commands in the running text, joined over line ends."""
    text = path.read_text("utf-8").replace("\n", " ")
    return [words for words in re.findall(r"`(makespan [^`]+)`", text) if " " in words]


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_parses(path: Path) -> None:
    for words in shell(path) + inline(path):
        argv = shlex.split(words.replace("...", ""))[1:]
        if argv == ["--help"] or len(argv) == 1:
            continue
        build_parser().parse_args(argv)


def test_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = 0
    for words in shell(ROOT / "README.md"):
        if "openai/" not in words and "anthropic/" not in words:
            assert main(shlex.split(words)[1:]) == 0, words
            done += 1
    assert done >= 6
    assert "policy/exact" in capsys.readouterr().out


def readme_board() -> list[str]:
    """The board in the README: its heads, a rule, and the rows."""
    text = (ROOT / "README.md").read_text("utf-8")
    [block] = re.findall(r"^```\n( model .*?)\n```$", text, re.MULTILINE | re.DOTALL)
    lines: list[str] = block.split("\n")
    assert len(lines) == 10
    return lines


@pytest.mark.slow
def test_the_board_in_the_readme_is_what_the_command_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["run", "rcpsp", "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "\n".join(["rcpsp", "", *readme_board(), ""]) in printed


@pytest.mark.heavy
def test_quick_policies_have_the_figures_of_the_readme(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All columns but the widths, which are those of the longest name."""
    monkeypatch.setenv("COLUMNS", "80")
    quick = ("edf", "serial", "sgs-lft")
    models = [word for name in quick for word in ("--model", f"policy/{name}")]
    assert main(["run", "rcpsp", *models, "--out", str(tmp_path / "run")]) == 0
    printed = [re.split(r" {2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    board = {cells[0]: cells for cells in (re.split(r" {2,}", r.strip()) for r in readme_board())}
    for name in ("model", *(f"policy/{each}" for each in quick)):
        cells = board[name]
        assert any(row[: len(cells)] == cells for row in printed), cells


@pytest.mark.parametrize(
    ("suite", "folder"),
    [("mini-1", "mini"), pytest.param("mini-2", "mini-2", marks=pytest.mark.heavy)],
)
def test_the_kept_board_has_the_rows_that_the_policies_get_now(
    suite: str, folder: str, tmp_path: Path
) -> None:
    run, board = tmp_path / "run", tmp_path / "board.csv"
    assert main(["run", suite, "--out", str(run)]) == 0
    assert main(["board", str(run), "--csv", str(board)]) == 0
    now, kept = (
        list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        for path in (board, BOARDS / folder / "board.csv")
    )
    policies = [row for row in kept if row["model"].startswith("policy/")]
    assert len(now) > 30
    for then, row in zip(policies, now, strict=True):
        assert {k: then[k] for k in row if k != "seconds"} == {
            k: v for k, v in row.items() if k != "seconds"
        }
    assert len(kept) == len(now)


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for path in DOCS:
        for target in re.findall(
            r"\bmake ([a-z-]+)\b(?=`|$)", path.read_text("utf-8"), re.MULTILINE
        ):
            assert target in targets, target


def test_links_lead_somewhere() -> None:
    for path in DOCS:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_familys_page_names_its_settings_policies_suites_and_metrics(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for setting in family(name).resolve(4, {}):
        assert f"`{setting}`" in page, setting
    for policy in family(name).policies:
        assert f"`policy/{policy}`" in page, policy
    boards = (ROOT / "docs" / "boards.md").read_text("utf-8")
    for headline in family(name).headlines:
        assert f"`{headline}` of {name}" in boards, headline
    for suite in suites.names():
        if suite.startswith(name):
            assert f"`{suite}`" in page, suite


REWARD_ROW = re.compile(r"^\| ([a-z-]+) \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)


@pytest.mark.heavy
@pytest.mark.parametrize("name", FAMILIES)
def test_a_familys_page_says_what_its_reward_is(name: str) -> None:
    """Its components by name, and what policies get as the means of the instances that it names."""
    page = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    part = page.partition("\n## Reward\n")[2].partition("\n## ")[0]
    [(last, level)] = re.findall(r"instances 0 to (\d+) of level (\d+), seed 0", part)
    one, prompts = family(name), installed()
    instances = [one.generate(int(level), 0, index, {}) for index in range(int(last) + 1)]
    rows = REWARD_ROW.findall(part)
    assert len(rows) >= 3
    for policy, *figures in rows:
        outcomes = [answered(one, each, one.policies[policy], prompts) for each in instances]
        rewards = [
            one.reward(each, one.grade(each, outcome))
            for each, outcome in zip(instances, outcomes, strict=True)
        ]
        means = (fmean(r.value for r in rewards), fmean(r.near_miss for r in rewards))
        assert [f"{mean:.3f}" for mean in means] == figures, policy
        for component in rewards[0].components:
            assert f"`{component}`" in part, component


def test_every_metric_is_explained() -> None:
    page = (ROOT / "docs" / "rcpsp.md").read_text("utf-8")
    _, metrics = summarise([record(1), record(2), record(3, "infeasible")])
    for metric in metrics:
        shown = re.sub(r"@.*", "@L", re.sub(r"^share_.*", "share_KIND", metric))
        assert f"`{shown}`" in page, metric


def test_every_column_of_an_episode_is_explained() -> None:
    page = (ROOT / "docs" / "publishing.md").read_text("utf-8")
    for column in SAMPLES:
        assert f"| `{column.name}` | {column.about} |\n" in page, column.name
