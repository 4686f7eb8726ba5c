"""How the replies of a run ended: what a row of the board must tell beside its score."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from harness.models.finishes import ending_of
from harness.store.journal import read_odd_replies, read_unusual_calls
from tasks.base import Noun, Usage
from tasks.thoughts import without_thoughts

End = Literal["answered", "empty", "cut_off", "reasoning_only", "refused", "too_long"]

WORDS: dict[End, tuple[str, str]] = {  # how it is told first, and after others
    "empty": ("were empty", "empty"),
    "cut_off": ("were cut off at the token limit", "cut off at the token limit"),
    "reasoning_only": ("held reasoning only", "held reasoning only"),
    "refused": ("were refusals", "refusals"),
    "too_long": ("were to prompts that the model cannot read", "to prompts that it cannot read"),
}


class OddReplies(Noun, frozen=True):
    """How many replies were no plain answers; each counts once.

    Attributes:
        of: number of all replies, a memory's included.
        empty: with neither text nor calls.
        cut_off: that reached the limit of output tokens, empty ones included.
        reasoning_only: with reasoning and no answer after it.
        refused: by the model or by a filter.
        too_long: to prompts that were refused as longer than the model can read.
    """

    of: int
    empty: int = 0
    cut_off: int = 0
    reasoning_only: int = 0
    refused: int = 0
    too_long: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in WORDS)

    def told(self) -> str:
        """Return them in words: `4 of 40 replies were empty, 12 cut off at the token limit`."""
        parts: list[str] = []
        for name, (first, later) in WORDS.items():
            if count := getattr(self, name):
                parts.append(
                    f"{count} {later}" if parts else f"{count} of {self.of} replies {first}"
                )
        return ", ".join(parts)


class EpisodeCalls(Noun, frozen=True):
    """What the journal tells of the calls of an episode beside its record.

    Attributes:
        replies: how they ended.
        retried: whether a call was tried more than once.
    """

    replies: OddReplies
    retried: bool = False


ONE_ANSWER = EpisodeCalls(OddReplies(1))


def sum_of(calls: Sequence[EpisodeCalls]) -> OddReplies:
    """Return the replies of several episodes together."""
    names = OddReplies.__struct_fields__
    return OddReplies(*(sum(getattr(each.replies, name) for each in calls) for name in names))


def read_calls(folder: Path) -> Mapping[int, EpisodeCalls]:
    """Return what a run's journal tells of the calls of episodes, by their numbers.

    Those are left out of which that is `ONE_ANSWER`.
    """
    counts = {number: (n, tried) for number, n, tried in read_unusual_calls(folder)}
    ends: dict[int, list[End]] = {}
    for number, reply in read_odd_replies(folder):
        if (end := end_of(reply)) != "answered":
            ends.setdefault(number, []).append(end)
    count_of = cache(_counted)  # most of them are alike
    return {
        number: count_of(*counts.get(number, (1, False)), tuple(ends.get(number, ())))
        for number in {*counts, *ends}
    }


def _counted(replies: int, is_retried: bool, ends: tuple[End, ...]) -> EpisodeCalls:
    odd = {name: ends.count(name) for name in WORDS}
    return EpisodeCalls(OddReplies(replies, **odd), is_retried)


class _Ended(msgspec.Struct):
    text: str
    calls: tuple[Any, ...] = ()
    finish: str = "stop"
    usage: Usage = Usage()
    reasoning: str = ""


_ENDED = msgspec.json.Decoder(_Ended)


def end_of(reply: str) -> End:
    """Return how a reply (JSON) of a journal ended."""
    ended = _ENDED.decode(reply)
    ending = ending_of(ended.finish)
    if ended.finish == "context_length":
        return "too_long"
    if ending == "refused":
        return "refused"
    if ending == "cut off":
        return "cut_off"
    if ended.calls or without_thoughts(ended.text)[0].strip():
        return "answered"
    has_reasoning = ended.text.strip() or ended.reasoning or ended.usage.reasoning
    return "reasoning_only" if has_reasoning else "empty"
