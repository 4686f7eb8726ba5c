"""Single facts that the model proposes to add, update or delete, and the engine checks.

"The model proposes, the engine decides": what breaks a rule is refused and counted, the rest of
the reply still applies. A fact that is deleted, or whose `until` has come, is no longer shown.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from msgspec import Meta

from memory.notebook import Notebook
from memory.store import MemoryEntry
from memory.text import line
from tasks.base import Ask, Fields, Noun, Program
from tasks.parse import parse_object

MOST = 40  # facts valid at a time
SHOWN = 20  # of them in a prompt: those that share most with the question
LENGTH = 300  # characters of a fact
OPERATIONS = 8  # in one reply
KIND = "fact"
_OPERATION = {
    "type": "object",
    "properties": {
        "op": {"type": "string", "enum": ["add", "update", "delete", "nothing"]},
        "id": {"type": ["integer", "null"]},
        "text": {"type": ["string", "null"], "maxLength": LENGTH},
        "until": {"type": ["string", "null"]},
        "reason": {"type": ["string", "null"]},
    },
    "required": ["op", "id", "text", "until", "reason"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"operations": {"type": "array", "items": _OPERATION}},
    "required": ["operations"],
    "additionalProperties": False,
}


class FactsSettings(Noun, frozen=True):
    """What of the facts can be set: how many `facts` may be valid at a time."""

    facts: Annotated[int, Meta(ge=1, le=400)] = MOST


class Refused(ValueError):
    """A proposed operation breaks a rule, which the message names."""


class Facts(Notebook):
    """Shows the last rounds and the facts that bear on the question."""

    settings_kind = FactsSettings

    def notes(self, ask: Ask) -> list[str]:
        """Return the valid facts by id; of many those best by BM25, then the newest."""
        facts = self._valid()
        if len(facts) > SHOWN:
            query = ask.messages[-1].content if ask.messages else ""
            best = self.store.search(query, date=self.date, kind=KIND, limit=SHOWN)
            chosen = dict.fromkeys((*best, *reversed(facts)))
            facts = tuple(sorted(list(chosen)[:SHOWN], key=lambda fact: fact.id))
        return [fact.text for fact in facts]

    def idle(self, path: str) -> Program[None]:
        """Ask for operations if there are new rounds, and perform those that are allowed."""
        if not self.new:
            return
        reply = yield from self.propose(
            path,
            "facts",
            schema=SCHEMA,
            facts=self._valid(),
            date=self.date,
            most=self.settings.facts,
            length=LENGTH,
            operations=OPERATIONS,
        )
        operations = (parse_object(reply, "operations").value or {}).get("operations")
        if isinstance(operations, list):
            self._perform(operations)
        else:
            self.counts["unreadable"] += 1
        self.new.clear()

    def _valid(self) -> tuple[MemoryEntry, ...]:
        return self.store.entries(KIND, self.date)

    def _perform(self, operations: list[Any]) -> None:
        """Perform operations and count what became of each."""
        if surplus := operations[OPERATIONS:]:
            self.counts["refused: too many operations"] += len(surplus)
        for operation in operations[:OPERATIONS]:
            self.counts[self._outcome(operation)] += 1

    def _outcome(self, operation: object) -> str:
        """Perform an operation if it is allowed and return the name that it is counted by."""
        try:
            return self._apply(operation)
        except Refused as refusal:
            return f"refused: {refusal}"

    def _apply(self, operation: object) -> str:
        """Perform an operation and return the name that its outcome is counted by.

        Raises:
            Refused: it breaks a rule.
        """
        if not isinstance(operation, dict):
            raise Refused("not an object")
        match operation.get("op"):
            case "add":
                return self._add(operation)
            case "update":
                return self._update(operation)
            case "delete":
                return self._delete(operation)
            case "nothing":
                return "nothing"
        raise Refused("unknown operation")

    def _delete(self, operation: Fields) -> str:
        fact = self._fact(operation)
        self.store.delete(fact.id, date=self.date, reason=_reason(operation))
        return "deleted"

    def _add(self, operation: Fields) -> str:
        text, until = self._text(operation), self._until(operation)
        if _is_repeated(text, self._valid()):
            raise Refused("duplicate")
        if len(self._valid()) >= self.settings.facts:
            raise Refused("too many facts")
        self.store.add(
            KIND,
            text,
            rounds=self.numbers(),
            date=self.date,
            until=until,
            reason=_reason(operation),
        )
        return "added"

    def _update(self, operation: Fields) -> str:
        fact = self._fact(operation)
        text = self._text(operation)
        until = self._until(operation) or fact.until
        if _is_repeated(text, [valid for valid in self._valid() if valid.id != fact.id]):
            raise Refused("duplicate")
        if (text, until) == (fact.text, fact.until):
            raise Refused("no change")
        self.store.update(
            fact.id,
            date=self.date,
            reason=_reason(operation),
            text=text,
            until=until,
            rounds=self.numbers(*fact.rounds),
        )
        return "updated"

    def _fact(self, operation: Fields) -> MemoryEntry:
        """Return the valid fact that an operation names."""
        number = operation.get("id")
        for fact in self._valid():
            if type(number) is int and fact.id == number:
                return fact
        raise Refused("unknown id")

    def _text(self, operation: Fields) -> str:
        text = operation.get("text")
        if not isinstance(text, str) or not line(text):
            raise Refused("no text")
        if len(line(text)) > LENGTH:
            raise Refused("too long")
        return line(text)

    def _until(self, operation: Fields) -> str | None:
        """Return the ISO date from which a fact no longer holds, which comes after today."""
        if operation.get("until") is None:
            return None
        until = _iso_date(operation["until"])
        if until <= self.date:
            raise Refused("bad date")
        return until


def _iso_date(value: Any) -> str:
    """Return a date in its one spelling; Refused if it is none."""
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise Refused("bad date") from None


def _is_repeated(text: str, facts: Iterable[MemoryEntry]) -> bool:
    """Return whether one of the facts has the text already, in whatever case."""
    return text.casefold() in {fact.text.casefold() for fact in facts}


def _reason(operation: Fields) -> str:
    text = operation.get("reason")
    return line(text)[:LENGTH] if isinstance(text, str) else ""
