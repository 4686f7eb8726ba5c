"""One episode as text for a terminal: prompt, reply, what was read, grade, reference."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any
from unicodedata import category

import msgspec

from harness.calls.recorded import RecordedCall
from harness.families.registry import family
from harness.formatting import cost_text, label, number, percent, tokens_text
from harness.replay.transcript import Episode
from harness.report.base import drawings, reference_title
from harness.secrets import scrubber
from tasks.base import Grade, Message, Parsed, Reference, Reply

MOST_WHOLE = 4  # calls of an episode that are all printed whole
MOST_WORDS = 100  # violations that are listed
UNPRINTED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, marks, halves, separators
Section = tuple[str, str]  # a title, and the text below it


def lines(episode: Episode, columns: int, *, whole: bool = False) -> Iterator[str]:
    """Yield the lines of an episode, none of them longer than the terminal is wide.

    Args:
        episode: replayed.
        columns: of the terminal.
        whole: whether every call is printed with its prompt; else, of an episode of many calls,
            the first and the last are, and of each other call one line.
    """
    clean = scrubber()
    for title, text in _sections(episode, whole):
        yield f"── {visible(clean(title))} ".ljust(columns - 1, "─")[: columns - 1]
        yield from wrapped(visible(clean(text)), columns)


def visible(text: str) -> str:
    """Return a text whose control characters stand as their escapes: no terminal obeys them."""
    return "".join(
        c if c in "\n\t" or category(c) not in UNPRINTED else c.encode("unicode_escape").decode()
        for c in text
    )


def wrapped(text: str, columns: int) -> Iterator[str]:
    """Yield the lines of a text, long ones broken at spaces, below their own indent."""
    width = max(20, columns - 1)
    for line in text.expandtabs(4).split("\n"):
        indent = line[: len(line) - len(line.lstrip())][: width // 2]
        if len(line) <= width:
            yield line.rstrip()
        else:
            yield from wrap(line, width, subsequent_indent=indent, break_on_hyphens=False)


def _sections(episode: Episode, whole: bool) -> Iterator[Section]:
    record = episode.record
    name = label(record.model, record.agent, record.memory, {})
    epoch = f", epoch {record.epoch}" if record.epoch else ""
    yield f"{record.instance}, {name}{epoch}", _facts(episode)
    calls, parsed = episode.calls, episode.parsed
    before: tuple[Message, ...] = ()
    for number_of_call, call in enumerate(calls, 1):
        place = f"call {number_of_call} of {len(calls)}, {call.path}" if len(calls) > 1 else ""
        if whole or len(calls) <= MOST_WHOLE or number_of_call in (1, len(calls)):
            yield from _call(call, before, place, parsed.get(call.path))
        else:
            yield place, _in_a_line(call, parsed.get(call.path))
        before = call.messages
    if episode.outcome and not parsed:
        yield "what was read", "\n".join(map(_parsed, episode.outcome.answers)) or "nothing"
    yield from _judgement(episode)


def _facts(episode: Episode) -> str:
    record = episode.record
    settings = ", ".join(f"{key} {value}" for key, value in record.settings.items())
    tokens = f"{tokens_text(record.input_tokens)} in, {tokens_text(record.output_tokens)} out"
    return (
        f"{record.family}, level {record.level}: {settings}\n"
        f"calls {record.calls}, attempts {record.attempts}, tokens {tokens}, cost"
        f" {cost_text(record.cost)}, {record.seconds:.1f} s"
        + "".join(f"\n{count} x {kind}" for kind, count in (record.notes or {}).items())
    )


# A call -------------------------------------------------------------------------------------


def _call(
    call: RecordedCall, before: tuple[Message, ...], place: str, parsed: Parsed | None
) -> Iterator[Section]:
    """Yield what a call says that the one before it did not, its reply, and what was read."""
    goes_on = before and call.messages[: len(before)] == before
    messages = [m for m in call.messages[len(before) :] if m.role != "assistant"]
    for message in messages if goes_on else call.messages:
        yield _titled(f"prompt, {message.role}", place), _with_calls(message)
    if call.tools:
        yield _titled("tools on offer", place), ", ".join(tool.name for tool in call.tools)
    if call.reply is None:
        yield _titled("no reply", place), ""
    else:
        parts = (*_thoughts(call.reply), *_reply(call.reply))
        yield from ((_titled(title, place), text) for title, text in parts)
    if parsed:
        yield _titled("what was read", place), _parsed(parsed)


def _titled(title: str, place: str) -> str:
    return f"{title} ({place})" if place else title


def _with_calls(message: Message) -> str:
    calls = [f"-> {call.name} {call.arguments}" for call in message.calls]
    return "\n".join([*[message.content] * bool(message.content), *calls])


def _thoughts(reply: Reply) -> Iterator[Section]:
    """Yield what was thought beside a reply; thoughts in its text stand there."""
    if reply.reasoning:
        yield "reasoning, no part of the answer", reply.reasoning


def _reply(reply: Reply) -> Iterator[Section]:
    """Yield the parts of a reply, in the order in which the model wrote them."""
    end = "" if reply.finish == "stop" else f", ended by {reply.finish}"
    if reply.text or not reply.calls:
        yield f"reply{end}", reply.text or "(empty)"
    if reply.calls:
        calls = (f"-> {call.name} {call.arguments}" for call in reply.calls)
        yield f"tool calls{end}", "\n".join(calls)


def _in_a_line(call: RecordedCall, parsed: Parsed | None) -> str:
    if parsed:
        return " ".join(_parsed(parsed).split())
    if call.reply is None:
        return "no reply"
    return " ".join(text for _, part in _reply(call.reply) for text in part.split())[:200]


def _parsed(parsed: Parsed) -> str:
    if parsed.problem:
        return f"nothing: {parsed.problem}"
    how = f"{parsed.how}: " if parsed.how else ""
    return "\n".join([how + _json(parsed.value), *(f"mended: {line}" for line in parsed.mended)])


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()


# Its worth ----------------------------------------------------------------------------------


def _judgement(episode: Episode) -> Iterator[Section]:
    problem, grade = episode.record.problem, episode.record.grade
    if problem:
        yield f"error: {problem.kind or problem.boundary}", problem.message
    if grade:
        yield f"grade: {grade.verdict.value}, score {grade.score:.3f}", _grade(grade)
        if grade.violations:
            yield f"violations: {len(grade.violations)}", "\n".join(violations(episode))
    reference = episode.instance.reference
    yield reference_title(reference), _reference(reference)


def _grade(grade: Grade) -> str:
    against = f" against the {grade.against}" if grade.against else ""
    parts = [
        "" if grade.objective is None else f"objective {grade.objective}",
        "" if grade.gap is None else f"gap {percent(grade.gap)}{against}",
        *(f"{name} {number(value, 3)}" for name, value in grade.metrics.items()),
    ]
    return ", ".join(filter(None, parts))


def violations(episode: Episode) -> list[str]:
    """Return what is wrong with an answer in the family's words."""
    grade, words = episode.record.grade, drawings(family(episode.record.family)).words
    wrong = grade.violations if grade else ()
    sentences = [words(violation) for violation in wrong[:MOST_WORDS]]
    rest = len(wrong) - MOST_WORDS
    return [*sentences, *([f"and {rest} more"] if rest > 0 else [])]


def _reference(reference: Reference) -> str:
    parts = [
        "" if reference.objective is None else f"objective {reference.objective}",
        "" if reference.bound is None else f"bound {reference.bound}",
        f"by {reference.solver}" if reference.solver else "",
    ]
    values = ", ".join(filter(None, parts))
    return "\n".join(filter(None, [values, _json(reference.answer) if reference.answer else ""]))
