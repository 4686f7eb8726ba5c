"""The tree search over turns of DoraemonGPT (arXiv 2401.08392, project/TreeSearch.py).

A try expands one place of the tree by a turn that is to differ from those before it, goes on to an
end, and is worth 1 to the places above that end, less the further up: exp(-0.5 (distance - 1)). The
next place is drawn by a softmax over what the places with children are worth; the root is worth
nothing, as there. A try that fails is worth -1: the released code adds 1 for it, too.
"""

import math
from collections.abc import Iterator, Sequence
from random import Random

from harness.agents.branches import TEMPLATES as BRANCH_TEMPLATES
from harness.agents.branches import BranchPlace, Explorer, PlayedBranch, SearchSettings
from harness.digests import digest
from tasks.base import Ask, Fields, Program, Reply
from tasks.prompts import Prompts

TEMPLATES = (*BRANCH_TEMPLATES, "search/tried.j2")
DECAY = 0.5  # of a reward, for each place further up


class TreeSearch:
    """Grows a tree of turns in branches, as DoraemonGPT does, and plays its best branch."""

    def __init__(self, prompts: Prompts, settings: SearchSettings) -> None:
        self._prompts, self._settings = prompts, settings
        self._played = PlayedBranch()

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the next reply of the best branch; at the first step the tree is grown."""
        if not self._played.is_due:
            explorer = Explorer(self._prompts, self._settings, ask, self._played.replies)
            ends = yield from self._ends(explorer)
            self._played.follow((yield from explorer.best(ends)))
        return self._played.next(ask)

    def _ends(self, explorer: Explorer) -> Program[list[BranchPlace]]:
        """Return the ends of all tries, one after another."""
        place, ends = explorer.root, list[BranchPlace]()
        rng = Random(f"mcts/{digest(explorer.root.ask.messages)}")
        for number in range(1, self._settings.tries + 1):
            end = yield from explorer.rollout(place, number, self._notice(place))
            ends.append(end)
            if explorer.is_spent:
                break
            reward(end)
            place = selected(explorer.root, rng)
        return ends

    def _notice(self, place: BranchPlace) -> str:
        """Return what was tried at a place before, as the model is told; nothing if nothing was."""
        turns = [_turn(child) for child in place.children if child.replies[-1].calls]
        if not turns:
            return ""
        [message] = self._prompts.messages("search/tried.j2", turns=turns)
        return message.content


def _turn(place: BranchPlace) -> list[Fields]:
    """Return the calls of the turn that led to a place, each with what it returned, if it did."""
    assert place.parent is not None
    since = place.ask.messages[len(place.parent.ask.messages) :]
    results = [message.content for message in since if message.role == "tool"]
    calls = place.replies[-1].calls
    results += ["nothing"] * (len(calls) - len(results))
    return [
        {"name": call.name, "arguments": call.arguments, "result": result}
        for call, result in zip(calls, results, strict=True)
    ]


def reward(end: BranchPlace) -> None:
    """Add what the end of a try is worth to the places above it, the root left out.

    An answer is no place of the tree: distances count from the last turn.
    """
    worth = 1.0 if end.answered else -1.0
    turn = end if end.replies[-1].calls else end.parent
    for distance, place in enumerate(_above(turn), 1):
        place.reward += worth * math.exp(-DECAY * (distance - 1))


def _above(place: BranchPlace | None) -> Iterator[BranchPlace]:
    """Yield the places above one, the nearest first, without the root."""
    while place and (place := place.parent) and place.parent:
        yield place


def selected(root: BranchPlace, rng: Random) -> BranchPlace:
    """Return the place to go on from: drawn by a softmax over what the inner places are worth.

    Args:
        root: of the tree.
        rng: by which it is drawn.
    """
    places = [root, *_inner(root.children)]
    top = max(place.reward for place in places)
    [place] = rng.choices(places, [math.exp(place.reward - top) for place in places])
    return place


def _inner(places: Sequence[BranchPlace]) -> Iterator[BranchPlace]:
    """Yield those of some places and the ones below them that have a turn after them."""
    for place in places:
        if any(child.replies[-1].calls for child in place.children):
            yield place
        yield from _inner(place.children)
