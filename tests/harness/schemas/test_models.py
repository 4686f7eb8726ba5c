"""Models of JSON schemas accept what the schemas accept; a validator of schemas is the twin."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from harness.schemas.models import model_of
from tasks.base import InputError
from tests.depth import examples
from tests.factories.normal import normal
from tests.loopback import Json

NAMES = ["a", "b", "task-1", "class", "copy", "_x", "model_config", "field_2", "é", ""]
PLAIN: list[Json] = [
    {"type": "integer"},
    {"type": "integer", "minimum": 1, "exclusiveMaximum": 3},
    {"type": "number", "maximum": 1.5},
    {"type": "string"},
    {"type": "string", "minLength": 1, "maxLength": 2},
    {"type": "string", "pattern": "^b"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": "string", "enum": ["a", "b"]},
    {"enum": ["a", 1, None]},
    {"const": "a"},
    {"type": ["integer", "null"]},
]


def objects(parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Schemas of objects with named properties."""

    def built(properties: Json, required: set[str], closed: bool) -> Json:
        schema = {
            "type": "object",
            "properties": properties,
            "required": sorted(required & properties.keys()),
        }
        return schema | ({"additionalProperties": False} if closed else {})

    names = st.sets(st.sampled_from(NAMES))
    return st.builds(
        built, st.dictionaries(st.sampled_from(NAMES), parts, max_size=4), names, st.booleans()
    )


def arrays(parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Schemas of arrays: of any length, between two, or with a place for each item."""
    lists = st.builds(lambda items: {"type": "array", "items": items}, parts)
    sized = st.builds(
        lambda items, k: {"type": "array", "items": items, "minItems": k, "maxItems": k + 1},
        parts,
        st.integers(0, 2),
    )
    tuples = st.builds(
        lambda items: {
            "type": "array",
            "prefixItems": items,
            "minItems": len(items),
            "maxItems": len(items),
        },
        st.lists(parts, min_size=1, max_size=3),
    )
    return lists | sized | tuples


def extended(parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    dicts = st.builds(lambda values: {"type": "object", "additionalProperties": values}, parts)
    unions = st.builds(lambda several: {"anyOf": several}, st.lists(parts, min_size=1, max_size=3))
    return objects(parts) | arrays(parts) | dicts | unions


PARTS = st.recursive(st.sampled_from(PLAIN), extended, max_leaves=6)
SCHEMAS = objects(PARTS)
# no 1.0: for a schema that is a whole number, for a model it is not
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 5, 0.5, 2.5, "", "a", "b", "ab", "abc", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def near(draw: st.DrawFn, schema: Any) -> Any:
    """A value that fits a schema, but for a change now and then."""
    if draw(st.integers(0, 11)) == 0:
        return draw(VALUES)
    if "anyOf" in schema:
        return draw(near(draw(st.sampled_from(schema["anyOf"]))))
    if "enum" in schema or "const" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        value = {k: draw(near(part)) for k, part in properties.items() if draw(st.integers(0, 7))}
        if isinstance(schema.get("additionalProperties"), dict):
            value["b"] = draw(near(schema["additionalProperties"]))
        if draw(st.integers(0, 7)) == 0:
            value["other"] = draw(VALUES)
        return value
    if schema["type"] == "array" and "items" in schema:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        return [draw(near(schema["items"])) for _ in range(draw(st.integers(least, most)))]
    if schema["type"] == "array":
        return [draw(near(part)) for part in schema["prefixItems"]]
    kinds = {"integer": 2, "number": 0.5, "string": "b", "boolean": True, "null": None}
    kind = schema["type"]
    return kinds[draw(st.sampled_from(kind)) if isinstance(kind, list) else kind]


@st.composite
def answered(draw: st.DrawFn) -> tuple[Json, Any]:
    schema = draw(SCHEMAS)
    return schema, draw(near(schema))


@examples(600)
@given(answered())
def test_a_model_accepts_what_its_schema_accepts_and_gives_it_back(case: tuple[Json, Any]) -> None:
    schema, value = case
    model = model_of(schema)
    if not Draft202012Validator(schema).is_valid(value):
        with pytest.raises(ValidationError):
            model.model_validate(value)
        return
    written = model.model_validate(value).model_dump(mode="json")
    assert Draft202012Validator(schema).is_valid(written)
    assert _without_null(written) == _without_null(value)


def _without_null(value: Any) -> Any:
    """A value whose objects have no null: one that is optional is not written."""
    if isinstance(value, dict):
        return {k: _without_null(part) for k, part in value.items() if part is not None}
    return [_without_null(part) for part in value] if isinstance(value, list) else value


@examples(300)
@given(SCHEMAS)
def test_a_model_has_the_schema_that_it_was_made_of(schema: Json) -> None:
    assert _without_nothing(normal(model_of(schema).model_json_schema())) == _without_nothing(
        normal(schema)
    )


def _without_nothing(schema: Any) -> Any:
    """A schema in which a list of types is an `anyOf`, as pydantic writes it, flat and sorted."""
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if not schema.get("required", True):
        del schema["required"]
    if isinstance(kinds := schema.get("type"), list):
        del schema["type"]
        schema = {"anyOf": [{"type": kind} | schema for kind in kinds]}
    if "properties" in schema:
        parts = schema["properties"].items()
        schema["properties"] = {name: _without_nothing(part) for name, part in parts}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = _without_nothing(schema[key])
    if "prefixItems" in schema:
        schema["prefixItems"] = [_without_nothing(part) for part in schema["prefixItems"]]
    if "anyOf" in schema:
        return _flat_union([_without_nothing(part) for part in schema["anyOf"]])
    if schema.get("type") == "string" and "enum" in schema:
        del schema["type"]
    return schema


def _flat_union(parts: list[Any]) -> Any:
    flat: list[Any] = []
    for part in parts:
        flat += [each for each in part.get("anyOf", [part]) if each not in flat]
    return (
        flat[0]
        if len(flat) == 1
        else {"anyOf": sorted(flat, key=lambda part: json.dumps(part, sort_keys=True))}
    )


def test_descriptions_and_the_name_are_kept() -> None:
    schema: Json = {
        "type": "object",
        "description": "An order.",
        "properties": {
            "first": {"type": "integer", "description": "The first job."},
            "rest": {
                "type": "object",
                "description": "The others.",
                "properties": {"k": {"type": "string"}},
            },
        },
        "required": ["first"],
    }
    model = model_of(schema, "Order")
    assert (model.__name__, model.__doc__) == ("Order", "An order.")
    assert model.model_fields["first"].description == "The first job."
    assert normal(model.model_json_schema()) == normal(schema)


def test_a_property_is_a_field_of_its_name_where_it_can_be() -> None:
    schema: Json = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in ("start", "task-1", "field_2")},
        "required": ["start", "task-1"],
    }
    answer = model_of(schema).model_validate_json('{"start": 1, "task-1": 2, "field_2": 3}')
    assert (answer.start, answer.field_2_, answer.field_2) == (1, 2, 3)  # type: ignore[attr-defined]
    assert answer.model_dump_json() == '{"start":1,"task-1":2,"field_2":3}'


def test_what_is_optional_and_not_there_is_not_written() -> None:
    schema: Json = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 7}},
    }
    answer = model_of(schema).model_validate({})
    assert answer.a is None  # type: ignore[attr-defined]
    assert answer.model_dump_json() == '{"b":7}'


@pytest.mark.parametrize(
    ("text", "field"),
    [('{"k": "1"}', "k"), ('{"k": 1.0}', "k"), ('{"k": true}', "k"), ("{}", "k"), ("[]", "")],
)
def test_nothing_is_converted(text: str, field: str) -> None:
    model = model_of(
        {"type": "object", "properties": {"k": {"type": "integer"}}, "required": ["k"]}
    )
    with pytest.raises(ValidationError) as error:
        model.model_validate_json(text)
    assert error.value.errors()[0]["loc"] == ((field,) if field else ())


def inside(part: Json) -> Json:
    return {"type": "object", "properties": {"k": part}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (inside({"type": "string", "format": "date"}), "Answer_k: .* keyword 'format'"),
        (inside({"type": "array", "uniqueItems": True}), "keyword 'uniqueItems'"),
        (inside({"oneOf": [{"type": "string"}]}), "keyword 'oneOf'"),
        (inside({"type": "integer", "minLength": 2}), "keyword 'minLength'"),
        (inside({"type": "any"}), "'any' is no type"),
        (inside({"enum": [1.5]}), "its enum is not of"),
        (inside({"enum": []}), "its enum is not of"),
        (inside({"type": "array", "prefixItems": [{}]}), "all the items there are"),
        (inside({"$ref": "#/$defs/none"}), "'#/.defs/none' is not one of its"),
        (inside({"$ref": "other.json"}), "'other.json' is not one of its"),
        (inside({"not": {}}), "keyword 'not'"),
        (inside(False), "accepts nothing"),  # type: ignore[arg-type]
        (
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "a schema of others",
        ),
        (
            {"type": "object", "properties": {}, "required": ["k"]},
            "'k' is required and no property",
        ),
        ({"type": "array", "items": {}}, "it is not of an object"),
        ({"type": "object"}, "it is not of an object"),
    ],
)
def test_a_schema_that_a_model_would_not_hold_answers_to_is_refused(
    schema: Json, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        model_of(schema)


def test_references_are_followed_and_circles_refused() -> None:
    schema: Json = {
        "$ref": "#/$defs/Order",
        "$defs": {
            "Order": {"type": "object", "properties": {"k": {"$ref": "#/$defs/Job"}}},
            "Job": {"type": "integer"},
        },
    }
    assert model_of(schema).model_validate({"k": 1}).k == 1  # type: ignore[attr-defined]
    for target in ("#/$defs/Order", "#/$defs/Job"):
        schema["$defs"]["Job"] = {"$ref": target}
        with pytest.raises(InputError, match="refers to itself"):
            model_of(schema)
