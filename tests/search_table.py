"""Searches over tools beside each other: `python -m tests.search_table [LEVEL [COUNT [SALTS]]]`.

`python -m tests.search_table 8 12 3` makes the table of docs/search.md: 12 requests of level 8,
seed 0, each asked of three careless models (tests/factories/callers.py). Scores are those of
episodes in which exploring is simulated, and of the same where it is charged to the clock.
Intervals are at 95 % over requests.
"""

import sys
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from graders.statistics import Estimate, mean_of
from makespan.episodes import Episode
from tasks.base import Instance
from tasks.tools_payload import Errand
from tests.factories.callers import Careless, requests

AGENTS = (
    "direct",
    "best-of:4",
    "mcts:4",
    "best-of:12",
    "mcts:12",
    "best-of:999,tokens=6500",
    "mcts:999,tokens=6500",
    "best-of:999,tokens=13000",
    "mcts:999,tokens=13000",
    "best-of:999,tokens=26000",
    "mcts:999,tokens=26000",
)


class Played(NamedTuple):
    """An episode: its score, whether it is complete, tokens, and calls of the model."""

    score: float
    complete: float
    tokens: int
    calls: int


class Row(NamedTuple):
    """An agent: its scores where exploring takes no time and where it does, and what it took."""

    simulated: list[float]
    charged: list[float]
    complete: float
    tokens: float
    calls: float


def played(instance: Instance[Errand], agent: str, salt: str) -> Played:
    """An episode of a careless model under an agent."""
    model, episode = Careless(instance, f"{instance.id}/{salt}"), Episode(instance, agent=agent)
    while not episode.done:
        episode.reply(model(episode.ask))
    grade, usages = episode.grade(), [reply.usage for reply in episode.replies]
    tokens = sum((usage.input or 0) + (usage.output or 0) for usage in usages)
    return Played(grade.score, grade.metrics["complete"], tokens, len(usages))


def row(instances: Sequence[Instance[Errand]], agent: str, salts: int) -> Row:
    """Means over requests, each of which is asked of so many models."""
    clocks = [agent] if agent == "direct" else [agent, f"{agent},clock=charged"]
    episodes = [
        [[played(each, name, str(salt)) for salt in range(salts)] for each in instances]
        for name in clocks
    ]
    scores = [[fmean(e.score for e in each) for each in clock] for clock in episodes]
    everything = [e for each in episodes[0] for e in each]
    return Row(
        scores[0],
        scores[-1],
        complete=fmean(e.complete for e in everything),
        tokens=fmean(e.tokens for e in everything),
        calls=fmean(e.calls for e in everything),
    )


def text(estimate: Estimate) -> str:
    """A mean with its interval, where there is one."""
    if estimate.low is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def main(words: Sequence[str]) -> None:
    """Print the table."""
    level, count, salts = [*map(int, words), *(8, 12, 3)[len(words) :]]
    instances = requests(level, count)
    print("| agent | simulated | charged | complete | tokens | calls of the model |")
    print("|---|---|---|---|---|---|")
    rows: dict[str, Row] = {}
    for agent in AGENTS:
        rows[agent] = r = row(instances, agent, salts)
        scores = (text(mean_of(r.simulated)), text(mean_of(r.charged)))
        cells = (*scores, f"{r.complete:.2f}", f"{r.tokens:,.0f}", f"{r.calls:.1f}")
        print(f"| `{agent}` | {' | '.join(cells)} |", flush=True)
    print("\n| at equal tokens | best-of less mcts, simulated | charged |\n|---|---|---|")
    for agent in AGENTS:
        if "tokens" in agent and agent.startswith("best-of"):
            one, other = rows[agent], rows[agent.replace("best-of", "mcts")]
            gains = (paired(one.simulated, other.simulated), paired(one.charged, other.charged))
            print(f"| {agent.partition('=')[2]} | {' | '.join(map(text, gains))} |")


def paired(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """The mean difference of two rows, request by request."""
    return mean_of([a - b for a, b in zip(one, other, strict=True)])


if __name__ == "__main__":
    main(sys.argv[1:])
