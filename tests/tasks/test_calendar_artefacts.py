"""Prompts of years whose evidence is artefacts: as they were, and silent about what is hidden."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from generators.calendar import generate
from tasks.base import Instance
from tasks.calendar import Year
from tests.tasks.test_calendar import lived, text

GOLDEN = Path(__file__).parent / "golden"


def make(**settings: Any) -> Instance[Year]:
    return generate(3, 1, 4, {"rounds": 6, **settings}, reference=False)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("artefacts", {"rumours": 1}), ("artefacts-indirect", {"indirect": True, "rumours": 2})],
)
def test_prompts_of_artefacts_are_as_they_were(name: str, settings: dict[str, Any]) -> None:
    asks, tells, _ = lived(make(evidence="artefacts", **settings), ["none"] * 6)
    shown = f"{text(asks[1])}\n--- feedback\n{tells[1].facts['text']}\n"
    golden = GOLDEN / f"calendar-{name}.txt"
    if not golden.exists():
        golden.write_text(shown, "utf-8")
    assert shown == golden.read_text("utf-8")


def test_a_round_is_asked_the_same_and_told_of_in_writing() -> None:
    plain, written = (lived(make(**s), ["none"] * 6) for s in ({}, {"evidence": "artefacts"}))
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
    instance = make(evidence="artefacts", rumours=2)
    year = instance.payload
    evidence = tuple(
        tuple(replace(each, event=clash.ids[0], fact="rumour") for each in artefacts)
        for artefacts, clash in zip(year.evidence, year.rounds, strict=True)
    )
    other = replace(instance, payload=replace(year, evidence=evidence))
    assert other != instance
    (_, shown, _), (_, blind, _) = lived(instance, ["none"] * 6), lived(other, ["none"] * 6)
    assert [t.facts for t in shown] == [t.facts for t in blind]
