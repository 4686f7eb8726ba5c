"""Servers that answer, refuse, cut off and fail in every dialect, and what that comes to."""

from typing import Any, Literal, NamedTuple

import msgspec
from hypothesis import strategies as st

from harness.failures import FAILURES
from harness.models.finishes import ENDINGS
from tests.harness.models.wording_cases import CASES, NEITHER
from tests.loopback import Fault, Json, chat_completion, message, response

End = Literal["answered", "empty", "cut off", "refused", "failed", "stopped"]
Dialect = Literal["openai", "openai-responses", "anthropic"]

ANSWER = '{"starts": {}}'  # is read, and starts no task
USAGES = [None, (0, 0), (12, 0), (12, 5)]


class Behaviour(NamedTuple):
    """What a server does with one call, and what that must count as.

    Attributes:
        end: `empty` is the model's own; `stopped`: nothing more is asked of the model.
        status, body: of the response.
    """

    end: End
    status: int
    body: bytes

    @property
    def fault(self) -> Fault:
        """As a loopback server gives it."""
        return Fault(self.status, self.body)


def shaped(dialect: Dialect, finish: str | None, text: str, usage: tuple[int, int] | None) -> Json:
    """A reply of a dialect that ended so."""
    if dialect == "openai":
        body = chat_completion(text, {"model": "m"})
        body["choices"][0]["finish_reason"] = finish
        names = ("prompt_tokens", "completion_tokens")
    elif dialect == "anthropic":
        body = message(text, {"model": "m"}) | {"stop_reason": finish}
        names = ("input_tokens", "output_tokens")
    else:
        body = response(text, {"model": "m"}) | _status(finish)
        names = ("input_tokens", "output_tokens")
    tokens = None if usage is None else dict(zip(names, usage, strict=True))
    return body | {"usage": tokens}


def _status(finish: str | None) -> Json:
    """The responses API tells why a reply ended in two fields."""
    if finish is None or finish in ENDINGS["failed"]:
        return {"status": finish}
    if finish in ENDINGS["answered"]:
        return {"status": "completed"}
    return {"status": "incomplete", "incomplete_details": {"reason": finish}}


def spelled(word: str) -> st.SearchStrategy[str]:
    """A word as one provider or another writes it."""
    return st.sampled_from([word, word.upper(), word.replace("_", "-")])


def endings(dialect: Dialect) -> st.SearchStrategy[Behaviour]:
    """Replies under status 200 that have no error in them."""
    loud = st.sampled_from([None, *USAGES])

    def made(end: End, words: Any, texts: Any, usages: Any) -> st.SearchStrategy[Behaviour]:
        exact = dialect == "openai-responses"
        word = words if exact else words.flatmap(lambda w: st.just(w) if w is None else spelled(w))
        return st.tuples(word, texts, usages).map(
            lambda t: Behaviour(end, 200, msgspec.json.encode(shaped(dialect, *t)))
        )

    words = {name: st.sampled_from(ENDINGS[name]) for name in ENDINGS}
    blank = st.sampled_from(["", " \n"])
    unknown = st.sampled_from(["tomorrow", "weird_reason"])
    return st.one_of(
        made("answered", words["answered"] | st.none() | unknown, st.just(ANSWER), loud),
        made("empty", words["answered"] | unknown, blank, st.just((12, 1))),
        made("cut off", words["cut off"], st.just('{"starts": {"a'), loud),
        made("cut off", words["cut off"], blank, st.sampled_from([None, (12, 5)])),
        made("refused", words["refused"], st.sampled_from(["", "I cannot."]), loud),
        made("failed", words["failed"], st.sampled_from(["", ANSWER, "half"]), loud),
        made("failed", words["answered"] | st.none(), blank, st.sampled_from([None, (0, 0)])),
    )


def _end_of(kind: str) -> End:
    ends: dict[str, End] = {"answer": "refused", "episode": "failed", "model": "stopped"}
    return ends[FAILURES[kind].then]


@st.composite
def errors(draw: st.DrawFn, dialect: Dialect) -> Behaviour:
    """Errors as servers word them, over HTTP or under status 200, at the top or in a choice."""
    case = draw(st.sampled_from([*CASES, *NEITHER]))
    error: Json = {"message": case.message, "code": case.code or None}
    if case.status != 200 and draw(st.booleans()):
        return Behaviour(_end_of(case.kind), case.status, msgspec.json.encode({"error": error}))
    if case.status != 200 and not case.code:
        error["code"] = case.status
    elif case.status != 200:
        error["status"] = str(case.status)
    whole: Json = {"type": "error", "error": error}
    if dialect == "openai" and draw(st.booleans()):
        whole = shaped(dialect, draw(st.sampled_from(["error", "stop"])), "half", (12, 5))
        whole["choices"][0]["error"] = error
    return Behaviour(_end_of(case.kind), 200, msgspec.json.encode(whole))


def bare_statuses() -> st.SearchStrategy[Behaviour]:
    """Statuses with a body that says nothing: never an answer of the model."""
    bodies = st.sampled_from(
        [b"", b"{}", b"null", b"[]", b"<html>no</html>", b'{"error": {}}', b"\xff"]
    )

    def made(status: int, body: bytes) -> Behaviour:
        stops = status in (401, 402, 403, 404) or (status == 405 and b"<html" in body)
        return Behaviour("stopped" if stops else "failed", status, body)

    return st.builds(made, st.integers(400, 599), bodies)


def no_bodies() -> st.SearchStrategy[Behaviour]:
    """What is no reply under status 200."""
    bodies = [b"", b"{}", b"null", b"[]", b"<html>no</html>", b'{"choices": []}', b'{"output": 3}']
    return st.sampled_from([Behaviour("failed", 200, body) for body in bodies])


def behaviours(dialect: Dialect) -> st.SearchStrategy[Behaviour]:
    """Anything that a server of a dialect may do."""
    return st.one_of(endings(dialect), errors(dialect), bare_statuses(), no_bodies())
