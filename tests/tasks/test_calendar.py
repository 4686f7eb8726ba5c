"""Wrong years cannot be built; prompts are as they were and know nothing of the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from generators.calendar import generate
from tasks.base import Ask, Instance, Outcome, Reply, Tell
from tasks.calendar import Life, RoundStep, Year, answer_schema, read, world
from tasks.calendar_truth import Judgement
from tasks.prompts import installed

GOLDEN = Path(__file__).parent / "golden"
ARTEFACTS: dict[str, Any] = {"evidence": "artefacts"}


def make(level: int = 3, index: int = 0, **settings: Any) -> Instance[Year]:
    return generate(level, 1, index, {"rounds": 6, **settings})


def lived(
    instance: Instance[Year], replies: Sequence[str]
) -> tuple[list[Ask], list[Tell], Outcome]:
    """A year with these replies: what was asked, what was told, and what came of it."""
    program, asks, tells = world(instance, installed()), list[Ask](), list[Tell]()
    waiting, answer = iter(replies), None
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return asks, tells, outcome
        answer = None
        if isinstance(effect, Ask):
            asks.append(effect)
            answer = Reply(next(waiting))
        elif isinstance(effect, Tell):
            tells.append(effect)


def gold(instance: Instance[Year]) -> list[str]:
    answer = instance.reference.answer or {}
    return [msgspec.json.encode(clash).decode() for clash in answer["decisions"]]


def text(asks: Ask) -> str:
    return "\n".join(f"--- {m.role}\n{m.content}" for m in asks.messages)


# The world -----------------------------------------------------------------------------------


def test_a_year_in_order() -> None:
    instance = make()
    asks, tells, outcome = lived(instance, gold(instance))
    assert [a.path for a in asks] == [f"round-{k:03d}/answer" for k in range(1, 7)]
    assert [t.path for t in tells] == [f"round-{k:03d}/feedback" for k in range(1, 7)]
    assert [a.view for a in asks] == [RoundStep(instance, k) for k in range(1, 7)]
    assert asks[0].view.family == "calendar"
    given = read(instance.reference.answer, "")
    assert [p.value for p in outcome.answers] == [p.value for p in given.answers]
    for clash, ask, tell in zip(instance.payload.rounds, asks, tells, strict=True):
        assert ask.schema == answer_schema(clash)
        assert tell.facts["date"] == clash.date
        assert all(i in ask.messages[1].content and i in tell.facts["text"] for i in clash.ids)


@pytest.mark.parametrize(
    "reply",
    ["", "no", '{"accept": "E0"}', '{"accept": ["E1", "E2"]}', '{"accept": null}', '{"accept": 5}'],
)
def test_an_invalid_reply_does_not_end_the_year(reply: str) -> None:
    instance = make(decisions="own")
    asks, tells, outcome = lived(instance, [reply, *gold(instance)[1:]])
    assert len(asks) == len(tells) == len(outcome.answers) == 6
    assert tells[0].facts["accepted"] is None
    assert "You accepted none of them" in tells[0].facts["text"]
    assert tells[1].facts["accepted"] == instance.payload.truth.judgements[1].decision


def test_nothing_of_the_truth_is_in_a_prompt() -> None:
    """The prompts are the same when every hidden thing is another one."""
    instance = make(level=4)
    year = instance.payload
    truth = year.truth
    principles = tuple(replace(p, text="other", prior=9.0) for p in truth.principles)
    era = replace(truth.eras[0], weights=tuple(-w for w in truth.eras[0].weights))
    judgements = tuple(
        Judgement(j.triggered, j.ranking[::-1], j.ranking[-1], j.deciding) for j in truth.judgements
    )
    other = replace(truth, principles=principles, eras=(era,), judgements=judgements)
    hidden = replace(instance, id="other", index=9, payload=replace(year, truth=other))
    replies = ["none"] * 6
    shown, blind = lived(instance, replies), lived(hidden, replies)
    assert [a.messages for a in shown[0]] == [a.messages for a in blind[0]]
    assert [a.schema for a in shown[0]] == [a.schema for a in blind[0]]
    assert [t.facts for t in shown[1]] != [t.facts for t in blind[1]]


@pytest.mark.parametrize("feedback", ["full", "binary", "text", "none"])
@pytest.mark.parametrize("decisions", ["true", "own"])
def test_feedback_reveals_what_it_says_and_no_more(feedback: str, decisions: str) -> None:
    instance = make(feedback=feedback, decisions=decisions, history=7)
    year, wrong = instance.payload, []
    for clash, judgement in zip(year.rounds, year.truth.judgements, strict=True):
        wrong.append(next(i for i in clash.ids if i != judgement.decision))
    _, tells, _ = lived(instance, ['{"accept": "%s"}' % i for i in wrong])  # noqa: UP031
    for tell, judgement, choice in zip(tells, year.truth.judgements, wrong, strict=True):
        facts, last = tell.facts, tell.facts["text"].splitlines()[-2:]
        assert facts["history"] == 7
        assert ("accepted" in facts) == (feedback == "full")
        assert ("correct" in facts) == (feedback == "binary")
        reason = year.truth.principles[judgement.deciding[0]].text
        assert (reason in facts["text"]) == (feedback == "text")
        true = f"Accepted: {judgement.decision}" in last
        assert true == (feedback == "full" and decisions == "true")
        assert (f"You accepted {choice}." in last) == (decisions == "own" or feedback == "binary")
        if feedback == "full":
            assert facts["accepted"] == (judgement.decision if decisions == "true" else choice)
        if feedback == "binary":
            assert facts["correct"] is False


def test_a_new_manager_is_in_the_chart_from_the_day_on() -> None:
    instance = generate(3, 1, 0, {"rounds": 40})
    year = instance.payload
    change = next(life for life in year.life if life.kind == "manager")
    people = {p.id: p for p in year.organisation.people}
    me = people[year.user]
    asks, tells, _ = lived(instance, ["no"] * 40)
    for clash, ask, tell in zip(year.rounds, asks, tells, strict=True):
        head = me.manager if clash.date < change.date else change.manager
        line = f"- {me.name}, {me.title}, reports to {people[head].name}\n"
        assert line in ask.messages[0].content
        assert (change.text in tell.facts["text"]) == (change.text in ask.messages[1].content)
    assert sum(change.text in ask.messages[1].content for ask in asks) == 1


@pytest.mark.parametrize("level", [2, 5])
def test_prompts_are_as_they_were(level: int) -> None:
    instance = make(level=level, index=level)
    asks, tells, _ = lived(instance, gold(instance))
    shown = f"{text(asks[0])}\n--- feedback\n{tells[0].facts['text']}\n"
    golden = GOLDEN / f"calendar-{level}.txt"
    if not golden.exists():
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")


# Evidence to be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"),
    [("artefacts", {"rumours": 1}), ("artefacts-indirect", {"indirect": True, "rumours": 2})],
)
def test_prompts_of_artefacts_are_as_they_were(name: str, settings: dict[str, Any]) -> None:
    asks, tells, _ = lived(make(index=4, **ARTEFACTS, **settings), ["none"] * 6)
    shown = f"{text(asks[1])}\n--- feedback\n{tells[1].facts['text']}\n"
    golden = GOLDEN / f"calendar-{name}.txt"
    if not golden.exists():
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")


def test_a_round_is_asked_the_same_and_told_of_in_writing() -> None:
    plain, written = (lived(make(**s), ["none"] * 6) for s in ({}, ARTEFACTS))
    assert [a.messages for a in plain[0]] == [a.messages for a in written[0]]
    for one, other, judgement in zip(
        plain[1], written[1], make().payload.truth.judgements, strict=True
    ):
        assert one.facts["accepted"] == judgement.decision
        assert other.facts.keys() == one.facts.keys() - {"accepted"}
        head, _, told = one.facts["text"].rpartition("\n")
        assert told == f"Accepted: {judgement.decision}"
        assert other.facts["text"] == f"{head}\n{other.facts['feedback']}"
        assert judgement.decision not in other.facts["feedback"]
        assert other.facts["feedback"].startswith("What was written about it")


def test_what_an_artefact_hides_is_in_no_prompt() -> None:
    """The text is the same when each is about another event, as rumours might be."""
    instance = make(rumours=2, **ARTEFACTS)
    year = instance.payload
    evidence = tuple(
        tuple(replace(each, event=clash.ids[0], fact="rumour") for each in artefacts)
        for artefacts, clash in zip(year.evidence, year.rounds, strict=True)
    )
    other = replace(instance, payload=replace(year, evidence=evidence))
    assert other != instance
    (_, shown, _), (_, blind, _) = lived(instance, ["none"] * 6), lived(other, ["none"] * 6)
    assert [t.facts for t in shown] == [t.facts for t in blind]


# Answers from a file -------------------------------------------------------------------------


def test_reading_a_years_answer() -> None:
    assert [p.value for p in read({"decisions": [{"accept": "E1"}, 5]}, "").answers] == [
        {"accept": "E1"},
        None,
    ]
    found = read(None, 'So: {"decisions": [{"accept": "E1"}]}').answers
    assert [(p.value, p.how) for p in found] == [({"accept": "E1"}, "embedded")]
    for answer in ({}, {"decisions": "E1"}, {"decisions": None}):
        assert read(answer, "").answers[0].problem == '"decisions" is not a list'
    assert "no JSON object" in (read(None, "no").answers[0].problem or "")


# Wrong years ---------------------------------------------------------------------------------


def wrong_year(year: Year, fault: str) -> Any:
    """Change one thing that must not be."""
    raw: Any = msgspec.to_builtins(year)
    rounds, truth = raw["rounds"], raw["truth"]
    event = rounds[0]["events"][0]
    changes: dict[str, tuple[Any, str, Any]] = {
        "no rounds": (raw, "rounds", []),
        "negative history": (raw, "history", -1),
        "unknown user": (raw, "user", "p99"),
        "feedback": (raw, "feedback", "some"),
        "date": (rounds[0], "date", "2025-13-01"),
        "time": (rounds[0], "start", "9 am"),
        "order": (rounds[0], "date", "2026-01-01"),
        "one event": (rounds[0], "events", rounds[0]["events"][:1]),
        "id twice": (event, "id", rounds[0]["events"][1]["id"]),
        "stranger": (event, "organiser", "p99"),
        "without user": (event, "attendees", [event["organiser"]]),
        "in two places": (event, "attendees", rounds[0]["events"][1]["attendees"]),
        "unknown series": (event, "series", "s99"),
        "unknown manager": (raw["organisation"]["people"][3], "manager", "p99"),
        "cycle": (raw["organisation"]["people"][0], "manager", "p02"),
        "weekday": (raw["series"][0], "weekday", (raw["series"][0]["weekday"] + 1) % 7),
        "no trigger": (truth["principles"][0], "when", {}),
        "era": (truth["eras"][0], "start", 2),
        "weights": (truth["eras"][0], "weights", [1.0]),
        "judgements": (truth, "judgements", truth["judgements"][:-1]),
        "principle": (truth["judgements"][0], "deciding", [99]),
        "ranking": (truth["judgements"][0], "ranking", truth["judgements"][0]["ranking"][::-1]),
        "decision": (truth["judgements"][0], "decision", truth["judgements"][0]["ranking"][1]),
        "unknown field": (raw, "answer", "E1"),
    }
    place, key, value = changes[fault]
    place[key] = value
    return raw


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no rounds", "needs at least one"),
        ("negative history", "history -1 is negative"),
        ("unknown user", "user 'p99' is not one of the people"),
        ("feedback", "Invalid enum value 'some'"),
        ("date", "month must be in"),
        ("time", "'9 am' is not HH:MM"),
        ("order", "round 2: .* is not after"),
        ("one event", "1 events, not 2 to 5"),
        ("id twice", "is there more than once"),
        ("stranger", "unknown person 'p99'"),
        ("without user", "is not an attendee"),
        ("in two places", "round 1: attendees: id 'p.*' is there more than once"),
        ("unknown series", "unknown series 's99'"),
        ("unknown manager", "unknown manager 'p99'"),
        ("cycle", "cyclic reporting"),
        ("weekday", "is not on weekday"),
        ("no trigger", "has no trigger"),
        ("era", r"they start in rounds \[2\]"),
        ("weights", r"1 weights of \d+ principles"),
        ("judgements", "5 judgements of 6 rounds"),
        ("principle", "there is no principle 99"),
        ("ranking", "is not by the weighted sums"),
        ("decision", "is not the first of the ranking"),
        ("unknown field", "unknown field `answer`"),
    ],
)
def test_a_wrong_year_cannot_be_built(fault: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(wrong_year(make().payload, fault), Year)


def test_life_is_in_order_and_of_known_people() -> None:
    year = make().payload
    with pytest.raises(ValueError, match="not in the order"):
        replace(year, life=year.life[::-1])
    with pytest.raises(ValueError, match="unknown manager 'p99'"):
        replace(year, life=(Life("2025-05-05", "manager", "x", "p99"),))
