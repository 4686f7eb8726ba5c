"""What a run would take is counted or estimated from past runs; what is unknown stays so."""

from pathlib import Path

import pytest

from harness.calls.prices import prices_of
from harness.run.estimate import ModelEstimate, Past, estimate, totals
from harness.run.request import RunRequest
from tests.harness.helpers import makespan, zeros
from tests.loopback import Loopback

PRICE = ("--price", "openai/m=1000,2000")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def expected(
    *models: str, what: str = "rcpsp", level: int = 4, **asked: object
) -> list[ModelEstimate]:
    request = RunRequest(what=what, models=models, level=level, **asked)  # type: ignore[arg-type]
    return estimate(request, [], Past.of(Path("results/runs")))


def test_what_a_run_takes_is_what_its_like_took() -> None:
    """17 tokens a reply, 12 in and 5 out: the same run again is expected to the token."""
    words = ("rcpsp", "--level", 4, "--limit", 3, "--model", "openai/m")
    with Loopback(zeros) as server:
        assert makespan("run", *words, "--base-url", server.url).returncode == 0
        before = len(server.requests)
        done = makespan("run", *words, "--limit", 6, "--dry-run", *PRICE, "--budget-cost", 0.1)
        assert len(server.requests) == before
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("openai/m")]
    assert line.split()[2:7] == ["6", "~6", "~72", "~30", "~$0.132"]
    assert "by 3 of its past episodes" in line
    assert "--budget-cost 0.1 would be reached" in done.stdout
    [row] = expected("openai/m", limit=6)
    assert (row.calls, row.input_tokens, row.output_tokens, row.cost) == (6, 72, 30, None)
    [other] = expected("openai/other", level=9, limit=6)
    assert other.basis == "by 3 of other models' past episodes at other levels"
    assert other.cost is None


def test_what_no_past_run_tells_is_unknown_and_calls_are_counted() -> None:
    [row] = expected("openai/m", limit=7, epochs=3)
    assert (row.episodes, row.calls, row.input_tokens, row.cost) == (21, 21, None, None)
    settings = {"rounds": 6, "history": 0}
    [row] = expected("openai/m", what="calendar", level=2, limit=2, settings=settings)
    assert row.calls == 12
    noting = expected("openai/m", what="calendar", level=2, memory="summary", settings=settings)
    assert noting[0].calls is None
    assert expected("openai/m", what="tools", level=2)[0].calls is None
    assert totals([row, *noting]).calls is None


def test_policies_ask_nobody() -> None:
    [row] = expected("policy/serial", limit=7)
    assert (row.episodes, row.calls, row.cost) == (7, 0, 0.0)


def test_a_dry_run_writes_nothing_and_needs_no_key(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        'suites = ["mini-1"]\n[[models]]\nname = "openai/gpt-5"\nprice = [1, 2]\n'
    )
    for words in (("mini-1", "--model", "openai/gpt-5"), ("b.toml",)):
        done = makespan("run", *words, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("openai/gpt-5") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["b.toml"]
    refused = makespan("run", "mini-1", "--model", "ollama/x", "--dry-run")
    assert refused.returncode == 2


def test_the_shipped_table_serves_a_budget_and_covers_settings_in_names() -> None:
    words = ("rcpsp", "--level", 4, "--limit", 2, "--dry-run")
    with Loopback(zeros) as server:
        run = ("rcpsp", "--level", 4, "--limit", 2, "--base-url", server.url)
        assert makespan("run", *run, "--model", "openai/x").returncode == 0
    done = makespan("run", *words, "--model", "openai/gpt-5:temperature=0")
    assert "~$0.00013" in done.stdout  # (24 x 1.25 + 10 x 10) / a million
    assert prices_of(["a=1,2"], ["a"])["a"].output == 2


@pytest.mark.parametrize("option", ["--budget-cost", "--budget-episode-cost"])
def test_a_budget_without_a_price_is_refused_before_anything_is_written(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-for-a-test")
    done = makespan("run", "mini-1", "--model", "openai/unheard-of", option, 1)
    assert done.returncode == 2
    assert f"{option} cannot be kept: the price of openai/unheard-of is unknown" in done.stderr
    assert list(tmp_path.iterdir()) == []
