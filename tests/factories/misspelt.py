"""Answers as models misspell them: written by a hand that knows nothing of how they are read."""

import json
from random import Random
from typing import Any


class Misspeller:
    """Writes objects as almost JSON, ids and whole numbers in other spellings; drawn by a seed.

    `ids` are the texts that may be misspelt as ids. What is written is counted in `faults`.
    """

    def __init__(self, seed: object, ids: set[str], odds: float = 0.2) -> None:
        self.rng, self.ids, self.odds = Random(f"misspelt/{seed}"), ids, odds
        self.faults = 0
        self.style = self.rng.choice(['""', '""', "''", "\u201c\u201d", "\u2018\u2019"])

    def maybe(self) -> bool:
        """Whether to misspell here; then it is counted."""
        hit = self.rng.random() < self.odds
        self.faults += hit
        return hit

    def reply(self, value: dict[str, Any]) -> str:
        """A whole reply around an object, perhaps without its last brace or with one too many."""
        text = self.value(value)
        if not text.endswith(",}") and self.maybe():
            text = text[:-1] + self.rng.choice(["", "]}"])
        before, after = self.rng.choice([("", ""), ("So:\n```json\n", "\n```"), ("\n", "  ")])
        return before + text + after

    def value(self, value: Any) -> str:
        """A value as it is written."""
        if isinstance(value, dict):
            parts = [
                f"{self.text(self.id(k))}{self.gap()}: {self.value(v)}" for k, v in value.items()
            ]
            return "{" + self.listed(parts) + "}"
        if isinstance(value, list):
            return "[" + self.listed([self.value(part) for part in value]) + "]"
        if isinstance(value, str):
            return self.single(self.text(self.id(value)), value in self.ids)
        if type(value) is int:
            return self.single(self.number(value), True)
        return json.dumps(value)

    def listed(self, parts: list[str]) -> str:
        """Parts with commas between them, perhaps with one more after the last."""
        return f",{self.gap()}".join(parts) + ("," if parts and self.maybe() else "")

    def gap(self) -> str:
        """A blank, perhaps with a comment."""
        if not self.maybe():
            return " "
        return self.rng.choice([" /* so, so} */ ", " // well]\n", " # it's\n", "\u00a0"])

    def single(self, text: str, allowed: bool) -> str:
        """A value, perhaps in a list of its own."""
        return f"[{text}]" if allowed and self.maybe() else text

    def text(self, text: str) -> str:
        """A string in the quotes of the reply."""
        if self.style == '""':
            return json.dumps(text, ensure_ascii=False)
        self.faults += 1
        return self.style[0] + json.dumps(text, ensure_ascii=False)[1:-1] + self.style[1]

    def id(self, name: str) -> str:
        """An id in another spelling."""
        if name not in self.ids or not self.maybe():
            return name
        head = name.rstrip("0123456789")
        zeros = f"{head}00{name[len(head) :]}" if head != name else f" {name}"
        return self.rng.choice(
            [name.swapcase() + " ", f" {name}", f"{name}\t".expandtabs(2), zeros]
        )

    def number(self, value: int) -> str:
        """A whole number in another spelling."""
        if not self.maybe():
            return str(value)
        return self.rng.choice([f"{value}.0", f'"{value}"', f'" {value}.0"', f"{value}.000"])
