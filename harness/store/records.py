"""Records as the journal keeps them: what many have in common, and what each has of its own.

What a million records share is held in memory once: settings and names by the row that many
records refer to, ids of instances and lists of violations by their text.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple
from msgspec.structs import fields as fields_of

from harness.store import queries
from tasks.base import Fields, Grade, Record, StoreFailure

SHARED = ("family", "level", "settings", "model", "agent", "memory", "epoch")  # by many records

UNKNOWN = dict.fromkeys(("grade", "problem", "input_tokens", "output_tokens", "cost"))

ZERO = dict.fromkeys(
    ("memory_calls", "memory_tokens", "memory_read", "memory_written", "recall_tokens"), 0
)

SESSIONS: dict[str, object] = {"own_tokens": 0, "side_tokens": 0}

LEFT_OUT: dict[str, object] = {**UNKNOWN, **ZERO, **SESSIONS, "sandbox_seconds": 0.0}

REMEMBERED = 2**16  # texts of which the value is remembered


class LatestRecord(NamedTuple):
    """The newest record of an episode, its version, and the episode's key and number."""

    key: str
    version: int
    record: Record
    number: int


def packed(record: Record) -> tuple[str, str]:
    """Return a record as two JSON objects: what many have in common, and its own.

    Unknowns are left out. The episode's key tells the instance.
    """
    fields = msgspec.to_builtins(record)
    del fields["instance"]
    shared = {name: fields.pop(name) for name in SHARED}
    separate = {k: v for k, v in fields.items() if v != LEFT_OUT.get(k, ...)}
    if record.grade:
        separate["grade"] = {
            k: v for k, v in separate["grade"].items() if v not in (None, (), [], {})
        }
    return msgspec.json.encode(shared).decode(), msgspec.json.encode(separate).decode()


class _RawGrade(Grade, frozen=True):
    """A grade whose violations are not read yet."""

    violations: msgspec.Raw = msgspec.Raw(b"[]")  # type: ignore[assignment]


def _parts_of_record() -> tuple[type[msgspec.Struct], type[msgspec.Struct]]:
    """Return the types of what records share and of the rest, in the order of a record."""
    shared: list[Any] = []
    own: list[Any] = []
    for field in fields_of(Record)[1:]:  # the first is the instance
        if field.name in SHARED:
            shared.append((field.name, field.type))
        else:
            kind = _RawGrade | None if field.name == "grade" else field.type
            default = None if field.name in UNKNOWN else field.default
            own.append((field.name, kind, msgspec.field(default=default)))
    return (
        msgspec.defstruct("SharedFields", shared, forbid_unknown_fields=True),
        msgspec.defstruct("OwnFields", own, forbid_unknown_fields=True, kw_only=True),
    )


_SHARED_TYPE, _OWN_TYPE = _parts_of_record()
_VIOLATIONS = Grade.__struct_fields__.index("violations")
_KEY = msgspec.json.Decoder(tuple[str, int, str])
_SHARED = msgspec.json.Decoder(_SHARED_TYPE)
_OWN = msgspec.json.Decoder(_OWN_TYPE)
_LIST = msgspec.json.Decoder(tuple[Fields, ...])


class _RecordReader:
    """Reads records, and holds what they share once."""

    def __init__(self, shared: Mapping[int, tuple[Any, ...]]) -> None:
        self._shared = shared
        self._instances: dict[str, str] = {}
        self._violations: dict[bytes, tuple[Fields, ...]] = {b"[]": ()}

    def record(self, key: str, common: int, text: str) -> Record:
        """Return the record of an episode's key, of a shared row, and of its own fields."""
        instance = _once(self._instances, _KEY.decode(key)[2])
        grade, *others = astuple(_OWN.decode(text))
        judged = self._grade(grade) if grade else None
        fields: list[Any] = [instance, *self._shared[common], judged, *others]
        return Record(*fields)

    def _grade(self, raw: _RawGrade) -> Grade:
        fields = list(astuple(raw))
        fields[_VIOLATIONS] = self._list(bytes(fields[_VIOLATIONS]))
        return Grade(*fields)

    def _list(self, text: bytes) -> tuple[Fields, ...]:
        violations = self._violations.get(text)
        if violations is None:
            violations = _LIST.decode(text)
            if len(self._violations) < REMEMBERED:
                self._violations[text] = violations
        return violations


def _once(seen: dict[str, str], text: str) -> str:
    """Return an equal text that was seen before, if it is remembered."""
    return seen.setdefault(text, text) if len(seen) < REMEMBERED else seen.get(text, text)


def latest(db: sqlite3.Connection) -> Iterator[LatestRecord]:
    """Yield the newest record of each episode, in the order in which the episodes were begun.

    Raises:
        StoreFailure: a record is of another version.
    """
    try:
        rows = db.execute(queries.SHARED_FIELDS)
        reader = _RecordReader({number: astuple(_SHARED.decode(fields)) for number, fields in rows})
        for key, version, common, text, number in db.execute(queries.LATEST_RECORDS):
            yield LatestRecord(key, version, reader.record(key, common, text), number=number)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailure(
            f"a record is of another version of makespan ({error}): regrade with that version"
        ) from None
