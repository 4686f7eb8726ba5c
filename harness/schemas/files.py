"""JSON schemas of the files that commands write and read, made from the records they hold.

A schema accepts what the record's decoder accepts, but for rules that span several fields, such as
that a project's precedences have no cycle: those are checked when a file is read.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

import msgspec

from harness.board.board import Board, Row
from harness.board.compare import ModelComparison
from harness.export.columns import SAMPLES, Kind
from harness.families.family import Family
from harness.families.registry import family as load_family
from harness.replay.audit import AuditReport
from harness.store.manifest import Manifest
from harness.suites.lines import AnswerLine, SolveLine
from tasks.base import Fields, Grade, InputError, Instance, Record

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS = "#/$defs/"
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")  # within a paragraph
_ATTRIBUTE = re.compile(r" {4}(\w+(?:, \w+)*): (.+)")


@dataclass(frozen=True)
class FileKind:
    """A kind of file, or of a line of one.

    Attributes:
        description: what it is, and which command writes it.
        schema: makes its JSON schema; of a family alone, or None for all of them.
        by_family: whether a family can be named.
    """

    description: str
    schema: Callable[[Family[Any] | None], Fields]
    by_family: bool = False


def json_schema(kind: str, family: str | None = None) -> Fields:
    """Return the JSON schema (draft 2020-12) of a kind of file.

    Args:
        kind: one of `KINDS`.
        family: narrows a kind that differs by family: an instance then has the family's payload,
            an answer one of its forms.

    Raises:
        InputError: there is no such kind or family, or the kind is the same for all families.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind of file {kind!r}: there are {', '.join(KINDS)}")
    file_kind, declared = KINDS[kind], None if family is None else load_family(family)
    if declared and not file_kind.by_family:
        raise InputError(f"the schema of a {kind} is the same for all families: name none")
    schema = file_kind.schema(declared)
    if declared and "family" in schema["properties"]:
        schema["properties"]["family"] |= {"const": declared.name}
    head = {
        "$schema": DIALECT,
        "$id": ":".join(("urn:makespan:schema", kind, *([family] if family else []))),
        "title": f"makespan {kind}" + (f" of {family}" if family else ""),
    }
    return {**head, **{key: deepcopy(part) for key, part in schema.items() if key != "title"}}


# From records --------------------------------------------------------------------------------


def schema_of(record: Any) -> Fields:
    """Return the JSON schema of a record's type; what it is made of is in its `$defs`.

    Descriptions of properties are those of the docstring's `Attributes:`.
    """
    [root], parts = msgspec.json.schema_components([record], ref_template=DEFINITIONS + "{name}")
    described = {name: _described(part) for name, part in parts.items()}
    schema = described.pop(root["$ref"].removeprefix(DEFINITIONS))
    return schema | ({"$defs": described} if described else {})


def _described(part: Fields) -> Fields:
    """Return the schema of a record with the text of its docstring where it belongs."""
    if "description" not in part:
        return part
    text, abouts = _attributes(cleandoc(part["description"]))
    properties = {
        name: schema | ({"description": abouts[name]} if name in abouts else {})
        for name, schema in part.get("properties", {}).items()
    }
    return part | {"description": text} | ({"properties": properties} if properties else {})


def _attributes(docstring: str) -> tuple[str, dict[str, str]]:
    """Return a docstring without its `Attributes:`, and the text of each of these by name."""
    head, _, block = docstring.partition("\nAttributes:\n")
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in block.splitlines():
        if begin := _ATTRIBUTE.fullmatch(line):
            names = begin[1].split(", ")
            texts |= dict.fromkeys(names, begin[2])
        else:
            texts |= {name: f"{texts[name]} {line.strip()}" for name in names}
    return _LINE_END.sub(" ", head.strip()), texts


def _instance(family: Family[Any] | None) -> Fields:
    """Return the schema of an instance line; without a family its payload is any object."""
    if family is not None:
        return schema_of(Instance[family.payload])  # type: ignore[name-defined]
    schema = schema_of(Instance)
    schema["properties"]["payload"] |= {"type": "object"}
    return schema


def _answer(family: Family[Any] | None) -> Fields:
    """Return the schema of a line with either an answer or a text."""
    schema = schema_of(AnswerLine)
    about = {"description": schema["properties"]["answer"]["description"]}
    forms = [
        form.schema for form in (family.answers(None) if family else {}).values() if form.whole
    ]
    values = {"anyOf": [*forms, {"type": "null"}]} if forms else {}
    schema["properties"]["answer"] = {**about, **values}
    null, text = {"type": "null"}, {"type": "string"}
    either: list[Fields] = [
        {"required": ["text"], "properties": {"text": text, "answer": null}},
        {"required": ["answer"], "properties": {"text": null}},
    ]
    return schema | {"anyOf": either}


def _grade(_: Family[Any] | None) -> Fields:
    """Return the schema of a grade with the id of its instance before it."""
    schema = schema_of(Grade)
    identity = {"id": {"type": "string", "description": "of the instance."}}
    return schema | {
        "properties": identity | schema["properties"],
        "required": ["id", *schema["required"]],
    }


def _of(record: Any) -> Callable[[Family[Any] | None], Fields]:
    return lambda _: schema_of(record)


# Without a record ----------------------------------------------------------------------------


def _list_of(names: Mapping[str, Fields]) -> Fields:
    return {"type": "array", "items": _closed(names)}


def _closed(properties: Mapping[str, Fields]) -> Fields:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT: Fields = {"type": ["string", "null"]}
_WHOLE: Fields = {"type": ["integer", "null"]}
_REAL: Fields = {"type": ["number", "null"]}
_VALUE = {"name": _TEXT, "value": _REAL}
_COLUMNS: dict[Kind, Fields] = {
    "text": _TEXT,
    "json": {},
    "whole": _WHOLE,
    "real": _REAL,
    "texts": {"type": "array", "items": _TEXT},
    "wholes": {"type": "array", "items": _WHOLE},
    "reals": {"type": "array", "items": _REAL},
    "values": _list_of(_VALUE),
    "estimates": _list_of(_VALUE | {"low": _REAL, "high": _REAL, "note": _TEXT}),
    "replies": _list_of(dict.fromkeys(("path", "text", "calls", "finish", "model"), _TEXT)),
}


def _sample(_: Family[Any] | None) -> Fields:
    return _closed({c.name: _COLUMNS[c.kind] | {"description": c.about} for c in SAMPLES})


def _event(_: Family[Any] | None) -> Fields:
    properties: Fields = {
        "time": {"type": "string", "format": "date-time", "description": "UTC"},
        "event": {"type": "string", "description": "its name; other fields are those of its kind"},
    }
    return _closed(properties) | {"additionalProperties": True}


KINDS: dict[str, FileKind] = {
    "instance": FileKind("a line of a file of instances: generate, import", _instance, True),
    "answer": FileKind("a line of a file of answers, which grade reads", _answer, True),
    "grade": FileKind("a line of grade", _grade),
    "solution": FileKind("a line of solve", _of(SolveLine)),
    "manifest": FileKind("manifest.json of a run folder: run, evolve run", _of(Manifest)),
    "record": FileKind("a finished episode, as a journal holds it", _of(Record), True),
    "sample": FileKind("a line of export --format jsonl", _sample, True),
    "event": FileKind("a line of --log-json", _event),
    "board": FileKind("board --json", _of(Board)),
    "row": FileKind("a row of a board", _of(Row), True),
    "comparison": FileKind("compare --json", _of(ModelComparison)),
    "audit": FileKind("audit --json, of a run", _of(AuditReport)),
}
