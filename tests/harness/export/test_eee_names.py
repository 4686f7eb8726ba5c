"""Names of models as folders of an export: safe and bounded whatever they are, and told apart."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.export.eee_names import model_id, path_of
from harness.export.results import ExportedResult
from harness.store.manifest import Configuration, ModelSpec
from harness.suites.suite import Suite
from tests.depth import examples
from tests.harness.helpers import instances, makespan, zeros
from tests.loopback import Loopback


def result(model: str, *others: str, base_url: str | None = None) -> ExportedResult:
    """A result of a model of a run, as far as its name goes."""
    names = dict.fromkeys((model, *others))
    models = tuple(ModelSpec(name, base_url) for name in names)
    configuration = Configuration(Suite("s"), {}, "", models=models)
    run = SimpleNamespace(manifest=SimpleNamespace(configuration=configuration), name="s")
    return ExportedResult(cast(Any, run), model, "rcpsp", rows=(), episodes=())


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-5", "openai/gpt-5"),
        ("openai/test/m:1", "test/m-1"),
        ("litellm/meta/llama/3", "meta/llama/3"),
        ("policy/exact", "policy/exact"),
        ("openai//models/x.gguf", "openai/models/x.gguf"),
        ("openai/./models/x.gguf", "openai/models/x.gguf"),
        ("openai/../../etc/passwd", "openai/etc/passwd"),
        ("openai/~/x.gguf", "openai/~/x.gguf"),
        ("openai/owner//x", "owner/x"),
        ("openai/C:\\models\\x.gguf", "openai/C--models-x.gguf"),
    ],
)
def test_an_id_has_a_developer_and_a_name(model: str, expected: str) -> None:
    assert model_id(result(model)) == expected


def test_what_is_served_from_a_file_here_is_local() -> None:
    address = "http://127.0.0.1:9/v1"
    assert model_id(result("openai//models/x.gguf", base_url=address)) == "local/models/x.gguf"
    assert path_of(result("openai//models/x.gguf", base_url=address)) == "local/models_x.gguf"
    assert model_id(result("openai/m", base_url=address)) == "local/m"


NAMES = st.text(
    st.one_of(
        st.sampled_from("/.~ab-_:\\\0\n é語"),
        st.characters(exclude_categories=["Cs"], exclude_characters="="),
    ),
    max_size=400,
)


@examples(2000)
@given(NAMES, st.integers(1, 60))
def test_a_path_is_two_folders_whatever_the_name(name: str, times: int) -> None:
    """None of them empty, a way up, or too long for a disk."""
    parts = path_of(result(f"openai/{name * times}")).split("/")
    assert len(parts) == 2
    for part in parts:
        assert part.strip(".")
        assert 0 < len(part.encode()) <= 200
        assert not set(part) & set('\0\n\\:*?"<>|')


@examples(1500)
@given(st.lists(st.text("ab:/-.", min_size=1, max_size=4), min_size=2, max_size=4, unique=True))
def test_models_of_a_run_have_ids_of_their_own(names: list[str]) -> None:
    models = [f"openai/{name}" for name in names]
    ids = [model_id(result(model, *models)) for model in models]
    assert len(set(ids)) == len(models)


def test_long_names_that_begin_alike_are_told_apart() -> None:
    models = [f"openai/{'x' * 300}{end}" for end in "ab"]
    assert len({model_id(result(model, *models)) for model in models}) == 2


def test_names_like_paths_are_exported(tmp_path: Path) -> None:
    """From a run to its files: a path, a name longer than a file's, two that look alike."""
    names = ["openai//models/x.gguf", f"openai/{'long-' * 80}", "openai/m*1", "openai/m?1"]
    words = [word for name in names for word in ("--model", name)]
    with Loopback(zeros) as server:
        run = ("run", instances(tmp_path / "i.jsonl", 1), "--base-url", server.url, *words)
        assert makespan(*run, "--out", tmp_path / "run").returncode == 0
    done = makespan("export", tmp_path / "run", "--format", "eee", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = {}
    for path in (tmp_path / "out").rglob("*.json"):
        one = json.loads(path.read_text())
        developer, model = path.parent.relative_to(tmp_path / "out" / "data" / "makespan").parts
        assert one["model_info"]["id"].replace("/", "_") == f"{developer}_{model}"
        assert (tmp_path / "out" / one["detailed_evaluation_results"]["file_path"]).is_file()
        found[one["model_info"]["name"]] = f"{developer}/{model}"
    assert set(found) == set(names)
    assert found["openai//models/x.gguf"] == "local/models_x.gguf"
    assert len(set(found.values())) == 4
    assert all(len(os.fsencode(part)) < 255 for path in found.values() for part in path.split("/"))
