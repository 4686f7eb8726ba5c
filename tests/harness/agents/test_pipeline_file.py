"""Pipelines in files: what is read, what is told to have no effect, what is refused."""

import json
from pathlib import Path

import pytest

from harness.agents import pipeline_reading as reading
from harness.agents.base import agent_name, pipeline_of, read_agent
from harness.agents.pipeline_file import read_pipeline
from harness.agents.pipeline_format import SETTINGS, Component, bounds
from tasks.base import InputError
from tests.factories.pipelines import ARCHON, NAMES, TOML, written


def file(folder: Path, text: str, name: str = "p.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_both_forms_say_the_same_where_they_mean_the_same(tmp_path: Path) -> None:
    archon = {
        "layers": [
            [{"type": "generator", "model": "gpt", "model_type": "OpenAI_API", "samples": 3}],
            {"models": [{"type": "ranker", "model": "q/w", "model_type": "Together_API"}]},
            {"type": "fuser", "model": "", "model_type": "", "temperature": 0.7},
        ]
    }
    own = (
        '[seats.w]\nmodel = "openai/gpt"\n[[layers]]\ntype = "generator"\nsamples = 3\nseat = "w"\n'
        '[[layers]]\ntype = "ranker"\nmodel = "litellm/together_ai/q/w"\n'
        '[[layers]]\ntype = "fuser"\ntemperature = 0.7\n'
    )
    one, _ = read_pipeline(file(tmp_path, json.dumps(archon), "a.json"))
    two, notes = read_pipeline(file(tmp_path, own))
    assert one.layers == two.layers
    assert one.digest == two.digest
    assert one.seats == ("openai/gpt", "litellm/together_ai/q/w", ":temperature=0.7")
    assert notes == ()


def test_what_it_is_hangs_on_its_content_alone(tmp_path: Path) -> None:
    spaced = TOML["vote"].replace(", ", " ,   ") + "# a remark\n"
    first = pipeline_of(f"pipeline:{file(tmp_path, TOML['vote'])}").pipeline
    second = pipeline_of(f"pipeline:{file(tmp_path, spaced, 'q.toml')}").pipeline
    other = pipeline_of(f"pipeline:{written(tmp_path, 'checked')}").pipeline
    assert first.digest == second.digest != other.digest
    assert (first.name, second.name) == ("p", "q")
    kind, settings = read_agent(f"pipeline:{tmp_path / 'p.toml'}")
    assert agent_name(kind, settings) == f"pipeline:p@{first.digest}"
    (tmp_path / "p.toml").unlink()
    again = read_agent(agent_name(kind, settings), first)
    assert again == (kind, settings)


def test_what_has_no_effect_is_told_and_is_no_part_of_what_it_is(tmp_path: Path) -> None:
    pipeline, notes = read_pipeline(written(tmp_path, "ranked"))
    assert "'length_contorl' of a fuser has no effect" in notes
    assert "'samples' of a critic has no effect" in notes
    clean = json.loads(json.dumps(ARCHON["ranked"]))
    for layer in clean["layers"]:
        for component in layer:
            component.pop("length_contorl", None)
            if component["type"] not in ("generator", "fuser"):
                component.pop("samples")
    other, left = read_pipeline(file(tmp_path, json.dumps(clean), "clean.json"))
    assert other.digest == pipeline.digest
    assert left == ()
    unused = '[seats.a]\nmodel = "openai/x"\n[[layers]]\ntype = "generator"\ntop_k = 2\n'
    _, notes = read_pipeline(file(tmp_path, unused))
    assert notes == ("'top_k' of a generator has no effect", "seat 'a' is no component's")


def test_the_file_of_the_documents_is_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "pipelines.md"
    text = page.read_text("utf-8").split("```toml\n")[1].partition("```")[0]
    pipeline, notes = read_pipeline(file(tmp_path, text))
    judge = "anthropic/claude-opus-4:temperature=0,max_output_tokens=500"
    assert (pipeline.name, pipeline.seats, notes) == ("four-then-judged", ("", judge), ())


def test_all_seats_can_be_the_runs_own_model(tmp_path: Path) -> None:
    path = written(tmp_path, "ranked")
    assert pipeline_of(f"pipeline:{path}").pipeline.seats == (
        "openai/m:temperature=0.7,max_output_tokens=512",
    )
    own = pipeline_of(f"pipeline:{path},models=run").pipeline
    assert own.seats == (":temperature=0.7,max_output_tokens=512",)


REFUSED = {
    "layers = []\n": "a pipeline has layers",
    "layers = [[]]\n": "each layer has components",
    'layers = [{type = "fuser"}]\n': "layer 1: a fuser needs candidates: put a generator before",
    'layers = [{type = "generator"}, {type = "unit_test_evaluator"}]\n': "needs tests: put a",
    'layers = [{type = "unit_test_generator"}]\n': "no layer has a generator",
    'layers = [{type = "generater"}]\n': "type 'generater' is none of generator, ranker",
    'layers = [{type = "generator", sample = 3}]\n': "unknown key 'sample'; did you mean 'samples'",
    'layers = [{type = "generator", samples = 0}]\n': "samples",
    'layers = [{type = "generator", seat = "x"}]\n': "there is no seat 'x'",
    'layers = [{type = "generator", model = "policy/exact"}]\n': "no seat is for policies",
    'layers = [{type = "generator", model = "openai/x:seed=1", temperature = 1.0}]\n': "put all",
    'layers = [{type = "generator", samples = 1000}, {type = "repair", rounds = 1000}]\n': "calls",
    "layer = 1\n": "layer",
    "= 3\n": "not TOML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.toml") as raised:
        read_pipeline(file(tmp_path, text))
    assert REFUSED[text] in str(raised.value)
    assert "\n" not in str(raised.value).strip()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not JSON"),
        ("[]", "it is no object with layers"),
        ("{}", "it has no list `layers`"),
        ('{"layers": [["generator"]]}', "type 'generator' is none of"),
        ('{"layers": [[{"type": "ranker", "model": "llm-blender/PairRM"}]]}', "ranking model"),
        (
            '{"layers": [[{"type": "generator", "model": "a", "model_type": "My_API"}]]}',
            "model_type 'My_API' is none of OpenAI_API",
        ),
        ('{"layers": [[{"type": "fuser"}]]}', "a fuser needs candidates"),
        ('{"configuration": {}}', "that run has no pipeline"),
    ],
)
def test_archons_form_is_refused_in_one_line_where_it_cannot_run(
    content: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"a\.json") as raised:
        read_pipeline(file(tmp_path, content, "a.json"))
    assert why in str(raised.value)


def test_a_file_must_be_named_and_be_there(tmp_path: Path) -> None:
    for agent in ("pipeline", "pipeline:models=run", f"pipeline:{tmp_path / 'no.toml'}"):
        with pytest.raises(InputError, match=r"needs a file|cannot read"):
            read_agent(agent)
    with pytest.raises(InputError, match="models"):
        read_agent(f"pipeline:{written(tmp_path, 'one')},models=all")


def test_every_component_of_the_format_is_in_one_of_the_ten(tmp_path: Path) -> None:
    assert len(NAMES) == 10
    pipelines = [read_pipeline(written(tmp_path, name)).pipeline for name in NAMES]
    assert {c.type for each in pipelines for c in each.components} == set(SETTINGS)


def test_the_bounds_count_all_calls_and_checks() -> None:
    layers = (
        (Component("generator", samples=4), Component("generator", samples=2)),
        (Component("verifier", first_k=3),),
        (Component("checker", top_k=2), Component("ranker", top_k=1)),
        (Component("repair", rounds=2),),
        (Component("unit_test_generator"),),
        (Component("unit_test_evaluator", top_k=1),),
    )
    counts = [(b.width, b.calls, b.checks, b.answers) for b in bounds(layers)]
    assert counts == [
        (0, 6, 0, 6),
        (6, 12, 0, 0),
        (6, 1, 6, 0),
        (3, 6, 9, 6),
        (3, 1, 0, 0),
        (3, 3, 0, 0),
    ]


@pytest.mark.parametrize(
    ("text", "count", "order"),
    [
        ("[2] > [1]", 2, [1, 0]),
        ("[3]>[1]", 3, [2, 0, 1]),
        ("The best:\n[2] > [2] > [9] > [1]", 3, [1, 0, 2]),
        ("<think>[1] > [2]</think>[2] > [1]", 2, [1, 0]),
        ("2 > 1", 2, None),
        ("[0] > [7]", 2, None),
        ("", 1, None),
    ],
)
def test_rankings_are_read_or_are_none(text: str, count: int, order: list[int] | None) -> None:
    assert reading.ranking(text, count) == order


def test_judgements_are_read_or_are_none() -> None:
    assert reading.critiques("[1] good\nvery\n[2]: bad", 2) == ("good\nvery", "bad")
    assert reading.critiques("[1] better than [2]", 2) is None
    assert reading.critiques("good", 2) is reading.critiques("", 1) is None
    assert reading.verdict("[Incorrect]? No: [Correct]") is True
    assert reading.verdict("[incorrect]") is False
    assert reading.verdict("correct") is None
    assert reading.passed("1. [Passed]\n2. [Failed]\n[Passed] [Passed]", 3) == 2
    assert reading.passed("yes", 3) is None
    assert reading.tests('Here: ["a", "", 3, "b"]', 5) == ("a", "b")
    assert reading.tests("1. first\n2) second\n- third", 2) == ("first", "second")
    assert reading.tests("[1, 2", 2) is None
