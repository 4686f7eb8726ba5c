"""Agents that would have what they only imagined count: codes, time, and calls that were not made.

None of it counts, and none of it is an error: it is the agent's own wrong answer.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.tools import generate
from graders.tools import grade, reward
from harness.agents.base import Direct, read_agent
from makespan.episodes import Episode
from tasks.base import Ask, Called, Grade, Instance, Outcome, Program, Reply, Verdict
from tasks.imagination import imagine
from tasks.tools import answered
from tasks.tools_payload import Errand, Hidden
from tests.depth import examples
from tests.factories.callers import Careless, Diligent, requests
from tests.factories.stage import PROMPTS, Stage

[REQUEST] = requests(6, 1)


def best_replies(instance: Instance[Errand]) -> list[Reply]:
    """The replies of one who makes all calls that are needed and answers what they returned."""
    model = Diligent(instance)
    Stage(instance, model).play(Direct())
    return model.replies


class Dreamer:
    """Plays an episode in a branch, and in the episode itself only some of it."""

    def __init__(self, keep: list[int], *, charged: bool = False) -> None:
        """`keep`: which of the best replies it gives."""
        self._keep, self._charged = keep, charged
        self._due: list[Reply] | None = None

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the next of the replies that are kept."""
        if self._due is None:
            replies = best_replies(REQUEST)
            for number in range(len(replies)):
                path = f"{ask.path}/imagined-{number}"
                yield from imagine(path, tuple(replies[: number + 1]), charged=self._charged)
            self._due = [replies[k] for k in self._keep]
        return self._due.pop(0)


def judged(agent: Dreamer) -> tuple[Grade, tuple[Called, ...], int]:
    """The grade of an episode, its calls, and the time that was charged."""
    stage = Stage(REQUEST, Diligent(REQUEST))
    outcome = stage.play(agent)
    return grade(REQUEST, outcome), outcome.calls, stage.explored


def test_codes_that_were_only_imagined_are_a_wrong_answer_and_no_error_of_the_solver() -> None:
    result, calls, _ = judged(Dreamer([-1]))
    assert calls == ()
    assert (result.verdict, result.score) == (Verdict.infeasible, 0)
    keys = {item.key for item in REQUEST.payload.wanted if item.key}
    refused = {each["key"] for each in result.violations if each["kind"] == "not_returned"}
    assert refused == keys
    assert reward(REQUEST, result).value == 0


@pytest.mark.parametrize("charged", [False, True])
def test_time_that_passes_makes_imagined_codes_no_better(charged: bool) -> None:
    """The first turn is made for real, so that the time alone would not give it away."""
    result, calls, explored = judged(Dreamer([0, -1], charged=charged))
    assert calls
    assert (result.verdict, result.score) == (Verdict.infeasible, 0)
    assert "not_returned" in {each["kind"] for each in result.violations}
    assert bool(explored) == charged


def test_calls_with_codes_that_were_only_imagined_reach_nothing() -> None:
    result, calls, _ = judged(Dreamer([1, 2, -1]))
    assert {call.result.status for call in calls if call.turn == 1} <= {"unknown", "ok"}
    assert result.metrics["dependency"] > 0
    assert result.score == 0


def test_an_imagined_clock_is_not_the_episodes() -> None:
    replies = len(best_replies(REQUEST))
    free, charged = (judged(Dreamer([*range(replies)], charged=c)) for c in (False, True))
    assert free[0].score > 0
    assert free[2] == 0
    assert charged[2] == free[0].objective  # it imagined what it then did
    assert charged[0].objective == 2 * charged[2]
    assert charged[0].score == free[0].score / 2
    starts = [[call.result.start for call in each[1]] for each in (free, charged)]
    assert [start - charged[2] for start in starts[1]] == starts[0]


@given(st.integers(0, 10**6), st.sampled_from(["best-of:2", "mcts:3"]))
@examples(60)
def test_the_branch_that_is_played_is_graded_as_if_nothing_had_been_imagined(
    seed: int, agent: str
) -> None:
    """Also where calls fail for a moment: those of branches do not count as tries."""
    instance = generate(3, 0, seed % 4, {"failures": 0.4})
    kind, settings = read_agent(agent)
    stage = Stage(instance, Careless(instance, str(seed)))
    outcome = stage.play(kind.make(PROMPTS, settings))
    tried = [each.replies for each in stage.imagined if not each.replies[-1].calls]
    ends = [plain(instance, replies) for replies in tried]
    assert len(ends) == int(agent[-1])
    assert outcome == min(ends, key=lambda end: (not answered(instance.payload, end), times(end)))


def plain(instance: Instance[Errand], replies: tuple[Reply, ...]) -> Outcome:
    """The outcome of an episode with some replies."""
    episode = Episode(instance)
    for reply in replies:
        episode.reply(reply)
    return episode.outcome


def times(end: Outcome) -> int:
    """When the last call of an episode that answered had ended; 0 of all others."""
    is_whole = end.answers[0].value is not None
    return max((call.result.end for call in end.calls), default=0) if is_whole else 0


def test_no_code_can_be_answered_that_has_no_call_behind_it() -> None:
    """Each needed call left out in turn: what hangs on it is not returned, whatever is answered."""
    due = [*Hidden(REQUEST.payload).steps()]
    *turns, last = best_replies(REQUEST)
    total = sum(len(turn.calls) for turn in turns)
    assert total == len(due)
    for missing in range(total):
        count, kept = 0, list[Reply]()
        for turn in turns:
            calls = tuple(c for k, c in enumerate(turn.calls, count) if k != missing)
            count += len(turn.calls)
            kept.append(Reply("", calls) if calls else turn)
        episode = Episode(REQUEST)
        for reply in (*kept, last):
            episode.reply(reply)
        if len({call.call for call in episode.outcome.calls}) < total:
            assert episode.grade().verdict is Verdict.infeasible
