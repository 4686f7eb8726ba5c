"""Calls that a provider refuses alike, again and again, and what mends it."""

import re
from collections import Counter
from typing import NamedTuple

from harness.failures import policy_of
from harness.models.base import ProviderFailure, Sampling
from tasks.base import Noun

ALIKE = 3  # refused calls, no answer between them: the next one would be refused too
_VARIES = re.compile(r"\S*\d\S*")  # numbers, and names of requests
_LONGEST = 200  # characters of a refusal by which it is known again


class Remedy(Noun, frozen=True):
    """A row of the table of remedies.

    Attributes:
        says: an expression that the refusal has, in lower case.
        parameter: of the library, which mends it; empty where none does.
        how: what is to be done with it.
    """

    says: str
    parameter: str
    how: str


LEAVE_OUT = "leave it out, or give a value that the server takes"

REMEDIES: tuple[Remedy, ...] = (
    Remedy(r"enable_thinking", "sampling.extra", 'give {"enable_thinking": false}'),
    Remedy(
        r"\bstream(ing)?[ _-]*(mode|only|=|must|requests?)|(support|require|us)[a-z]*[^.]* stream",
        "",
        "this server answers in streams only, and none is read here: ask another one",
    ),
    Remedy(
        r"max_tokens\W[^.]*\b(un|not |in)(supported|compatible).*max_completion_tokens"
        r"|use\W+max_completion_tokens",
        "sampling.max_tokens_as",
        "give max_completion_tokens",
    ),
    Remedy(
        r"(unrecogni[sz]ed|unsupported|unknown|not permitted|not allowed|extra)[^.]*"
        r"max_completion_tokens|max_completion_tokens\W[^.]*"
        r"(unrecogni[sz]ed|not supported|unsupported|unknown|permitted|allowed)",
        "sampling.max_tokens_as",
        "give max_tokens",
    ),
    Remedy(r"^output limit|max_(output_|completion_)?tokens", "sampling.max_tokens", "give less"),
    Remedy(r"\b(reasoning_)?effort\b|\bthinking level", "sampling.reasoning_effort", LEAVE_OUT),
    Remedy(r"\btemperature\b", "sampling.temperature", LEAVE_OUT),
    Remedy(r"\btop_p\b", "sampling.top_p", LEAVE_OUT),
    Remedy(r"\bseed\b", "sampling.seed", LEAVE_OUT),
    Remedy(
        r"response_format|json_schema|json mode|structured output|text\.format|output_config"
        r"|guided|grammar",
        "sampling.structured",
        "leave it out",
    ),
    Remedy(
        r"\btools?\b|tool_choice|tool[ -]call|function[ -]call|\bfunctions?\b",
        "agent",
        "give text-tools, which asks for calls in text",
    ),
)


class Rejections:
    """The refusals of one model since its last answer."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int | None, str]] = Counter()

    def note_answer(self) -> None:
        """Begin anew: what was refused was not all that is asked."""
        self._counts.clear()

    def note(self, failure: ProviderFailure) -> bool:
        """Count a call that was given up; return whether it is one refusal too many."""
        policy = policy_of(failure)
        if policy.retry or policy.then != "episode":
            return False
        key = failure.status, _VARIES.sub("#", str(failure))[:_LONGEST]
        self._counts[key] += 1
        return self._counts[key] >= ALIKE


class Advice(NamedTuple):
    """The parameter that mends a refusal, empty for none, and what to do with it."""

    parameter: str
    how: str


def advice(failure: ProviderFailure, sampling: Sampling) -> Advice | None:
    """Return what mends a refusal; None where nothing is known to.

    Args:
        failure: as the provider told it.
        sampling: of the refused calls.
    """
    text = str(failure).lower()
    for remedy in REMEDIES:
        if re.search(remedy.says, text):
            return Advice(remedy.parameter, remedy.how)
    if any(name.lower() in text for name in sampling.extra):
        return Advice("sampling.extra", LEAVE_OUT)
    return None


def rejected(failure: ProviderFailure, sampling: Sampling) -> ProviderFailure:
    """Return the failure of a model whose calls are all refused alike."""
    said = str(failure).replace("`", "'")  # names in it are the server's, not the library's
    line = f"{ALIKE} calls were refused alike, and none was answered between them; the last: {said}"
    if mend := advice(failure, sampling):
        line += f"; `{mend.parameter}`: {mend.how}" if mend.parameter else f"; {mend.how}"
    return ProviderFailure("rejected", line, status=failure.status)
