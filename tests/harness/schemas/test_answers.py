"""Models of answers: the schemas that worlds ask with, and what graders take."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openai import OpenAI, pydantic_function_tool
from pydantic import BaseModel, ValidationError

from harness.families.family import Family
from harness.families.registry import FAMILIES, family
from harness.schemas import answers
from harness.suites.instances import encode
from makespan.schemas import answer_forms, answer_model, model_of
from tasks.base import Fields, InputError
from tests.factories.changes import changed
from tests.factories.gold import CASES, gold, instance_of
from tests.factories.normal import normal
from tests.harness.helpers import makespan
from tests.loopback import Json, Loopback, chat_completion

NULLS = ("pods", "allocation-benefit")
SHORT = ("rcpsp", "tardiness", "calendar", "tools-turns", "tools-plan")  # a case a kind of answer


def whole(case: str) -> tuple[str, Fields]:
    """The name of the form that answers an instance, and the reference's answer in it."""
    instance = instance_of(case)
    answer = instance.reference.answer or {}
    [form] = [
        name
        for name, each in family(instance.family).answers(instance.payload).items()
        if each.whole and each.schema["properties"].keys() <= answer.keys()
    ]
    names = answer_forms(instance.family, instance)[form]["properties"]
    return form, {name: answer[name] for name in names}


def verdict(case: str, answer: str, folder: Path) -> str:
    """The verdict of `makespan grade` on an answer object as text."""
    instance, answers = folder / "i.jsonl", folder / "a.jsonl"
    instance.write_bytes(encode(instance_of(case)) + b"\n")
    answers.write_text(f'{{"id": "{instance_of(case).id}", "answer": {answer}}}\n')
    done = makespan("grade", instance, answers)
    assert done.returncode == 0, done.stderr
    graded: str = json.loads(done.stdout)["verdict"]
    return graded


def parts(schema: Any) -> Iterator[Any]:
    """A schema and all that are in it."""
    yield schema
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from parts(part)


def test_cases_cover_every_family() -> None:
    assert {name for name, _, _ in CASES.values()} == set(FAMILIES)


# One truth -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_forms_are_the_schemas_that_a_world_asks_with(case: str) -> None:
    instance = instance_of(case)
    declared = [
        part for form in answer_forms(instance.family, instance).values() for part in parts(form)
    ]
    schemas = [ask.schema for ask, _ in gold(case).steps if ask.schema]
    assert all(schema in declared for schema in schemas)
    assert schemas or instance.family == "tools"


@pytest.mark.parametrize("case", CASES)
def test_every_reply_of_the_ceiling_has_the_form_of_its_step(case: str) -> None:
    instance = instance_of(case)
    forms = answer_forms(instance.family, instance)
    for ask, reply in gold(case).steps:
        schemas = [ask.schema] if ask.schema else list(forms.values())
        fitting = [
            s for s in schemas if Draft202012Validator(s).is_valid(json.loads(reply.text or "0"))
        ]
        assert len(fitting) == (not reply.calls), ask.path
        if fitting:
            answer = model_of(fitting[0]).model_validate_json(reply.text)
            assert json.loads(answer.model_dump_json()) == json.loads(reply.text)


@pytest.mark.parametrize("case", CASES)
def test_models_have_the_schemas_that_they_were_made_of(case: str) -> None:
    instance = instance_of(case)
    for each in (None, instance):
        for name, schema in answer_forms(instance.family, each).items():
            model = answer_model(instance.family, each, name)
            assert normal(model.model_json_schema()) == normal(schema)
    for ask, _ in gold(case).steps:
        if ask.schema:
            assert normal(model_of(ask.schema).model_json_schema()) == normal(ask.schema)


@pytest.mark.parametrize("case", CASES)
def test_what_fits_an_instance_fits_any(case: str) -> None:
    form, answer = whole(case)
    text = json.dumps(answer)
    for each in (None, instance_of(case)):
        model = answer_model(instance_of(case).family, each, form)
        assert json.loads(model.model_validate_json(text).model_dump_json()) == answer


# Right and wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_right_answer_passes_through_its_model_and_is_valid(case: str, tmp_path: Path) -> None:
    form, answer = whole(case)
    model = answer_model(instance_of(case).family, instance_of(case))
    assert model.__name__ == form
    parsed = model.model_validate_json(json.dumps(answer))
    assert verdict(case, parsed.model_dump_json(), tmp_path) == "valid"
    assert verdict(case, json.dumps(parsed.model_dump()), tmp_path) == "valid"


def _has_no_part_or_two(answer: object) -> bool:
    """A judgement with both parts or neither fits its form: that one is null no schema tells."""
    if not isinstance(answer, dict) or answer.keys() != {"starts", "infeasible"}:
        return False
    starts, labels = answer["starts"], answer["infeasible"]
    return (starts is None and labels is None) or (isinstance(starts, dict) and labels == [])


@pytest.mark.parametrize("case", CASES)
def test_what_is_of_a_wrong_type_or_missing_is_refused(case: str) -> None:
    model = answer_model(instance_of(case).family, instance_of(case))
    form, answer = whole(case)
    schema = Draft202012Validator(answer_forms(instance_of(case).family, instance_of(case))[form])
    # a pod may wait, a tensor have no place: there a null is another right answer
    wrong = [
        each
        for each in changed(answer)
        if not _has_no_part_or_two(each) and (case not in NULLS or not schema.is_valid(each))
    ]
    assert len(wrong) > 10
    for each in wrong:
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps(each))


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        ("rcpsp", "T1", "T99"),
        ("tardiness", "J01", "J99"),
        ("tools-turns", "files_find_folder", "files_find_nothing"),
        ("tools-turns", "value_1", "value_9"),
    ],
)
def test_ids_are_those_of_the_instance(case: str, old: str, new: str) -> None:
    _, answer = whole(case)
    text = json.dumps(answer)
    assert f'"{old}"' in text
    strange = text.replace(f'"{old}"', f'"{new}"')
    name = instance_of(case).family
    assert answer_model(name, None, whole(case)[0]).model_validate_json(strange)
    with pytest.raises(ValidationError):
        answer_model(name, instance_of(case)).model_validate_json(strange)


def test_a_round_takes_its_own_events_only() -> None:
    first, second = (ask for ask, _ in gold("calendar").steps[:2])
    text = gold("calendar").steps[0][1].text
    assert first.schema
    assert second.schema
    assert model_of(first.schema, "Decision").model_validate_json(text)
    with pytest.raises(ValidationError):
        model_of(second.schema, "Decision").model_validate_json(text)


# What users hand them to ---------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize("case", SHORT)
def test_openai_parses_an_answer_that_grade_takes(case: str, tmp_path: Path) -> None:
    instance = instance_of(case)
    _, answer = whole(case)
    model = answer_model(instance.family, instance)
    with Loopback(lambda _number, _body: json.dumps(answer)) as server:
        client = OpenAI(base_url=server.url, api_key="none")
        reply = client.chat.completions.parse(
            model="test", messages=[{"role": "user", "content": "Plan."}], response_format=model
        )
    parsed = reply.choices[0].message.parsed
    assert isinstance(parsed, model)
    assert verdict(case, parsed.model_dump_json(), tmp_path) == "valid"
    [request] = server.requests
    asked = request.body["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"]) == (model.__name__, True)
    assert normal(asked["schema"]) == normal(
        answer_forms(instance.family, instance)[model.__name__]
    )


@pytest.mark.heavy
def test_openai_refuses_a_reply_of_wrong_types() -> None:
    model = answer_model("tardiness", instance_of("tardiness"))
    with Loopback(lambda _number, _body: '{"order": "J01"}') as server:
        client = OpenAI(base_url=server.url, api_key="none")
        with pytest.raises(ValidationError):
            client.chat.completions.parse(
                model="test", messages=[{"role": "user", "content": "?"}], response_format=model
            )


@pytest.mark.parametrize("case", SHORT)
def test_a_model_is_a_tool_of_openai(case: str, tmp_path: Path) -> None:
    """As instructor asks by default: the answer is the arguments of a call."""
    instance = instance_of(case)
    model = answer_model(instance.family, instance)
    tool = pydantic_function_tool(model)

    def call(_: int, body: Json) -> Json:
        function = {"name": model.__name__, "arguments": json.dumps(whole(case)[1])}
        reply = chat_completion("", body)
        reply["choices"][0]["message"] = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        }
        return reply

    with Loopback(call) as server:
        client = OpenAI(base_url=server.url, api_key="none")
        done = client.chat.completions.parse(
            model="test", messages=[{"role": "user", "content": "Plan."}], tools=[tool]
        )
    [made] = done.choices[0].message.tool_calls or []
    parsed = made.function.parsed_arguments
    assert isinstance(parsed, BaseModel)
    assert verdict(case, parsed.model_dump_json(), tmp_path) == "valid"


def test_the_step_of_an_episode_is_parsed_by_the_model_of_its_ask() -> None:
    instance, steps = instance_of("calendar"), gold("calendar").steps
    with Loopback(lambda number, _body: steps[number - 1][1].text) as server:
        client = OpenAI(base_url=server.url, api_key="none")
        for ask, reply in steps[:3]:
            assert ask.schema
            done = client.chat.completions.parse(
                model="test",
                messages=[{"role": "user", "content": ask.messages[-1].content}],
                response_format=model_of(ask.schema, "Decision"),
            )
            assert done.choices[0].message.parsed.model_dump() == json.loads(reply.text)  # type: ignore[union-attr]
    sent = [request.body["response_format"]["json_schema"]["schema"] for request in server.requests]
    assert [normal(schema) for schema in sent] == [normal(ask.schema) for ask, _ in steps[:3]]
    assert instance.family == "calendar"


def test_the_example_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "schemas.md").read_text("utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]

    def in_any_order(_: int, body: Json) -> str:
        schema = body["response_format"]["json_schema"]["schema"]
        return json.dumps({"order": schema["properties"]["order"]["items"]["enum"]})

    names: dict[str, Any] = {}
    with Loopback(in_any_order) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        exec(code, names)
    assert names["grade"].verdict == "valid"
    [request] = server.requests
    assert "J01" in request.body["messages"][-1]["content"]


# Use -----------------------------------------------------------------------------------------


def test_wrong_names_are_told_in_one_line() -> None:
    with pytest.raises(InputError, match="unknown family 'rcspp'"):
        answer_model("rcspp")
    with pytest.raises(InputError, match="tardiness has no answer 'Plan' here: there are Order"):
        answer_model("tardiness", None, "Plan")
    with pytest.raises(InputError, match="is of rcpsp, not of tardiness"):
        answer_model("tardiness", instance_of("rcpsp"))


def test_a_family_without_forms_has_models_of_its_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Like one of a plug-in that declares none."""
    default: Any = next(each.default for each in fields(Family) if each.name == "answers")
    silent = replace(family("tardiness"), answers=default)
    monkeypatch.setattr(answers, "family", lambda _: silent)
    with pytest.raises(InputError, match="tardiness declares no answers: make a model of the"):
        answer_model("tardiness")
    [(ask, reply)] = gold("tardiness").steps
    assert ask.schema
    assert model_of(ask.schema, "Order").model_validate_json(reply.text)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    monkeypatch.delitem(
        sys.modules, model_of.__module__.replace("answers", "models"), raising=False
    )
    with pytest.raises(
        InputError, match=r"the package pydantic: pip install 'makespan\[schemas\]'"
    ):
        answer_model("rcpsp")


def test_a_pydantic_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydantic.VERSION", "2.11.7")
    with pytest.raises(InputError, match=r"pydantic 2\.12 or later, not 2\.11\.7: pip install -U"):
        answer_model("rcpsp")


def test_pydantic_is_loaded_when_a_model_is_wanted() -> None:
    code = """
import sys
import makespan.schemas
makespan.schemas.json_schema("instance", "rcpsp"), makespan.schemas.answer_forms("tools")
heavy = ("pydantic", "openai", "numpy", "ortools", "aiohttp", "rich")
print([name for name in heavy if name in sys.modules])
makespan.schemas.answer_model("rcpsp")
print("pydantic" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
