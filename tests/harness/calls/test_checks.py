"""A checker tells verdict, violations and value, and knows nothing that it must not tell."""

from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from harness.calls.checks import checked
from harness.families.registry import FAMILIES, family
from tasks.base import Failure, Instance, Outcome, Reference, Reply, Verdict
from tasks.means import Checked
from tasks.prompts import installed
from tests.depth import often
from tests.factories.gold import CASES, gold, instance_of

CHECKED = [case for case in CASES if "checker" in family(CASES[case][0]).means]
PROMPTS = installed()


def told(instance: Instance[Any], text: str) -> Checked:
    return checked(instance, PROMPTS, Reply(text))


def answers(case: str, rng: Random) -> str:
    """A reply: the best answer, perhaps with a value changed, one left out, or no answer."""
    answer: dict[str, Any] = msgspec.json.decode(gold(case).steps[0][1].text)
    [(key, value)] = answer.items()
    names = list(value)
    change = rng.choice(["none", "out", "swap", "odd", "prose"])
    name = rng.choice(names)
    if change == "prose":
        return "I do not know."
    if isinstance(value, dict):
        changed = {**value, name: value[name] + rng.randint(-5, 5)}
        if change == "out":
            del changed[name]
        if change == "odd":
            changed[name] = "soon"
        answer[key] = value if change == "none" else changed
    else:
        rng.shuffle(names)
        answer[key] = {"none": value, "out": names[1:], "odd": [*names, "J99"]}.get(change, names)
    return msgspec.json.encode(answer).decode()


@pytest.mark.parametrize("case", CHECKED)
def test_it_says_of_an_answer_what_the_grader_says(case: str) -> None:
    rng, instance = Random(case), instance_of(case)
    kind = family(instance.family)
    seen = set()
    for _ in range(often(300)):
        text = answers(case, rng)
        world = kind.world(instance, PROMPTS)
        next(world)
        with pytest.raises(StopIteration) as end:
            world.send(Reply(text))
        outcome: Outcome = end.value.value
        grade = kind.grade(instance, outcome)
        assert told(instance, text) == Checked(grade.verdict, grade.objective, grade.violations)
        seen.add(grade.verdict)
    assert seen >= {Verdict.valid, Verdict.infeasible, Verdict.unparsable}


@pytest.mark.parametrize("case", CHECKED)
def test_nothing_that_it_tells_hangs_on_what_is_known_of_the_optimum(case: str) -> None:
    """Not even that a reference is refuted: bounds above any answer's value change nothing."""
    rng, instance = Random(case), instance_of(case)
    others = [
        replace(instance, reference=reference)
        for reference in (
            Reference("none"),
            Reference("infeasible"),
            Reference("bounded", objective=10**9, bound=10**9),
            Reference("optimal", objective=0, bound=0),
        )
    ]
    for _ in range(often(100)):
        text = answers(case, rng)
        first = told(instance, text)
        assert all(told(other, text) == first for other in others)
    assert set(Checked.__struct_fields__) == {"verdict", "objective", "violations"}


@pytest.mark.parametrize("name", FAMILIES.own)
def test_a_family_that_declares_no_checker_has_none(name: str) -> None:
    case = next(case for case in CASES if CASES[case][0] == name)
    instance = instance_of(case)
    if "checker" in family(name).means:
        assert told(instance, "nothing").verdict is Verdict.unparsable
        return
    with pytest.raises(Failure, match=f"{name} has no checker: "):
        told(instance, "nothing")
