"""The corpus of recorded episodes by which arenas are compared, reply by reply.

A recording is an instance, how a model is asked, its replies, and what they are worth here. Most
replies are malformed. `python -m tests.arenas.recordings` writes the corpus of the repository, and
with `--all FOLDER` a larger one.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from harness.families.registry import family
from harness.suites import instances
from makespan.episodes import Episode, start
from tasks.base import Ask, Fields, Instance, Noun, Reply, ToolCall
from tests.arenas.dresses import BROKEN, DRESSES, EVERYDAY, FEW

CORPUS = Path(__file__).parent / "corpus"
SEED = 7
NOTES = ("", '{"summary": "boss first"}', '{"action": "keep"}', "nonsense")


class Recording(Noun, frozen=True, omit_defaults=True):
    """An episode as it was, and what it is worth."""

    name: str
    instance: str
    memory: str
    agent: str
    replies: tuple[Reply, ...]
    verdict: str
    score: float
    reward: float
    near_miss: float


@dataclass(frozen=True)
class Size:
    """How much of everything is recorded."""

    dresses: tuple[str, ...]
    few: tuple[str, ...]  # of the dresses, for `MORE_QUESTIONS`
    copies: int  # instances of a cell
    rounds: int
    mixed: int  # episodes of drawn replies a cell
    every_policy: bool


SMALL = Size(dresses=EVERYDAY, few=FEW, copies=1, rounds=5, mixed=1, every_policy=False)
WHOLE = Size(
    dresses=tuple(DRESSES), few=tuple(DRESSES), copies=2, rounds=12, mixed=8, every_policy=True
)
MEMORIES = (
    "none",
    "history",
    "full-history",
    "conversation",
    "summary",
    "strategy-hub",
    "facts",
)
QUESTIONS: tuple[tuple[str, int, Fields], ...] = (
    ("rcpsp", 5, {}),
    ("rcpsp", 8, {"axes": "downtime,windows,disjunctions"}),
    ("tardiness", 5, {}),
    ("tardiness", 8, {"weights": True}),
    ("tools", 3, {"track": "plan"}),
)
CONVERSATIONS: tuple[tuple[int, Fields, str], ...] = (
    (2, {}, "direct"),
    (3, {"failures": 0.2}, "direct"),
    (2, {"select": 4}, "direct"),
    (2, {}, "text-tools"),
)
MORE_QUESTIONS: tuple[tuple[str, int, Fields], ...] = (  # last: those before keep their place
    ("jobshop", 3, {}),
    ("jobshop", 3, {"buffers": "none"}),
    ("vms", 3, {}),
    ("serving", 3, {}),
    ("fair-queue", 3, {}),
    ("placement", 3, {}),
    ("feasibility", 4, {}),
    ("feasibility", 4, {"confidence": True}),
    ("temporal", 2, {}),
    ("dag", 3, {}),
    ("pods", 2, {}),
    ("hoist", 3, {}),
    ("allocation", 3, {}),
    ("allocation", 4, {"objective": "benefit"}),
)
TURNS: tuple[
    tuple[str, int, Fields], ...
] = (  # families asked turn by turn, which remember nothing
    ("flow", 2, {"jobs": 5}),
    ("flow", 2, {"jobs": 5, "history": "conversation"}),
    ("vms", 3, {"track": "reactive", "churn": 1}),
    ("contexts", 1, {"questions": 3}),
)


@cache
def make(name: str, level: int, index: int, settings: tuple[tuple[str, Any], ...]) -> Instance[Any]:
    """The instance of a cell."""
    return family(name).generate(level, SEED, index, family(name).resolve(level, dict(settings)))


def recordings(size: Size) -> Iterator[tuple[Instance[Any], Recording]]:
    """All recordings, each with its instance."""
    for index in range(size.copies):
        for name, level, settings in QUESTIONS:
            yield from _questions(make(name, level, index, tuple(settings.items())), size)
        for memory in MEMORIES:
            year = {"rounds": size.rounds, "history": 2}
            calendar = make("calendar", 3, index, tuple(year.items()))
            yield from _rounds(calendar, memory, ("oracle", "first"), size)
        for level, settings, agent in CONVERSATIONS:
            errand = make("tools", level, index, tuple(settings.items()))
            yield from _conversations(errand, agent, size)
    for index in range(size.copies):
        for name, level, settings in MORE_QUESTIONS:
            instance = make(name, level, index, tuple(settings.items()))
            yield from _questions(instance, replace(size, dresses=size.few))
        for name, level, settings in TURNS:
            instance = make(name, level, index, tuple(settings.items()))
            yield from _rounds(instance, "none", (ceiling(instance), "random"), size)


# Whole episodes ------------------------------------------------------------------------------

Speaker = Callable[[Episode], Reply]


def played(
    name: str, instance: Instance[Any], speaker: Speaker, *, memory: str, agent: str = "direct"
) -> tuple[Instance[Any], Recording]:
    """Play an episode and record it."""
    episode = start(instance, memory=memory, agent=agent)
    while not episode.done:
        episode.reply(speaker(episode))
    grade, reward = episode.grade(), episode.reward()
    recording = Recording(
        f"{instance.id} {memory} {agent} {name}",
        instance.id,
        memory,
        agent,
        replies=tuple(episode.replies),
        verdict=str(grade.verdict),
        score=grade.score,
        reward=reward.value,
        near_miss=reward.near_miss,
    )
    return instance, recording


def policy_reply(episode: Episode, name: str) -> Reply:
    """What a policy says; it sees the view, which an episode shows nobody else."""
    ask = episode._stepper.effect
    assert isinstance(ask, Ask)
    if ask.view is None:  # a question of the memory's own
        return Reply(NOTES[1])
    policy = family(episode.instance.family).policies[name]
    calls = tuple(
        msgspec.structs.replace(call, id=f"c{k}") for k, call in enumerate(policy.calls(ask.view))
    )
    if calls:
        return Reply("", calls, finish="tool_calls")
    return Reply(msgspec.json.encode(policy.answer(ask.view)).decode())


def ceiling(instance: Instance[Any]) -> str:
    """The name of a family's ceiling."""
    policies = family(instance.family).policies
    return next(name for name, policy in policies.items() if policy.kind == "ceiling")


def _questions(instance: Instance[Any], size: Size) -> Iterator[tuple[Instance[Any], Recording]]:
    gold = policy_reply(start(instance), ceiling(instance)).text
    for name in size.dresses:
        dress, finish = DRESSES[name]
        reply = Reply(dress(gold), finish=finish)
        yield played(name, instance, lambda _, reply=reply: reply, memory="none")  # type: ignore[misc]
    for name, policy in family(instance.family).policies.items():
        if policy.kind == "floor" and (size.every_policy or name in ("edd", "serial", "random")):
            yield played(
                f"policy {name}",
                instance,
                lambda episode, name=name: policy_reply(episode, name),  # type: ignore[misc]
                memory="none",
            )


def _rounds(
    instance: Instance[Any], memory: str, policies: tuple[str, ...], size: Size
) -> Iterator[tuple[Instance[Any], Recording]]:
    for name in policies:
        yield played(
            f"policy {name}",
            instance,
            lambda episode, name=name: policy_reply(episode, name),  # type: ignore[misc]
            memory=memory,
        )
    for number in range(size.mixed):
        rng = Random(f"mixed/{memory}/{number}")
        yield played(
            f"mixed {number}",
            instance,
            lambda episode, rng=rng: _mixed_round(episode, rng, size),  # type: ignore[misc]
            memory=memory,
        )


def _mixed_round(episode: Episode, rng: Random, size: Size) -> Reply:
    ask = episode._stepper.effect
    assert isinstance(ask, Ask)
    if ask.view is None:
        return Reply(rng.choice(NOTES))
    spoken = ["oracle", "random", "first"]
    if episode.instance.family != "calendar":
        spoken = [ceiling(episode.instance), "random"]
    gold = policy_reply(episode, rng.choice(spoken)).text
    dress, finish = DRESSES[rng.choice(size.dresses)]
    return Reply(dress(gold), finish=finish)


def _conversations(
    instance: Instance[Any], agent: str, size: Size
) -> Iterator[tuple[Instance[Any], Recording]]:
    if agent == "direct":
        for name in family("tools").policies:
            if size.every_policy or name in ("all-ready", "sequential", "optimal", "do-nothing"):
                yield played(
                    f"policy {name}",
                    instance,
                    lambda episode, name=name: policy_reply(episode, name),  # type: ignore[misc]
                    memory="none",
                )
    for number in range(2 * size.mixed + 1):
        rng = Random(f"mixed/{instance.id}/{agent}/{number}")
        yield played(
            f"mixed {number}",
            instance,
            lambda episode, rng=rng: _mixed_turn(episode, rng, agent),  # type: ignore[misc]
            memory="none",
            agent=agent,
        )
    if agent == "direct":
        same = ToolCall("a", instance.payload.tools[0].name, "{}")
        yield played(
            "never answers",
            instance,
            lambda _: Reply("", (same, same), finish="tool_calls"),
            memory="none",
        )


def _mixed_turn(episode: Episode, rng: Random, agent: str) -> Reply:
    gold = policy_reply(episode, "all-ready")
    if agent == "text-tools":
        return Reply(_as_text(gold, rng))
    if rng.random() < 0.35 and len(episode.replies) < 8:
        names = [offer.name for offer in episode.instance.payload.tools]
        call = ToolCall(
            rng.choice(["", "c0", "same", f"x{len(episode.replies)}"]),
            rng.choice([*names, "no_such_tool", "bad name!"]),
            rng.choice(BROKEN),
        )
        words = rng.choice(["", "Let me try."])
        return Reply(words, (call, *gold.calls[:1]), finish="tool_calls")
    if not gold.calls and rng.random() < 0.3:
        return Reply(gold.text[: len(gold.text) // 2] if rng.random() < 0.5 else "done")
    return gold


def _as_text(reply: Reply, rng: Random) -> str:
    """A turn as an agent writes it that has no native calls, at times spoilt."""
    if not reply.calls:
        return reply.text
    calls = [
        {"tool": call.name, "arguments": msgspec.json.decode(call.arguments)}
        for call in reply.calls
    ]
    text = msgspec.json.encode({"calls": calls}).decode()
    return text[: len(text) // 2] if rng.random() < 0.2 else f"Next:\n{text}"


# Files ---------------------------------------------------------------------------------------


def write(folder: Path, size: Size) -> int:
    """Write a corpus, and return how many recordings it has."""
    folder.mkdir(parents=True, exist_ok=True)
    problems: dict[str, bytes] = {}
    lines = []
    for instance, recording in recordings(size):
        problems[instance.id] = instances.encode(instance)
        lines.append(msgspec.json.encode(recording))
    (folder / "instances.jsonl").write_bytes(b"\n".join(problems.values()) + b"\n")
    (folder / "recordings.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return len(lines)


def read(folder: Path = CORPUS) -> list[tuple[Instance[Any], Recording]]:
    """Read a corpus: each recording with its instance."""
    problems = {each.id: each for each in instances.read(folder / "instances.jsonl")}
    lines = (folder / "recordings.jsonl").read_bytes().splitlines()
    decoded = [msgspec.json.decode(line, type=Recording) for line in lines]
    return [(problems[recording.instance], recording) for recording in decoded]


def main() -> None:
    """Write the corpus of the repository, or with `--all FOLDER` the larger one."""
    parser = argparse.ArgumentParser(prog="python -m tests.arenas.recordings")
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    folder = parser.parse_args().all
    count = write(folder or CORPUS, WHOLE if folder else SMALL)
    print(f"{count} recordings in {folder or CORPUS}")


if __name__ == "__main__":
    main()
