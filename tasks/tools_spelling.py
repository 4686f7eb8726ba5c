"""The rule of spelling in answers to compound requests: written plans and turns, and values.

Values themselves are codes, which graders and tools compare whatever their case and white space.
"""

from typing import Any

from msgspec.structs import replace

from tasks.base import Fields, Outcome, Parsed
from tasks.spelling import GIVEN, Ids, Mends, ids_of
from tasks.tools_payload import Errand
from tasks.tools_plan import ANSWER, PLAN, TURNS, final_answer


def spelled_values(errand: Errand, parsed: Parsed) -> Parsed:
    """Return the end of an episode by turns as its grader reads it, from its answer object."""
    answer = (parsed.value or {}).get(ANSWER)
    if parsed.value is None:
        return parsed
    if not isinstance(answer, dict):
        return Parsed(problem=f'"{ANSWER}" is not an object', mended=parsed.mended)
    mends = Mends()
    values, renamed = _answer(errand, answer, Ids(()), mends)
    lines = (*parsed.mended, *renamed, *mends.lines())
    if not lines:
        return final_answer(answer, ())
    written = None if parsed.mended else final_answer(answer, ()).value
    return replace(final_answer(values, ()), mended=lines, written=written)


def spelled_script(errand: Errand, parsed: Parsed) -> tuple[Fields, tuple[str, ...]]:
    """Return what is written down, a plan or turns with their answer, and all that was mended.

    A script whose spelling had to be mended is no answer in the strict reading.
    """
    script = dict(parsed.value or {})
    if parsed.how == GIVEN:
        return script, ()
    mends, notes = Mends(), list(parsed.mended)
    writer = _Writer(errand, Ids(dict.fromkeys(_names(script))), mends, notes)
    for key in (PLAN, TURNS):
        if isinstance(script.get(key), list):
            script[key] = [writer.entry(row) for row in script[key]]
    if isinstance(script.get(ANSWER), dict):
        script[ANSWER], renamed = _answer(errand, script[ANSWER], writer.ids, mends)
        notes += renamed
    return script, (*dict.fromkeys(notes), *mends.lines())


def told_mended(outcome: Outcome, lines: tuple[str, ...]) -> Outcome:
    """Return the outcome of a script with a line for all that was mended in it."""
    if not lines:
        return outcome
    [parsed] = outcome.answers
    return replace(outcome, answers=(replace(parsed, mended=lines),))


class _Writer:
    """Rewrites the entries of a script; renamed parameters are added to `notes`."""

    def __init__(self, errand: Errand, ids: Ids, mends: Mends, notes: list[str]) -> None:
        self.errand, self.ids, self._mends, self._notes = errand, ids, mends, notes
        self._tools = ids_of(tuple(offer.name for offer in errand.tools))

    def entry(self, row: Any) -> Any:
        """Return an entry, or a turn of entries; what is neither stays."""
        if isinstance(row, list):
            return [self.entry(part) for part in row]
        if not isinstance(row, dict):
            return row
        entry = {**row}
        if "tool" in row:
            entry["tool"] = self._mends.id_of(row["tool"], self._tools)
        if isinstance(row.get("id"), int | float):
            entry["id"] = self._mends.text_of(row["id"])
        if isinstance(row.get("arguments"), dict):
            entry["arguments"] = self._arguments(entry.get("tool"), row["arguments"])
        return entry

    def _arguments(self, tool: object, arguments: Fields) -> Fields:
        if tool in self._tools:
            params = self.errand.offer(str(tool)).params
            arguments, renamed = ids_of(tuple(p.name for p in params)).renamed(arguments)
            self._notes += renamed
        return {name: _value(value, self.ids, self._mends) for name, value in arguments.items()}


def _answer(
    errand: Errand, answer: Fields, ids: Ids, mends: Mends
) -> tuple[Fields, tuple[str, ...]]:
    """Return values by the keys of a request, and the keys that were mended."""
    fields, renamed = ids_of(errand.keys).renamed(answer)
    return {key: _value(value, ids, mends) for key, value in fields.items()}, renamed


def _value(value: Any, ids: Ids, mends: Mends) -> Any:
    """Return a value in the place of a list of it, and a reference under the id that it means."""
    value = mends.item_of(value)
    if not isinstance(value, str) or not value.strip().startswith("$"):
        return value
    name = ids.read(value.strip()[1:])
    if name is None or value == f"${name}":
        return value
    mends.add("reference", value, f"${name}")
    return f"${name}"


def _names(script: Fields) -> list[str]:
    """Return the ids of all entries of a script, as text."""
    rows = [
        row for key in (PLAN, TURNS) if isinstance(script.get(key), list) for row in script[key]
    ]
    entries = [part for row in rows for part in (row if isinstance(row, list) else [row])]
    names = [Mends().text_of(entry.get("id")) for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str)]
