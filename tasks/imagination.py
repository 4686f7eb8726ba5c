"""The effect of agents that search: a branch is the world replayed with replies that it might get.

What a branch tells is what its conversation would: never a grade. It is journaled under its path,
and never imagined again on replay. Nothing that is imagined was done: a value counts only if the
calls of the episode itself returned it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from tasks.base import Action, Ask, Fields, Message, Noun, Program, Reply, Tool, ToolResult


class Imagine(Action, frozen=True):
    """Wants to know what a world would answer to the last of some replies; answered by `Imagined`.

    Attributes:
        replies: to all asks of the episode so far and in the branch, at least one.
        charged: whether the time of the last reply's calls passes on the episode's own clock.
    """

    replies: tuple[Reply, ...]
    charged: bool = False


class Imagined(Noun, frozen=True, omit_defaults=True):
    """What comes next in a branch: an ask, or its end.

    Attributes:
        ended: whether the world asks nothing more.
        answered: whether it ended in a whole answer whose values its calls returned; it says
            nothing about whether they are those that are wanted.
        time: of the branch so far, in units of virtual time.
        took: the part of it that the calls of the last reply took.
        messages: of the next ask, those that come after the messages of the ask before.
        whole: whether `messages` are instead the whole conversation.
        tools: on offer, where they are not those of the ask before.
        schema: of the answer.
    """

    ended: bool = False
    answered: bool = False
    time: int = 0
    took: int = 0
    messages: tuple[Message, ...] = ()
    whole: bool = False
    tools: tuple[Tool, ...] | UnsetType = UNSET
    schema: Fields | None = None

    def after(self, ask: Ask) -> Ask:
        """Return the next ask, as it follows on the one that was answered last."""
        return replace(
            ask,
            messages=self.messages if self.whole else (*ask.messages, *self.messages),
            tools=ask.tools if self.tools is UNSET else self.tools,
            schema=self.schema,
            problem=None,
        )


class BranchStep(msgspec.Struct, frozen=True):
    """An ask in a branch, of which a policy sees the step itself: that is made from the replies.

    Attributes:
        view: of an ask of the episode.
        replies: to all asks before this one, in the episode and in the branch.
        draw: which of several answers is wanted, from 1.
    """

    view: Any
    replies: tuple[Reply, ...]
    draw: int = 1


def imagine(path: str, replies: tuple[Reply, ...], *, charged: bool = False) -> Program[Imagined]:
    """Yield one `Imagine` and return what comes next."""
    imagined: Imagined = yield Imagine(path, replies, charged)
    return imagined


def later(results: Sequence[ToolResult], time: int) -> tuple[ToolResult, ...]:
    """Return results of calls that were made so many units of virtual time later."""
    if not time:
        return tuple(results)
    return tuple(replace(each, start=each.start + time, end=each.end + time) for each in results)
