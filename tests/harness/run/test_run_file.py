"""A run file asks for what the same words on the command line ask for, and can be written again."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import makespan as library
from harness.calls.budget import Budget
from harness.models.base import Sampling
from harness.run.file_format import (
    EntryTable,
    ModelTable,
    RunFile,
    SamplingTable,
    SuiteTable,
    convert,
    read_run_file,
    written,
)
from harness.run.plan import RunPlan
from tasks.base import InputError
from tests.harness.helpers import answered, command, instances, makespan, rows, zeros
from tests.loopback import Json, Loopback

SUITE = """
about = "mine"
[[entry]]
family = "tardiness"
level = 5
count = 3
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mine.toml").write_text(SUITE)


def configuration(folder: Path) -> Any:
    """What a run folder says was asked."""
    return json.loads((folder / "manifest.json").read_text())["configuration"]


def folders(root: Path) -> list[Path]:
    """The run folders in a folder."""
    return sorted(path.parent for path in root.glob("*/manifest.json"))


texts = st.text(st.characters(codec="utf-8"), max_size=9)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
files = st.builds(
    RunFile,
    suites=st.lists(
        texts
        | st.builds(
            SuiteTable,
            texts,
            level=st.none() | st.integers(1, 99),
            settings=st.dictionaries(texts, texts | st.integers(0, 9) | st.booleans(), max_size=3),
            entry=st.lists(st.builds(EntryTable, texts, st.integers(1, 9)), max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    system=st.none() | texts,
    epochs=st.integers(1, 99),
    sampling=st.builds(SamplingTable, extra_body=st.dictionaries(texts, values, max_size=3)),
    budget=st.builds(Budget, cost=st.none() | st.floats(0.01, 99)),
    models=st.lists(
        st.builds(ModelTable, texts, system=st.none() | texts, temperature=st.none() | numbers),
        max_size=3,
    ).map(tuple),
)


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(files)
def test_what_is_written_reads_as_it_was(file: RunFile) -> None:
    text = written(file)
    again = convert(msgspec.toml.decode(text), text, RunFile, Path("x.toml"))
    assert again == file


def test_a_file_and_the_command_line_ask_for_the_same_run(tmp_path: Path) -> None:
    words = ("mine.toml", "--model", "policy/edd", "--epochs", 2, "--limit", 2, "--temperature", 0)
    more = ("--top-p", 0.5, "--system-message", 'Say "less".', "--extra-body", '{"k": [1, {}]}')
    done = makespan("run", *words, *more, "--out", "a", "--save-config", "sub.toml")
    assert done.returncode == 0, done.stderr
    assert makespan("run", "sub.toml", "--out", "b").returncode == 0
    assert configuration(tmp_path / "a") == configuration(tmp_path / "b")
    (tmp_path / "deep").mkdir()
    assert makespan("export", "a", "--format", "config", "--out", "deep/c.toml").returncode == 0
    assert makespan("run", "deep/c.toml", "--out", "c").returncode == 0
    before, after = configuration(tmp_path / "a"), configuration(tmp_path / "c")
    assert before["suite"].pop("about") == "mine"
    after["suite"].pop("about")
    assert before == after


def test_a_file_of_instances_is_written_again_by_the_folder(tmp_path: Path) -> None:
    instances(tmp_path / "i.jsonl", 2)
    assert makespan("run", "i.jsonl", "--model", "policy/serial", "--out", "a").returncode == 0
    assert makespan("export", "a", "--format", "config", "--out", "c.toml").returncode == 0
    assert makespan("run", "c.toml", "--out", "a").returncode == 0


TWO_WAYS = """
suites = ["mine.toml", {name = "rcpsp", level = 4, settings = {axes = "none"}}]
limit = 2
out = "runs"
[[models]]
name = "policy/edd"
[[models]]
name = "policy/serial"
[[models]]
name = "policy/exact"
agent = "text-tools"
"""


@pytest.mark.heavy
def test_what_one_folder_cannot_hold_makes_several_runs(tmp_path: Path) -> None:
    """Policies are asked where a suite has their family."""
    (tmp_path / "board.toml").write_text(TWO_WAYS)
    done = makespan("run", "board.toml")
    assert done.returncode == 0, done.stderr
    asked = [configuration(folder) for folder in folders(tmp_path / "runs")]
    assert sorted(
        (c["suite"]["name"], c["agent"], *(m["name"] for m in c["models"])) for c in asked
    ) == [
        ("mine", "direct", "policy/edd"),
        ("mine", "text-tools", "policy/exact"),
        ("rcpsp", "direct", "policy/serial"),
        ("rcpsp", "text-tools", "policy/exact"),
    ]
    assert len(library.run_file(tmp_path / "board.toml")) == 4


def test_paths_are_those_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "board.toml").write_text('suites = ["mine.toml"]\nout = "there"\n')
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    done = makespan("run", "../board.toml", "--limit", 1)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "manifest.json").exists()
    assert list((tmp_path / "else").iterdir()) == []


@pytest.mark.heavy
def test_each_model_has_its_server_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_KEY", "first-key-of-a-test")
    monkeypatch.setenv("SECOND_KEY", "second-key-of-a-test")
    with Loopback(zeros) as one, Loopback(zeros) as two:
        tables = [
            f'[[models]]\nname = "openai/{name}"\nbase_url = "{server.url}"\n'
            f'api_key_env = "{key}"\ntemperature = {k}\n'
            for k, (name, server, key) in enumerate(
                [("a", one, "FIRST_KEY"), ("b", two, "SECOND_KEY")]
            )
        ]
        text = 'suites = [{name = "rcpsp", level = 4, limit = 2}]\nsystem = "Be brief."\n'
        (tmp_path / "board.toml").write_text(text + "".join(tables))
        done = makespan("run", "board.toml", "--out", "run")
        assert done.returncode == 0, done.stderr
        for server, key, heat in ((one, "first", 0), (two, "second", 1)):
            assert len(server.requests) == 2
            for request in server.requests:
                assert request.headers["authorization"] == f"Bearer {key}-key-of-a-test"
                assert request.body["temperature"] == heat
                assert request.body["messages"][0]["role"] == "system"
                assert request.body["messages"][0]["content"].startswith("Be brief.")
        assert makespan("resume", "run").returncode == 0
        assert makespan("audit", "run").returncode == 0
    assert configuration(tmp_path / "run")["system"] == "Be brief."
    board = json.loads(makespan("board", "run", "--json").stdout)
    assert all(row["setup"]["system"] for row in board["rows"])


def test_a_system_message_is_joined_to_that_of_the_prompt() -> None:
    with Loopback(lambda *_: '{"answer": {}}') as server:
        words = ("--level", 2, "--limit", 1, "--model", "openai/m", "--base-url", server.url)
        done = makespan("run", "tools", *words, "--system-message", "First.", "--out", "run")
        assert done.returncode == 0, done.stderr
        messages = server.requests[0].body["messages"]
    assert [m["role"] for m in messages].count("system") == 1
    assert messages[0]["content"].startswith("First.\n\n")


def _priced(_: int, body: Json) -> str:
    return zeros(0, body)


@pytest.mark.heavy
def test_one_budget_is_for_all_runs_of_a_file(tmp_path: Path) -> None:
    """17 tokens a reply: three replies reach 50, and a second time nothing more is asked."""
    with Loopback(_priced) as server:
        (tmp_path / "board.toml").write_text(
            f"""
            suites = [{{name = "rcpsp", level = 4}}, {{name = "rcpsp", level = 5}}]
            limit = 2
            out = "runs"
            base_url = "{server.url}"
            [budget]
            tokens = 50
            [[models]]
            name = "openai/m"
            """
        )
        for _ in range(2):
            done = makespan("run", "board.toml", "--max-connections", 1)
            assert done.returncode == 1, done.stderr
            assert "--budget-tokens 16 is reached" in done.stderr
            assert len(server.requests) == 3


def test_of_several_runs_all_are_ready_before_one_begins(tmp_path: Path) -> None:
    text = TWO_WAYS + '[[models]]\nname = "openai/m"\nmemory = "none"\n'
    (tmp_path / "board.toml").write_text(text)
    done = makespan("run", "board.toml")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_run_that_cannot_go_on_leaves_the_others(tmp_path: Path) -> None:
    from tests.loopback import says

    def answer(_: int, body: Json) -> Any:
        return says(401, "no") if body["model"] == "bad" else "{}"

    with Loopback(answer) as server:
        (tmp_path / "board.toml").write_text(
            f"""
            suites = [{{name = "rcpsp", level = 4}}]
            limit = 1
            out = "runs"
            base_url = "{server.url}"
            [[models]]
            name = "openai/bad"
            [[models]]
            name = "openai/good"
            agent = "text-tools"
            """
        )
        done = makespan("run", "board.toml")
    assert done.returncode == 2
    assert done.stderr.count("authentication") == 1
    graded = [
        rows(folder, "select key from records join episodes on id = episode")
        for folder in folders(tmp_path / "runs")
    ]
    assert sorted(map(len, graded)) == [0, 1]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A folder with a template of the user's own."""
    from tasks.prompts import installed

    folder = tmp_path / "prompts"
    (folder / "tardiness").mkdir(parents=True)
    name = next(n for n in installed().names("tardiness"))
    (folder / name).write_text("In my words.\n\n" + installed().sources[name])
    return folder


@pytest.mark.heavy
def test_templates_of_ones_own_are_another_identity(tmp_path: Path, prompts: Path) -> None:
    words = ("run", "mine.toml", "--model", "policy/edd", "--limit", 1)
    assert makespan(*words, "--out", "a").returncode == 0
    done = makespan(*words, "--templates", prompts, "--out", "b")
    assert done.returncode == 0, done.stderr
    a, b = configuration(tmp_path / "a"), configuration(tmp_path / "b")
    assert a["lock"] != b["lock"]
    assert a["versions"]["tardiness"] != b["versions"]["tardiness"]
    assert makespan("regrade", "b").returncode == 0
    assert makespan("export", "b", "--format", "config", "--out", "c.toml").returncode == 0
    assert makespan("run", "c.toml", "--out", "b").returncode == 0
    refused = makespan(*words, "--templates", prompts, "--out", "a")
    assert refused.returncode == 2


def test_a_template_that_nothing_has_is_refused(prompts: Path) -> None:
    (prompts / "tardiness" / "propmt.j2").write_text("x")
    done = makespan("run", "mine.toml", "--model", "policy/edd", "--templates", prompts)
    assert done.returncode == 2
    assert "there is no template tardiness/propmt.j2" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.heavy
def test_a_search_takes_a_run_file(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        """
        out = "search"
        [search]
        domain = "tardiness-priority"
        calls = 2
        limit = 4
        [[models]]
        name = "policy/mutate"
        """
    )
    assert makespan("evolve", "run", "s.toml").returncode == 0
    assert configuration(tmp_path / "search")["evolve"]["calls"] == 2
    words = ("tardiness-priority", "--model", "policy/mutate", "--calls", 2, "--limit", 4)
    assert makespan("evolve", "run", *words, "--out", "search").returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it needs `suites`, such as"),
        ('suites = ["mini-1"', "x.toml: not TOML: "),
        ('suites = ["mini-1"]\n\nepoch = 3', "x.toml:3: epoch: unknown key; did you mean 'epochs'"),
        ("suites = 3", "x.toml:1: suites: Expected `array`, got `int`"),
        ('suites = ["mini-1"]\nepochs = 0', "x.toml:2: epochs: Expected `int` >= 1"),
        ('suites = ["mini-1"]\n[budget]\ncosts = 1', "x.toml:3: budget.costs: unknown key; did"),
        ('suites = ["mini-1"]\n[sampling]\ntop_p = 3', "x.toml:3: sampling.top_p: Expected"),
        (
            '[[models]]\nname = "a"\n[[models]]\nname = "b"\nbase-url = "c"',
            "x.toml:5: models[1].base-url: unknown key; did you mean 'base_url'",
        ),
        ("[[models]]\nbase_url = 'c'", "x.toml:1: models[0]: Object missing required field `name`"),
        ('suites = ["none.toml"]', "cannot read none.toml"),
        ('suites = ["mini"]\n[[models]]\nname = "policy/exact"\nseed = 1', "a policy has no set"),
        ('suites = ["rcsp"]', "did you mean 'rcpsp'?"),
        ('[[entry]]\nfamly = "rcpsp"', "did you mean 'family'?"),
        ('about = "x"\n[[entry]]\nfamily = "rcpsp"\nlevel = 0', "level 0"),
        ('include = ["x"]', "x.toml: it includes itself"),
        ("include = []", "a suite needs [[entry]] tables"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_line(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "x.toml").write_text(text)
    done = makespan("run", "x.toml")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"x.toml", "mine.toml"}


@pytest.mark.parametrize(
    "option", ["--model=a/b", "--temperature=0", "--level=3", "-Ta=b", "--structured", "--top-p=1"]
)
def test_what_a_file_says_is_not_said_beside_it(option: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('suites = ["mini"]')
    done = makespan("run", "x.toml", option)
    assert done.returncode == 2
    assert "x.toml says what is asked of whom" in done.stderr


def test_the_library_names_what_runs_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('suites = ["mini"]')
    with pytest.raises(InputError, match="run_file"):
        library.run(tmp_path / "x.toml")
    assert library.run("mine.toml", ["policy/edd"], limit=1, out="r").complete
    plan = RunPlan(read_run_file(tmp_path / "x.toml"), tmp_path / "x.toml")
    assert plan.requests[0].sampling == Sampling()


@pytest.mark.heavy
def test_killed_in_its_second_run_a_file_goes_on_by_the_same_command(tmp_path: Path) -> None:
    with Loopback(zeros, delay=0.05) as server:
        (tmp_path / "board.toml").write_text(
            f"""
            suites = ["mine.toml", {{name = "rcpsp", level = 4}}]
            limit = 12
            out = "runs"
            [[models]]
            name = "openai/m"
            base_url = "{server.url}"
            """
        )
        words = command("run", "board.toml", "--max-connections", 1)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_for(5)  # three of the first run, and two of the second
        process.kill()
        process.wait(timeout=60)
        asked = len(server.requests)
        kept = answers(tmp_path / "runs")
        assert asked - kept <= 1
        done = makespan("run", "board.toml", "--max-connections", 1)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == asked + 15 - kept
    assert answers(tmp_path / "runs") == 15


def answers(root: Path) -> int:
    """How many calls of all run folders in a folder have an answer."""
    return sum(len(answered(folder)) for folder in folders(root))
