"""Rewards: 0 for what is invalid, more for what is better, 1 at the optimum, in every family."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, permutations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from generators import (
    allocation,
    calendar,
    contexts,
    dag,
    fair_queue,
    feasibility,
    flow,
    hoist,
    jobshop,
    placement,
    pods,
    rcpsp,
    serving,
    tardiness,
    temporal,
    tools,
    vms,
)
from graders.rewards import below_closeness, closeness
from graders.statistics import skill
from harness.families.registry import FAMILIES, family
from harness.store.folder import Folder
from harness.store.journal import read_records
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Reference,
    Reward,
    Scalar,
    SolverFailure,
    Verdict,
)
from tasks.calendar import Year
from tasks.rcpsp import Project, Task
from tasks.tardiness import Jobs
from tasks.tools import performed, read
from tasks.tools_payload import Errand
from tests.depth import examples, often
from tests.factories.clusters import (
    cluster,
    fewest,
    instance_of,
    random_entries,
    with_events,
)
from tests.factories.errands import Script, gold, solved
from tests.factories.single_machine import draws, jobs
from tests.graders.exact.small import projects
from tests.old_folders import KINDS, unpack

RUNS = [name for name, kind in KINDS.items() if not kind.is_search]
# right or wrong, round by round: a valid year can be worth nothing
UNMEASURED = {"calendar", "contexts"}
GENERATE: dict[str, Callable[..., Instance[Any]]] = {
    "rcpsp": rcpsp.generate,
    "tardiness": tardiness.generate,
    "calendar": calendar.generate,
    "tools": tools.generate,
    "flow": flow.generate,
    "vms": vms.generate,
    "jobshop": jobshop.generate,
    "serving": serving.generate,
    "fair-queue": fair_queue.generate,
    "placement": placement.generate,
    "feasibility": feasibility.generate,
    "temporal": temporal.generate,
    "dag": dag.generate,
    "pods": pods.generate,
    "hoist": hoist.generate,
    "allocation": allocation.generate,
    "contexts": contexts.generate,
}


def judged(instance: Instance[Any], answer: Any) -> Grade:
    one = family(instance.family)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return one.grade(instance, one.read(None, text))


def rewarded(instance: Instance[Any], grade: Grade) -> Reward:
    return family(instance.family).reward(instance, grade)


def hold(instance: Instance[Any], grades: Sequence[Grade]) -> None:
    """What must be true of all answers to one instance together."""
    rewards = [(grade, rewarded(instance, grade)) for grade in grades]
    valid = [(g, r) for g, r in rewards if g.verdict is Verdict.valid]
    invalid = [(g, r) for g, r in rewards if g.verdict is not Verdict.valid]
    for _, reward in invalid:
        assert reward.value == 0
        assert 0 <= reward.near_miss < 1
    for grade, reward in valid:
        assert reward.near_miss == reward.value
        assert reward.value > 0 or instance.family in UNMEASURED
        if instance.reference.status == "optimal":
            assert (reward.value == 1) == (grade.objective == instance.reference.objective)
    values = {float(grade.objective or 0): reward.value for grade, reward in valid}
    ordered = [values[objective] for objective in sorted(values)]
    assert all(better > worse for better, worse in pairwise(ordered))
    if valid and invalid and instance.family not in UNMEASURED:
        assert max(r.near_miss for _, r in invalid) < min(r.value for _, r in valid)


def no_kinder(
    known: Instance[Any], unknown: Instance[Any], grades: Sequence[Grade], again: Sequence[Grade]
) -> None:
    """Without the optimum no answer is worth more than with it, and 1 is the optimum all the same.

    The grades are of the same answers, to the instance whose optimum is known and to the other.
    """
    for grade, other in zip(grades, again, strict=True):
        assert rewarded(unknown, other).value <= rewarded(known, grade).value


def references(instance: Instance[Any], optimum: int, best: int) -> Iterator[Instance[Any]]:
    """An instance with its optimum, with what a stopped search knows, and with nothing."""
    for reference in (
        Reference("optimal", optimum, optimum),
        Reference("bounded", best, max(0, optimum - 1)),
        Reference("bounded", best, 0, "witness"),
        Reference("none"),
    ):
        yield replace(instance, reference=reference)


# Projects -----------------------------------------------------------------------------------


def plan(payload: Project, reference: Reference | None = None) -> Instance[Project]:
    known = reference or Reference("none")
    return Instance("i", "rcpsp", len(payload.tasks), None, 0, {}, 1, payload, known)


@examples(120)
@given(projects(3), st.randoms(use_true_random=False))
def test_every_start_of_every_task_has_its_reward(payload: Project, rng: Random) -> None:
    ids, moments = [task.id for task in payload.tasks], range(payload.horizon + 2)
    answers = [dict(zip(ids, row, strict=True)) for row in product(moments, repeat=len(ids))]
    answers = rng.sample(answers, min(len(answers), 200))
    answers += [{name: start[name] for name in ids[1:]} for start in answers[:20]]
    unknown = plan(payload)
    grades = [judged(unknown, {"starts": starts}) for starts in answers]
    hold(unknown, grades)
    lengths = [g.objective for g in grades if g.objective is not None]
    if lengths:
        bounded = plan(payload, Reference("optimal", min(lengths), min(lengths)))
        hold(bounded, grades)


@examples(60)
@given(projects(2))
def test_no_schedule_is_worth_more_without_a_reference(payload: Project) -> None:
    ids, moments = [task.id for task in payload.tasks], range(payload.horizon + 1)
    starts = [dict(zip(ids, row, strict=True)) for row in product(moments, repeat=len(ids))]
    grades = [judged(plan(payload), {"starts": each}) for each in starts]
    lengths = [g.objective for g in grades if g.objective is not None]
    assume(lengths)
    optimum = int(min(lengths))
    known, *others = references(plan(payload), optimum, int(max(lengths)))
    hold(known, grades)
    for other in others:
        again = [judged(other, {"starts": each}) for each in starts]
        hold(other, again)
        no_kinder(known, other, grades, again)


def test_a_schedule_has_the_bound_over_the_makespan() -> None:
    instance = rcpsp.generate(10, 3, 0, {"axes": "none", "horizon_factor": 3})
    best = instance.reference
    assert best.status == "optimal"
    assert best.answer is not None
    assert best.objective is not None
    late = {name: start + 7 for name, start in best.answer["starts"].items()}
    grade = judged(instance, {"starts": late})
    reward = rewarded(instance, grade)
    assert grade.gap is not None
    assert (
        reward.value == best.objective / (best.objective + 7) == pytest.approx(1 / (1 + grade.gap))
    )
    assert reward.components == {"feasible": 1, "satisfied": 1, "quality": reward.value}
    assert rewarded(instance, judged(instance, best.answer)).value == 1
    early = {name: start - 1 for name, start in best.answer["starts"].items()}
    broken = judged(instance, {"starts": early})
    miss = rewarded(instance, broken)
    satisfied = 1 - broken.metrics["broken"]
    assert miss.components == {"feasible": 0, "satisfied": satisfied, "quality": 0}
    cap = best.objective / (instance.payload.horizon + 1)
    assert miss.near_miss == pytest.approx(satisfied * cap)


def test_a_project_of_no_length_has_a_reward() -> None:
    instance = plan(Project((Task("A", 0),), (), (), (), (), (), 9))
    grades = [judged(instance, {"starts": {"A": start}}) for start in range(-1, 11)]
    hold(instance, grades)
    assert [rewarded(instance, g).value for g in grades[1:4]] == [1, 1 / 2, 1 / 3]


@pytest.mark.parametrize("seed", range(4))
def test_no_task_left_out_and_no_spelling_raises_a_near_miss(seed: int) -> None:
    instance = rcpsp.generate(8, seed, 0, {"axes": "downtime,windows,disjunctions"})
    assert instance.reference.answer is not None
    starts: Fields = instance.reference.answer["starts"]
    rng = Random(f"left out/{seed}")
    for _ in range(often(60)):
        answer = starts | {name: rng.randrange(40) for name in rng.sample(sorted(starts), 2)}
        whole = judged(instance, {"starts": answer})
        if whole.verdict is Verdict.valid:
            continue
        near = rewarded(instance, whole).near_miss
        for name, start in answer.items():
            fewer = {key: value for key, value in answer.items() if key != name}
            for other in (fewer, fewer | {name: str(start)}, fewer | {name.lower(): start}):
                assert rewarded(instance, judged(instance, {"starts": other})).near_miss <= near


# Orders -------------------------------------------------------------------------------------


def machine(payload: Jobs) -> Instance[Jobs]:
    count = len(payload.jobs)
    return Instance("i", "tardiness", count, None, 0, {}, 2, payload, Reference("none"))


def orders(payload: Jobs, rng: Random) -> list[list[Any]]:
    """Every order of the jobs, and some that are none."""
    ids = [job.id for job in payload.jobs]
    wrong = [rng.choices([*ids, "J", "j0", 0, None], k=rng.randrange(8)) for _ in range(20)]
    return [*map(list, permutations(ids)), *wrong]


@pytest.mark.parametrize("part", range(6))
def test_every_order_has_its_reward(part: int) -> None:
    rng = Random(f"orders/{part}")
    for drawn in draws(f"rewards/{part}", often(60), 5):
        instance = machine(jobs(*drawn))
        answers = orders(instance.payload, rng)
        optimum, worst = _ends(instance, answers)
        known, *others = references(instance, optimum, rng.randint(optimum, worst))
        grades = [judged(known, {"order": order}) for order in answers]
        hold(known, grades)
        for other in others:
            again = [judged(other, {"order": order}) for order in answers]
            hold(other, again)
            no_kinder(known, other, grades, again)


def _ends(instance: Instance[Jobs], answers: Sequence[Any]) -> tuple[int, int]:
    grades = [judged(instance, {"order": order}) for order in answers]
    values = [int(g.objective) for g in grades if g.objective is not None]
    return min(values), max(values)


@pytest.mark.parametrize("index", range(6))
def test_an_order_has_one_over_two_less_its_skill(index: int) -> None:
    instance = tardiness.generate(10, 5, index, {"tf": 0.8, "rdd": 0.4})
    assert instance.reference.status == "optimal"
    ids = [job.id for job in instance.payload.jobs]
    for _ in range(20):
        Random(f"{index}").shuffle(ids)
        grade = judged(instance, {"order": ids})
        assert rewarded(instance, grade).value == pytest.approx(1 / (2 - grade.score))
        assert rewarded(instance, grade).components["placed"] == 1
    m = grade.metrics
    halfway = replace(grade, objective=round(m["random"]))
    assert abs(skill(round(m["random"]), m["reference"], m["random"])) < 0.01
    assert rewarded(instance, halfway).value == pytest.approx(0.5, abs=0.01)


def test_a_near_miss_is_by_the_entries_to_change() -> None:
    instance = machine(jobs([5, 3, 1, 4], [4, 9, 2, 3]))

    def near(order: Any) -> float:
        return rewarded(instance, judged(instance, {"order": order})).near_miss

    one, two = near(["J0", "J1", "J2"]), near(["J0", "J1"])
    assert one > two > near(["J0"]) > near([]) == 0
    assert near(["J0", "J1", "J2", "J3x"]) == one  # a misspelt one as one that is left out
    assert near(["J0", "J1", "J2", "J2"]) == near(["J0", "J1", "J2", "J3", "J3"]) == one
    assert near(["J0", "J0", "J1", "J1"]) == two
    assert near([1, 2, 3, 4]) == near(None) == near("J0J1J2J3") == near({"J0": 0}) == 0
    valid = [rewarded(instance, judged(instance, {"order": o})) for o in permutations(_ids(4))]
    assert min(r.value for r in valid) > one


def _ids(count: int) -> list[str]:
    return [f"J{k}" for k in range(count)]


# Tools --------------------------------------------------------------------------------------


def variants(instance: Instance[Errand], rng: Random) -> Iterator[Script]:
    """The best script; slower ones that are complete; ones with a call or a value too few."""
    yield gold(instance)
    for _ in range(12):
        script = gold(instance)
        if rng.random() < 0.5:
            _slow_down(script, rng)
        if rng.random() < 0.5:
            _spoil(script, rng)
        yield script


def _slow_down(script: Script, rng: Random) -> None:
    """Make some calls twice, and turns of one call."""
    if "calls" in script:
        script["calls"] += [entry | {"id": f"again{k}"} for k, entry in enumerate(script["calls"])]
    else:
        calls = [[call] for turn in script["turns"] for call in turn]
        script["turns"] = [*calls, *[calls[-1]] * rng.randrange(3)]


def _spoil(script: Script, rng: Random) -> None:
    """Leave a call or a value out, or write one value wrong."""
    turns = [script["calls"]] if "calls" in script else script["turns"]
    turn, key = rng.choice(turns), rng.choice(sorted(script["answer"]))
    if (fault := rng.randrange(3)) == 0:
        del turn[rng.randrange(len(turn))]
    elif fault == 1:
        del script["answer"][key]
    else:
        script["answer"][key] = "nobody"


@pytest.mark.parametrize("track", ["reactive", "plan"])
@pytest.mark.parametrize("failures", [0.0, 0.4])
def test_every_episode_of_tools_has_its_reward(track: str, failures: float) -> None:
    valid = 0
    for index in range(often(24)):
        settings: dict[str, Scalar] = {"track": track, "failures": failures}
        known = tools.generate(1 + index % 6, 4, index, settings)
        rng = Random(f"{track}/{failures}/{index}")
        scripts = list(variants(known, rng))
        grades = [judged(known, script) for script in scripts]
        hold(known, grades)
        valid += len({g.objective for g in grades if g.objective is not None})
        optimum = known.reference.objective
        assert optimum is not None
        _, *others = references(known, int(optimum), 10 * int(optimum))
        for other in (*others, tools.generate(1 + index % 6, 4, index, settings, reference=False)):
            again = [judged(other, script) for script in scripts]
            hold(other, again)
            no_kinder(known, other, grades, again)
    assert valid > often(24)


def test_a_complete_episode_has_the_optimum_over_its_time() -> None:
    instance = tools.generate(4, 0, 0, {})
    script = gold(instance)
    best = judged(instance, script)
    assert rewarded(instance, best).components == {"complete": 1, "completion": 1, "quality": 1}
    script["turns"] = [[call] for turn in script["turns"] for call in turn]
    slow = judged(instance, script)
    assert best.objective is not None
    assert slow.objective is not None
    assert rewarded(instance, slow).value == slow.score == best.objective / slow.objective


def test_changes_without_an_answer_are_worth_nothing() -> None:
    instance = solved()
    outcome = performed(instance, read(gold(instance), ""))
    one = family("tools")
    grade = one.grade(instance, replace(outcome, answers=(Parsed(problem="no answer"),)))
    assert (grade.verdict, grade.metrics["completion"]) == (Verdict.unparsable, 0.5)
    assert rewarded(instance, grade) == Reward(0, {"complete": 0, "completion": 0, "quality": 0}, 0)


def test_no_episode_within_its_limits_is_worth_less_than_a_near_miss() -> None:
    """The slowest there is: as many turns as there may be, refused calls in all but the needed."""
    instance = tools.generate(3, 0, 1, {})
    script = gold(instance)
    calls = [[call] for turn in script["turns"] for call in turn]
    idle: Script = {"id": "x", "tool": "nothing", "arguments": {}}
    limits = instance.payload.limits
    padding = limits.turns - len(calls)
    script["turns"] = [*[[idle]] * padding, *calls]
    slowest = judged(instance, script)
    assert slowest.verdict is Verdict.valid
    del script["answer"][next(iter(script["answer"]))]
    hold(instance, [slowest, judged(instance, script)])


# Years --------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(4))
def test_a_year_has_the_share_of_right_rounds(index: int) -> None:
    instance: Instance[Year] = calendar.generate(4, 2, index, {"rounds": 12})
    rng = Random(f"years/{index}")
    best = [dict(each) for each in (instance.reference.answer or {})["decisions"]]
    grades = []
    for wrong in range(13):
        answers: list[Any] = [dict(each) for each in best]
        for k in rng.sample(range(12), wrong):
            answers[k] = rng.choice(
                [{"accept": None}, {}, None, {"accept": {best[k]["accept"]: 1}}]
            )
        grades.append(judged(instance, {"decisions": answers}))
        reward = rewarded(instance, grades[-1])
        assert reward.value == reward.near_miss == (12 - wrong) / 12
        assert reward.components == {"right": reward.value, "usable": pytest.approx(reward.value)}
    hold(instance, grades)
    assert grades[-1].verdict is Verdict.unparsable
    judgements = instance.payload.truth.judgements
    never = [
        {"accept": next(name for name in round_.ids if name != judgement.decision)}
        for round_, judgement in zip(instance.payload.rounds, judgements, strict=True)
    ]
    usable = judged(instance, {"decisions": never})
    assert usable.verdict is Verdict.valid
    assert rewarded(instance, usable).value == 0
    assert rewarded(instance, usable).components == {"right": 0, "usable": 1}


# Migrations ---------------------------------------------------------------------------------


@pytest.mark.heavy
def test_every_plan_of_migrations_has_its_reward() -> None:
    """Random plans, with events before them and without; the optimum is that of trying all."""
    for k in range(often(360)):
        payload = cluster(f"rewards/{k}")
        answers = [{"moves": random_entries(payload, f"{k}/{part}")} for part in range(20)]
        unknown = instance_of(payload)
        grades = [judged(unknown, answer) for answer in answers]
        hold(unknown, grades)
        lengths = [g.objective for g in grades if g.objective is not None]
        optimum = fewest(payload)
        known, *others = references(unknown, optimum, int(max(lengths, default=optimum)))
        hold(known, [judged(known, answer) for answer in answers])
        for other in others:
            again = [judged(other, answer) for answer in answers]
            hold(other, again)
            no_kinder(known, other, grades, again)
        later = instance_of(with_events(payload, k, pace=1 + k % 3))
        hold(later, [judged(later, answer) for answer in answers])


# Of every family ----------------------------------------------------------------------------


GARBAGE = [
    "",
    "no idea",
    "{" * 3000,
    "null",
    "[]",
    "\x00\ufeff",
    "word " * 50_000,
    "<think>" + "x" * 10_000,
    '{"KEY": NaN}',
    '{"KEY": 1e999}',
    '{"KEY": null}',
    '{"KEY": true}',
    '{"KEY": []}',
    '{"KEY": {}}',
    '{"KEY": [[]]}',
    '{"KEY": {"": {}}}',
    '{"KEY": "all of them"}',
    '{"KEY": [null, true, 1.5, "x", {}]}',
    '{"KEY": {"T1": true, "T2": 1.0, "T3": "0"}}',
    '{"KEY": {"T1": 0}, "KEY": {"T1": 1}}',
    '{"KEY": {"T1": 0}',
]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("known", [pytest.param(True, marks=pytest.mark.heavy), False])
def test_garbage_is_worth_nothing(name: str, known: bool) -> None:
    keys = (
        "starts",
        "order",
        "decisions",
        "calls",
        "turns",
        "answer",
        "runs",
        "run",
        "schedule",
        "hosts",
        "placement",
        "else",
    )
    instance = GENERATE[name](4, 1, 0, {}, reference=known)
    for text, key in product(GARBAGE, keys):
        grade = judged(instance, text.replace("KEY", key))
        assert grade.verdict is not Verdict.valid
        reward = rewarded(instance, grade)
        assert reward.value == 0
        assert reward.near_miss < 1
        if grade.verdict is Verdict.unparsable:
            assert reward.near_miss == 0


@examples(100)
@given(st.sampled_from(list(FAMILIES)), st.text(max_size=200))
def test_no_text_at_random_is_worth_anything(name: str, text: str) -> None:
    instance = GENERATE[name](3, 1, 0, {}, reference=False)
    reward = rewarded(instance, judged(instance, text))
    assert reward.value == reward.near_miss == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_an_error_has_no_reward(name: str) -> None:
    instance = GENERATE[name](3, 1, 0, {}, reference=False)
    grade = family(name).grade(instance, Outcome((Parsed(problem="no answer"),)))
    with pytest.raises(ValueError, match="verdict error has no reward"):
        rewarded(instance, replace(grade, verdict=Verdict.error))


@pytest.mark.parametrize("name", RUNS)
def test_recorded_answers_have_their_rewards(name: str, tmp_path: Path) -> None:
    """Also those of folders from before there were rewards: a grade needs nothing more."""
    folder = Folder.open(unpack(name, tmp_path))
    instances = {line.instance.id: line.instance for line in folder.instances()}
    grades: dict[str, list[Grade]] = {}
    for record in read_records(folder.path):
        if record.grade:
            grades.setdefault(record.instance, []).append(record.grade)
    assert grades
    for key, group in grades.items():
        hold(instances[key], group)
        bare = replace(instances[key], reference=Reference("none"))
        hold(bare, group)
        no_kinder(instances[key], bare, group, group)


# Closeness ----------------------------------------------------------------------------------


whole = st.integers(0, 2**49)


@given(whole, whole, st.one_of(st.integers(1, 2**49), st.floats(1, 2**49)))
def test_less_excess_is_closer_and_only_none_is_1(a: int, b: int, scale: float) -> None:
    first, second = closeness(a, scale), closeness(b, scale)
    assert (first > second, first == second) == (a < b, a == b)
    assert (first == 1) == (a == 0)
    assert 0 < below_closeness(a, scale) < first <= 1


@given(st.integers(1, 2**120), st.integers(1, 2**120))
def test_numbers_of_any_size_have_a_closeness(excess: int, scale: int) -> None:
    assert 0 < below_closeness(excess, scale) < closeness(excess, scale) < 1


def test_an_objective_below_its_bound_is_no_reward() -> None:
    with pytest.raises(SolverFailure, match="below its lower bound by 3"):
        closeness(-3, 1)


@pytest.mark.parametrize(
    ("value", "part", "near"), [(1.1, 0, 0), (0, -0.1, 0), (0, 0, float("nan"))]
)
def test_a_reward_outside_its_range_cannot_be_made(value: float, part: float, near: float) -> None:
    with pytest.raises(ValueError, match=r"is not in \[0, 1\]"):
        Reward(value, {"part": part}, near)
