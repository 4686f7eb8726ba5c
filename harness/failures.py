"""Every failure by name, and what the run does about it: one table, the same as in the docs."""

from typing import Literal

from tasks.base import Failure, Noun

Then = Literal["answer", "episode", "model", "run"]


class FailurePolicy(Noun, frozen=True):
    """What is done about a kind of failure.

    Attributes:
        boundary: where it happened.
        retry: whether the call is tried again before anything else is done.
        slow: whether the model is asked less at once from now on.
        then: `answer`: it is the model's own, an empty answer. `episode`: the episode ends in an
            error, is no score, and is open again when the run is resumed. `model`: nothing more is
            asked of this model. `run`: nothing more is asked.
        when: what happened, in words.
    """

    boundary: str
    retry: bool
    slow: bool
    then: Then
    when: str


def _what(
    boundary: str, then: Then, when: str, *, retry: bool = False, slow: bool = False
) -> FailurePolicy:
    return FailurePolicy(boundary, retry, slow, then=then, when=when)


SERVER = "another status from 500 on, 408, 409, 424; a reply that ended in an error"

FAILURES: dict[str, FailurePolicy] = {
    "rate limit": _what(
        "provider", "episode", "status 429, 413 for tokens a minute", retry=True, slow=True
    ),
    "overloaded": _what("provider", "episode", "status 529, 498", retry=True, slow=True),
    "server": _what("provider", "episode", SERVER, retry=True),
    "time limit": _what("provider", "episode", "no reply in `--attempt-timeout`", retry=True),
    "connection": _what("provider", "episode", "no connection, or one that broke off", retry=True),
    "no server": _what("provider", "model", "a refused connection, before any answer came"),
    "malformed body": _what("provider", "episode", "a body that is no reply", retry=True),
    "empty reply": _what("provider", "episode", "no text, no call, no token counted", retry=True),
    "bad request": _what("provider", "episode", "another status from 300 to 499"),
    "output limit": _what("provider", "episode", "`--max-output-tokens` is more than fits"),
    "context length": _what("provider", "answer", "the request is longer than the model can read"),
    "content filter": _what("provider", "answer", "the provider's filter refused the request"),
    "authentication": _what("provider", "model", "status 401 or 403"),
    "no credit": _what("provider", "model", "status 402, or a quota that is used up"),
    "no such model": _what("provider", "model", "status 404, or an error that names the model"),
    "wrong address": _what("provider", "model", "status 404 of a server that has no such path"),
    "rejected": _what("provider", "model", "3 calls refused alike, and no answer between them"),
    "down": _what("provider", "model", "3 calls given up, and no answer between them"),
    "world": _what("world", "episode", "an exception in world, agent, memory or grader"),
    "solver": _what("solver", "episode", "a reference solver or policy broke its promise"),
    "no reference": _what("solver", "episode", "the score needs an optimum or a bound: none known"),
    "sandbox": _what("sandbox", "run", "programs cannot be isolated here, or their server died"),
    "tools": _what("tools", "episode", "the server of the tools did not do its part"),
    "tool server": _what("tools", "run", "the server of the tools failed again and again"),
    "episode budget": _what("budget", "episode", "an episode reached its `--budget-episode-...`"),
    "budget": _what("budget", "run", "the run reached its `--budget-cost`, `-tokens` or `-time`"),
    "too many errors": _what("budget", "run", "more errors than `--fail-on-error`"),
    "engine": _what("engine", "run", "`--engine`: workers die again and again, or are gone"),
    "hub": _what("hub", "run", "`publish`: the hub is away or refuses", retry=True),
    "replay": _what("replay", "run", "the journal holds another request"),
    "store": _what("store", "run", "the run folder or the cache cannot be read or written"),
}


def policy_of(failure: Failure) -> FailurePolicy:
    """Return what is done about a failure."""
    return FAILURES[failure.kind]


def table() -> str:
    """The table as the documents show it."""
    lines = ["| failure | boundary | when | tried again | asked less at once | then |"]
    lines.append("|---|---|---|---|---|---|")
    for kind, w in FAILURES.items():
        again, slow = ("yes" if yes else "" for yes in (w.retry, w.slow))
        lines.append(f"| {kind} | {w.boundary} | {w.when} | {again} | {slow} | {THEN[w.then]} |")
    return "\n".join(lines) + "\n"


THEN: dict[Then, str] = {
    "answer": "an empty answer, the model's own failure",
    "episode": "the episode ends in an error",
    "model": "this model stops",
    "run": "the run stops",
}
