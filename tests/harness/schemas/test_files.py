"""Files that commands write fit their schemas; a schema takes what the decoder takes."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from harness.board.board import Board, Row
from harness.board.compare import ModelComparison
from harness.families.registry import FAMILIES, family
from harness.replay.audit import AuditReport
from harness.schemas.files import KINDS, json_schema
from harness.store.journal import read_records
from harness.store.manifest import Manifest
from harness.suites.instances import encode
from harness.suites.lines import AnswerLine, SolveLine
from tasks.base import Grade, InputError, Instance, Record
from tests.depth import often
from tests.factories.changes import changed
from tests.factories.gold import instance_of
from tests.harness.helpers import makespan
from tests.loopback import FAULTS, Fault, Json, Loopback
from tests.old_folders import FIXTURES, unpack
from tests.old_folders import KINDS as FOLDERS
from tests.scripted import answer as scripted

pytestmark = pytest.mark.heavy

CASES = (
    "rcpsp",
    "tardiness",
    "calendar",
    "tools-turns",
    "tools-plan",
    "flow",
    "vms",
    "jobshop",
    "serving",
    "fair-queue",
    "placement",
    "feasibility",
    "temporal",
    "temporal-network",
    "temporal-relations",
    "dag",
    "pods",
    "hoist",
    "allocation",
    "allocation-benefit",
    "contexts",
)
POLICIES = ("exact", "oracle", "optimal", "random")
RECORDS: dict[str, Any] = {
    "answer": AnswerLine,
    "solution": SolveLine,
    "manifest": Manifest,
    "record": Record,
    "board": Board,
    "row": Row,
    "comparison": ModelComparison,
    "audit": AuditReport,
}


class Written(NamedTuple):
    """A document that was written, its kind, and its family if the kind differs by it."""

    kind: str
    family: str | None
    document: Any


def _is_whole(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# 1.0 is a whole number for JSON schemas, and none for our decoders
Strict = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


@cache
def validator(kind: str, name: str | None = None) -> Any:
    """What holds documents to a schema, dates and whole numbers too."""
    checker = Draft202012Validator.FORMAT_CHECKER
    return Strict(json_schema(kind, name), format_checker=checker)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    """What every command writes of all families: good, bad and failed answers among it."""
    root = tmp_path_factory.mktemp("written")
    return [*_of_instances(root), *_of_runs(root), *_of_a_search(root)]


def _of_instances(root: Path) -> Iterator[Written]:
    """What generate, solve and grade write."""
    batch = [instance_of(case) for case in CASES]
    file, answers = root / "all.jsonl", root / "answers.jsonl"
    file.write_bytes(b"".join(encode(instance) + b"\n" for instance in batch))
    families = {instance.id: instance.family for instance in batch}
    for name in FAMILIES:
        made = makespan("generate", name, "--level", 3, "--count", 2, "--no-reference")
        yield from (Written("instance", name, line) for line in lines(made.stdout))
    for instance in batch:
        yield Written("instance", instance.family, json.loads(encode(instance)))
    for line in lines(makespan("solve", file).stdout):
        yield Written("solution", None, line)
    for text in ("{}", "no", '{"starts": {"T1": true}, "order": [1], "decisions": [], "calls": 0}'):
        given: list[Json] = [{"id": i.id, "text": text} for i in batch[:3]]
        given += [{"id": i.id, "answer": _whole(i)} for i in batch[3:]]
        answers.write_text("".join(json.dumps(line) + "\n" for line in given))
        yield from (Written("answer", families[line["id"]], line) for line in given)
        graded = makespan("grade", file, answers)
        assert graded.returncode == 0, graded.stderr
        yield from (Written("grade", None, line) for line in lines(graded.stdout))


def _whole(instance: Instance[Any]) -> Json:
    """The reference's answer, as a family's file has it."""
    form = next(f for f in family(instance.family).answers(instance.payload).values() if f.whole)
    answer = instance.reference.answer or {}
    return {name: answer[name] for name in form.schema["properties"]}


def _of_runs(root: Path) -> Iterator[Written]:
    """What run, board, compare, audit and export write of a run, and what its journal holds."""
    run, log, table = root / "run", root / "log.jsonl", root / "samples.jsonl"

    def stumble(number: int, body: Json) -> Json | str | Fault:
        return FAULTS["server"] if number in (1, 3) else scripted(number, body)

    models = [word for name in POLICIES for word in ("--model", f"policy/{name}")]
    how = ("--model", "openai/m", "--max-attempts", 2, "--price", "openai/m=1,2", "--epochs", 2)
    with Loopback(stumble) as server:
        words = ("run", root / "all.jsonl", "--out", run, "--log-json", log)
        done = makespan(*words, *models, *how, "--base-url", server.url)
    assert done.returncode in (0, 1), done.stderr
    yield Written("manifest", None, json.loads((run / "manifest.json").read_text()))
    yield from (Written("event", None, line) for line in lines(log.read_text()))
    yield from (
        Written("record", record.family, json.loads(msgspec.json.encode(record)))
        for record in read_records(run)
    )
    board = json.loads(makespan("board", run, "--json").stdout)
    yield Written("board", None, board)
    yield from (Written("row", row["family"], row) for row in board["rows"])
    names = ("--model", "openai/m", "--model", "policy/random")
    yield Written("comparison", None, json.loads(makespan("compare", run, *names, "--json").stdout))
    yield Written("audit", None, json.loads(makespan("audit", run, "--json").stdout))
    makespan("export", run, "--format", "jsonl", "--out", table)
    for line in lines(table.read_text()):
        yield Written("sample", line["family"], line)


def _of_a_search(root: Path) -> Iterator[Written]:
    words = ("tardiness-priority", "--model", "policy/mutate", "--calls", 2, "--limit", 1)
    done = makespan("evolve", "run", *words, "--out", root / "search")
    assert done.returncode == 0, done.stderr
    yield Written("manifest", None, json.loads((root / "search" / "manifest.json").read_text()))


# Schemas -------------------------------------------------------------------------------------

NAMED = [
    (kind, name)
    for kind, of in KINDS.items()
    for name in (None, *FAMILIES)
    if of.by_family or not name
]


@pytest.mark.parametrize(("kind", "name"), NAMED)
def test_a_schema_is_one_and_says_what_it_is_of(kind: str, name: str | None) -> None:
    schema = json_schema(kind, name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:makespan:schema:{kind}" + (f":{name}" if name else "")
    assert schema["title"] == f"makespan {kind}" + (f" of {name}" if name else "")
    assert schema["type"] == "object"
    text = json.dumps(schema)
    assert "Attributes:" not in text
    references = {part.partition('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert references == set(schema.get("$defs", {}))


def test_descriptions_are_those_of_the_docstrings() -> None:
    schema = json_schema("instance", "rcpsp")
    assert schema["properties"]["id"]["description"] == (
        "unique over families, versions and settings."
    )
    project = schema["$defs"]["Project"]
    assert project["description"] == (
        "A scheduling problem, checked when it is made: a wrong one cannot be built."
    )
    assert project["properties"]["precedences"]["description"].startswith("(before, after): ")
    plan = json_schema("manifest")["$defs"]["SearchPlan"]["properties"]
    assert plan["domain"]["description"] == plan["lock"]["description"]
    assert plan["lag"]["description"].endswith("and timing changes nothing.")


def test_every_kind_is_written_somewhere(written: list[Written]) -> None:
    assert {each.kind for each in written} == set(KINDS)
    by_family = {(each.kind, each.family) for each in written if each.family}
    assert by_family == {(kind, name) for kind, name in NAMED if name}


# Documents -----------------------------------------------------------------------------------


def test_what_commands_write_fits(written: list[Written]) -> None:
    for each in written:
        for name in {None, each.family}:
            if (each.kind, name) in NAMED:
                validator(each.kind, name).validate(each.document)


def test_what_is_of_another_family_does_not_fit(written: list[Written]) -> None:
    for each in written:
        others = [n for k, n in NAMED if k == each.kind and n not in (None, each.family)]
        if each.kind != "answer":
            assert not any(validator(each.kind, name).is_valid(each.document) for name in others)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_or_of_a_wrong_type_does_not_fit(kind: str, written: list[Written]) -> None:
    each = next(each for each in written if each.kind == kind)
    schema = json_schema(kind)
    assert schema["required"]
    for key in schema["required"]:
        document = {k: v for k, v in each.document.items() if k != key}
        assert not validator(kind).is_valid(document), key
        if schema["properties"][key].keys() > {"description"}:  # else it may be anything
            assert not validator(kind).is_valid(each.document | {key: True}), key
    if kind not in ("answer", "solution", "event"):  # those are open to what comes later
        assert not validator(kind).is_valid(each.document | {"another": 1})


def record_of(each: Written) -> Any:
    """The type that a document is decoded as."""
    if each.kind == "instance" and each.family:
        return Instance[family(each.family).payload]  # type: ignore[misc]
    return RECORDS.get(each.kind)


def decodes(record: Any, document: Any) -> bool | None:
    """Whether a decoder takes a document; None if it breaks a rule over several fields."""
    try:
        msgspec.json.decode(json.dumps(document).encode(), type=record)
    except msgspec.ValidationError as error:
        return None if isinstance(error.__cause__, ValueError) else False
    return True


def _of_another_family(each: Written, document: Any) -> bool:
    """Whether a family's name was changed: decoders take any, the schema of a family its own."""
    if each.kind != "instance" or not isinstance(document, dict):
        return False
    name = document.get("family")
    return isinstance(name, str) and name != each.family


@pytest.mark.parametrize("kind", [*RECORDS, "instance"])
def test_a_schema_takes_what_the_decoder_takes(kind: str, written: list[Written]) -> None:
    """On documents with one change, wherever it is."""
    refused = taken = 0
    first = {(each.kind, each.family): each for each in written if each.kind == kind}
    for each in first.values():
        name = each.family if kind == "instance" else None
        every = list(changed(each.document))
        for document in Random(f"{kind}/{name}").sample(every, min(len(every), often(1200))):
            fits = validator(kind, name).is_valid(document)
            decoded = decodes(record_of(each), document)
            if decoded is None or _of_another_family(each, document):
                continue
            assert fits == decoded, document
            refused, taken = refused + (not fits), taken + fits
    assert refused > 10
    assert taken


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ({"text": "no"}, True),
        ({"text": "no", "answer": None}, True),
        ({"answer": {"starts": {}}}, True),
        ({"answer": None}, True),
        ({"answer": None, "text": None}, True),
        ({"answer": {}, "text": "no"}, False),
        ({"text": None}, False),
        ({}, False),
    ],
)
def test_a_line_of_answers_has_an_answer_or_a_text(line: Json, fits: bool) -> None:
    line = {"id": "i", **line}
    assert validator("answer").is_valid(line) is fits
    assert (decodes(AnswerLine, line) is True) is fits


def test_a_grade_has_the_id_of_its_instance_and_all_that_a_grade_has(
    written: list[Written],
) -> None:
    document = next(each.document for each in written if each.kind == "grade")
    without = {key: value for key, value in document.items() if key != "id"}
    assert list(json_schema("grade")["properties"]) == list(document)
    assert not validator("grade").is_valid(without)
    assert decodes(Grade, without)
    for change in changed(without):
        if isinstance(change, dict) and decodes(Grade, change) is not None:
            line = {"id": document["id"], **change}
            assert validator("grade").is_valid(line) is decodes(Grade, change), change


@pytest.mark.parametrize("name", FOLDERS)
def test_manifests_of_older_versions_fit(name: str, tmp_path: Path) -> None:
    folder = unpack(name, tmp_path)
    validator("manifest").validate(json.loads((folder / "manifest.json").read_text()))


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/board.json")), ids=lambda p: p.parent.name)
def test_boards_of_older_versions_fit(path: Path) -> None:
    validator("board").validate(json.loads(path.read_text()))


# The command ---------------------------------------------------------------------------------


def test_the_command_prints_a_schema_or_the_kinds() -> None:
    done = makespan("schema", "instance", "--family", "tools")
    assert (done.returncode, json.loads(done.stdout)) == (0, json_schema("instance", "tools"))
    kinds = makespan("schema").stdout.splitlines()
    assert [line.split()[0] for line in kinds] == list(KINDS)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("boards",), "unknown kind of file 'boards': there are instance, answer, "),
        (("instance", "--family", "water"), "unknown family 'water': there are rcpsp, "),
        (("board", "--family", "rcpsp"), "the schema of a board is the same for all families"),
        (("--family", "rcpsp"), "which kind of file of rcpsp: instance, "),
    ],
)
def test_wrong_words_are_told_in_one_line(words: tuple[str, ...], reason: str) -> None:
    done = makespan("schema", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"makespan schema: {reason}")
    assert done.stderr.count("\n") == 1


def test_library_messages_are_errors_of_input() -> None:
    with pytest.raises(InputError, match="unknown kind of file 'x'"):
        json_schema("x")
