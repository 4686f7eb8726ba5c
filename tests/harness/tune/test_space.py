"""Spaces of pipelines: what is in them, and which plans are refused before anybody is asked."""

import json
import re
from pathlib import Path

import pytest

from harness.agents.pipeline_format import Component
from harness.tune.space import WIDEST, read_plan, require_apart, sampled, space_of
from tasks.base import InputError
from tests.factories.pipelines import TUNE
from tests.harness.helpers import makespan
from tests.harness.processes import deadline

PAGE = Path(__file__).parents[3] / "docs" / "pipelines.md"


def plan_file(folder: Path, *changes: tuple[str, str]) -> Path:
    """A plan whose server is nowhere, with changes."""
    text = TUNE.format(url="http://127.0.0.1:9/v1")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_a_space_has_each_pipeline_once_and_a_sample_is_the_same_each_time(tmp_path: Path) -> None:
    path, notes = plan_file(tmp_path, ("[1, 2, 8]", "[1, 2, 2, 8]")), list[str]()
    space = space_of(read_plan(path), "it", notes)
    assert [each.name for each in space] == [
        "generator1-checker1",
        "generator2-checker1",
        "generator8-checker1",
        "generator3-ranker1",
    ]
    assert notes == []
    assert sampled(space, 9, "x") == space
    samples = [sampled(space, 2, f"{k}") for k in range(20)]
    assert samples[0] == sampled(space, 2, "0")
    assert len({tuple(each.digest for each in sample) for sample in samples}) > 2


def test_layers_counts_top_k_and_seats_are_choices(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        TUNE.format(url="http://127.0.0.1:9/v1")
        + '[seats.warm]\ntemperature = 1.5\n[[shapes]]\nlayers = [[{type = "generator",'
        ' samples = 3, seat = ["", "warm"]}, {type = "generator"}],'
        ' {type = ["ranker", "vote"], top_k = [1, 2]}]\n'
    )
    space = space_of(read_plan(path), "it", [])[4:]
    assert len(space) == len({each.digest for each in space}) == 8
    assert space[0].name == "generator3+generator-ranker1"
    assert space[7].name == "generator3.warm+generator-vote2"
    assert space[7].layers[0] == (
        Component("generator", samples=3, temperature=1.5),
        Component("generator"),
    )


def test_the_space_of_the_documents_is_one(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    path, sizes = tmp_path / "space.toml", []
    for text in blocks[1:]:
        path.write_text(text)
        sizes.append(len(space_of(read_plan(path), "it", [])))
    assert sizes == [3 * 3 + 2 * 2 * 2, 2 * 3 + 2]


def test_what_has_no_effect_in_a_space_is_told_once(tmp_path: Path) -> None:
    path, notes = plan_file(tmp_path, ("samples = [3]", "rounds = [1, 2]")), list[str]()
    assert len(space_of(read_plan(path), "it", notes)) == 4
    assert set(notes) == {"'rounds' of a generator has no effect"}


def test_a_space_that_is_far_too_wide_is_refused_at_once(tmp_path: Path) -> None:
    wide = json.dumps(list(range(1, 1000)))
    path = plan_file(tmp_path, ("[1, 2, 8]", wide), ("top_k = 1", f"top_k = {wide}"))
    with deadline(20, "a wide space"):
        done = makespan("tune", path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert f"make {999 * 999 + 999} pipelines, and 1 to {WIDEST} are allowed" in done.stderr
    assert not (tmp_path / "out").exists()


REFUSED = {
    ("held_out = 5", "held_out_seed = 0"): "nothing is held out",
    ("samples = [1, 2, 8]", "samples = []"): "a choice of no values",
    ("tokens = 400", "token = 400"): "unknown key; did you mean 'tokens'",
    ("tokens = 400", "tokens = 0"): "tokens",
    ("samples = [3]", "samples = [0]"): "samples",
    ("samples = [3]", "sample = [3]"): "unknown key 'sample'",
    ("samples = [3]", 'seat = ["x"]'): "there is no seat 'x'",
    ("samples = [3]", "seat = [[1]]"): "there is no seat [1]",
    ("samples = [3]", 'model = "policy/exact"'): "no seat is for policies",
    ('"openai/m"', '"policy/exact"'): "is no model",
    ('"tardiness"', '"tardines"'): "family 'tardines' is none; did you mean 'tardiness'",
    ('"tardiness"', '"standard"'): "family 'standard' is none",
    ('"tardiness"', '"calendar"'): "allows no checker",
    ('"tardiness"', '"tools"'): "calls of tools cannot be ranked",
    ("eta = 2", "eta = 1"): "eta",
    ("level = 5\n", "\n"): "missing required field 'level'",
    ("level = 5", "level = 5\nsettings = {tg = 1}"): "tg",
    ("eta = 2", "eta = 2\nsettings = {seed = 1}"): "seed",
    ('type = "generator", samples = [3]', 'type = "fuser"'): "a fuser needs candidates",
    ('type = "generator", samples = [3]', "type = [[1]]"): "is none of generator",
    ("[[shapes]]", "[[shape]]"): "unknown key; did you mean 'shapes'",
}


@pytest.mark.parametrize("change", REFUSED)
def test_a_plan_that_cannot_be_is_refused_in_a_line_and_nothing_is_written(
    change: tuple[str, str], tmp_path: Path
) -> None:
    done = makespan("tune", plan_file(tmp_path, change), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert REFUSED[change] in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_held_out_problems_are_none_of_development(tmp_path: Path) -> None:
    """Of one job there are so few problems that two seeds have some in common."""
    changes = (("level = 5", "level = 1"), ("instances = 4", "instances = 300"))
    path = plan_file(tmp_path, *changes, ("held_out = 5", "held_out = 300"))
    with pytest.raises(InputError, match=r"of 300 held-out problems are development problems"):
        require_apart(read_plan(path), "it")
    require_apart(read_plan(plan_file(tmp_path)), "it")
