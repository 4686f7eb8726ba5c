"""An agent that tries an episode several times in branches, each on its own, and plays the best."""

from harness.agents.branches import BranchPlace, Explorer, PlayedBranch, SearchSettings
from tasks.base import Ask, Program, Reply, together
from tasks.prompts import Prompts


class BestOf:
    """Tries an episode with tools several times in branches, each on its own; plays the best."""

    def __init__(self, prompts: Prompts, settings: SearchSettings) -> None:
        self._prompts, self._settings = prompts, settings
        self._played = PlayedBranch()

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the next reply of the best branch; at the first step they are explored."""
        if not self._played.is_due:
            explorer = Explorer(self._prompts, self._settings, ask, self._played.replies)
            ends = yield from self._ends(explorer)
            self._played.follow((yield from explorer.best(ends)))
        return self._played.next(ask)

    def _ends(self, explorer: Explorer) -> Program[list[BranchPlace]]:
        """Return the ends of all tries: beside each other where their tokens have no limit."""
        numbers = range(1, self._settings.tries + 1)
        if not self._settings.tokens:
            ends = yield from together(explorer.rollout(explorer.root, k) for k in numbers)
            return ends
        ends = []
        for number in numbers:
            ends.append((yield from explorer.rollout(explorer.root, number)))
            if explorer.is_spent:
                break
        return ends
