"""What came of programs and checks, as agents read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.base import Reply, Verdict
from tasks.means import FAILED, Checked, Ran
from tasks.parse import parse_object, read_object


@pytest.mark.parametrize(
    ("ran", "failure", "text"),
    [
        (Ran("ok", answer='{"a": 1}', printed="talk"), "", '{"a": 1}'),
        (Ran("ok", printed='{"a": 1}\n'), "", '{"a": 1}\n'),
        (Ran("ok", printed=" \n"), "the program neither returned nor printed anything", " \n"),
        (Ran("ok"), "the program neither returned nor printed anything", ""),
        (Ran("time", "not done after 2 CPU seconds"), None, ""),
    ],
)
def test_an_answer_is_what_was_returned_else_what_was_printed(
    ran: Ran, failure: str | None, text: str
) -> None:
    wanted = "the program failed (time): not done after 2 CPU seconds"
    assert ran.failure == (wanted if failure is None else failure)
    assert ran.text == text


def test_a_failure_is_the_reason_and_never_an_answer() -> None:
    """Also where the text of an error looks like one."""
    text = 'the program failed (raised): ValueError: {"order": ["J1"]}'
    for reading in (parse_object, read_object):
        parsed = reading(Reply(text, finish=FAILED), "order")
        assert (parsed.value, parsed.problem) == (None, text)
        assert reading(Reply(text), "order").value == {"order": ["J1"]}


VERDICTS = st.sampled_from([Verdict.valid, Verdict.infeasible, Verdict.unparsable])


@given(st.lists(st.tuples(VERDICTS, st.integers(-5, 50), st.integers(0, 4)), min_size=1))
def test_the_best_is_valid_if_any_is_then_of_the_smallest_value_then_of_the_fewest_faults(
    told: list[tuple[Verdict, int, int]],
) -> None:
    answers = [
        Checked(verdict, value) if verdict is Verdict.valid else Checked(verdict, None, ({},) * n)
        for verdict, value, n in told
    ]
    best = min(answers, key=lambda answer: answer.order)
    valid = [a.objective for a in answers if a.verdict is Verdict.valid]
    if valid:
        assert best.objective == min(v for v in valid if v is not None)
    else:
        assert len(best.violations) == min(len(a.violations) for a in answers)
