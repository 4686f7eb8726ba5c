"""What a body tells beside the answer, read in whatever form it comes: counts, names, thoughts.

A form that means nothing is unknown, never 0 and never a failure: the answer was paid for.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from tasks.base import Fields, Usage

LARGEST = 10**12  # tokens; a larger number is none of tokens
THOUGHTS = ("thinking", "text", "summary", "reasoning")  # names of the text of a thought
_NUMBER = re.compile(r"\s*\d{1,13}(?:\.\d+)?\s*")


def word(value: Any) -> str:
    """Return a name as text: a number's digits; of anything else nothing."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else ""


def fields_of(value: Any) -> Fields:
    """Return an object as it is, and none for anything else."""
    return value if isinstance(value, dict) else {}


def count(fields: Any, *names: str) -> int | None:
    """Return the count under the first of some names that has one, None if none of them has.

    Args:
        fields: an object, or what stands in its place.
        names: each a key, or keys with dots between them.
    """
    for name in names:
        value: Any = fields
        for key in name.split("."):
            value = fields_of(value).get(key)
        number = _count(value)
        if number is not None:
            return number
    return None


def _count(value: Any) -> int | None:
    """Return a number of tokens from an integer, a float or the digits of one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= LARGEST else None


def texts(value: Any, depth: int = 3) -> list[str]:
    """Return the texts of a thought: of a text, of a list of texts or parts, or of one part.

    Args:
        value: as it stands in a body.
        depth: how many lists and parts may stand in one another; deeper ones have no text.
    """
    if isinstance(value, str):
        return [value] if value else []
    if not value or not depth:
        return []
    if isinstance(value, list | tuple):
        return [text for part in value for text in texts(part, depth - 1)]
    named = (fields_of(value).get(name) for name in THOUGHTS)
    return next(filter(None, (texts(inside, depth - 1) for inside in named)), [])


def first_text(values: Iterable[Any]) -> str:
    """Return the first of some thoughts that has a text; they are tellings of the same."""
    return next(filter(None, ("\n\n".join(texts(value)) for value in values)), "")


def with_counts(usage: Usage, *, has_answer: bool) -> Usage:
    """Return usage without zeros that cannot be: nobody answers without reading or writing."""
    if not has_answer or (usage.input and usage.output):
        return usage
    return replace(usage, input=usage.input or None, output=usage.output or None)


def usage_of(fields: Mapping[str, Any]) -> Usage:
    """Return the tokens of any provider's body, as far as it tells them."""
    usage = fields.get("usage")
    return Usage(
        count(usage, "prompt_tokens", "input_tokens"),
        count(usage, "completion_tokens", "output_tokens"),
    )
