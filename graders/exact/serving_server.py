"""Requests and servers of a service of language models, as its scheduler sees them.

Times are whole nanoseconds, memory is tokens of KV cache. This text also runs beside programs in
the sandbox, so it imports nothing but the standard library.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LAYERS = 32  # of the model: a prompt may advance by some of them in an iteration
NUMBERS = ("admit", "evict", "swap", "drop")  # parts of a plan: lists of ids
PAIRS = ("prefill", "keep")  # parts of a plan: lists of [id, whole number]
PARTS = frozenset((*NUMBERS, *PAIRS, "layers", "decode", "steps"))


class RefusedPlan(Exception):
    """An error about a plan that breaks a rule: it ends the run. `kind` names the rule."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


@dataclass(slots=True, eq=False)
class Request:
    """One call of the model; how many tokens it will make is not in it.

    Attributes:
        id, job, stage: its number in order of arrival, that of its job, the stage of the job.
        user, kind: whose it is, and of what sort.
        arrived: when, in ns.
        prompt: new tokens to be read.
        reuse: tokens of its job's earlier context, to be read again where they are not in memory.
        cap, hint: the most tokens it may make, and a guess or None.
        ttft, tpot, deadline: limits in ns, or None: to the first token, between two tokens, of the
            whole job without its pauses.
        tool: that it called, once it has ended.
        need: tokens that its context has now: reuse + prompt + out.
        out, kv: tokens made, and tokens in memory.
        layer: through which its prompt has come, between 0 and the number of layers.
        swapped: tokens that lie outside the memory.
        first, last, done: times of the first and the latest token and of the end, or None.
        gap: the longest time between two tokens.
        evictions, server: how often it lost its place, and where it runs.
    """

    id: int
    job: int
    stage: int
    user: int
    kind: str
    arrived: int
    prompt: int
    reuse: int
    cap: int
    hint: int | None
    ttft: int | None
    tpot: int | None
    deadline: int | None
    need: int
    tool: str | None = None
    out: int = 0
    kv: int = 0
    layer: int = 0
    swapped: int = 0
    first: int | None = None
    last: int = 0
    done: int | None = None
    gap: int = 0
    evictions: int = 0
    server: int | None = None

    @property
    def decoding(self) -> bool:
        """Return whether the next iteration makes a token of it without prompt to read."""
        return self.kv == self.need - 1


@dataclass(slots=True)
class HeldContext:
    """What stays in memory of a job while its tool works: tokens, pinned until, since when."""

    tokens: int
    pinned: int
    since: int


class ModelServer:
    """A server as a policy sees it: all but what is still to come."""

    def __init__(self, index: int, spec: Mapping[str, Any]) -> None:
        """Make an empty server of a description: `tasks.serving_payload.ServerSpec` as JSON."""
        self.index: int = index
        self.role: str = spec["role"]
        self.memory: int = spec["memory"]
        self.speed: int = spec["speed"]
        self.floor: int = spec["floor"]
        self.fixed: int = spec["fixed"]
        self.token: int = spec["token"]
        self.read: int = spec["read"]
        self.pair: int = spec["pair"]
        self.ramp: list[int] | None = spec.get("ramp")
        self.swap: int | None = spec.get("swap")
        self.budget: int = spec["budget"]
        self.now, self.used, self.stall, self.steps = 0, 0, 0, 0
        self.busy = False
        self.waiting: list[Request] = []
        self.running: list[Request] = []
        self.finished: list[Request] = []
        self.contexts: dict[int, HeldContext] = {}
        self.history: list[tuple[str, int]] = []
        self.pauses: dict[str, list[int]] = {}
        self.times = (0, 0)

    @property
    def free(self) -> int:
        """Return the tokens of memory that nothing lies in."""
        return self.memory - self.used

    def droppable(self) -> int:
        """Return the tokens of contexts that are not pinned: they make room by themselves."""
        return sum(c.tokens for c in self.contexts.values() if c.pinned <= self.now)

    def holds(self, request: Request) -> int:
        """Return the tokens of a waiting request's context that are in memory already."""
        if request.swapped:
            return request.swapped
        if not request.reuse or request.job not in self.contexts:
            return 0
        return min(self.contexts[request.job].tokens, request.need - 1)

    def unread(self, request: Request) -> int:
        """Return the tokens that must be read before a request makes its next token, from 1."""
        return request.need - (request.kv or self.holds(request))

    def cost(self, tokens: int, reads: int = 0, pairs: int = 0) -> int:
        """Return the ns of one iteration.

        Args:
            tokens: that go through the weights.
            reads: tokens of context that are read for decoding.
            pairs: of tokens, in the attention of prompts.
        """
        if not tokens:
            return 0
        return (self.base(tokens) + self.read * reads + self.pair * pairs) * 100 // self.speed

    def base(self, tokens: int) -> int:
        """Return the ns of the weights at full speed: of experts only those that are needed."""
        linear = self.fixed + self.token * tokens
        if self.ramp:
            linear = min(linear, self.ramp[0] + self.ramp[1] * tokens)
        return max(self.floor, linear)


def checked_plan(plan: Any) -> dict[str, Any]:
    """Return a copy of a plan in which every part has its form, without those that say nothing.

    Args:
        plan: what a program returned; None is an empty one.

    Raises:
        RefusedPlan: if it is no plan.
    """
    if plan is None:
        return {}
    if type(plan) is not dict:
        raise RefusedPlan("plan", f"not a dict but a {type(plan).__name__}")
    for key in plan:
        if type(key) is not str or key not in PARTS:
            raise RefusedPlan("plan", f"there is no part {str(key)[:40]!r}")
    parts = {}
    for key in plan:
        part = _checked_part(key, plan[key])
        if part != [] or key == "prefill":
            parts[key] = part
    return parts


def _checked_part(key: str, part: Any) -> Any:
    if key in NUMBERS and _are_numbers(part):
        return list(part)
    if key in PAIRS and type(part) in (list, tuple) and all(map(_is_pair, part)):
        return list(map(list, part))
    if (key == "decode" and type(part) is bool) or (key in ("layers", "steps") and is_whole(part)):
        return part
    raise RefusedPlan("plan", f"{key!r} has not the form of that part")


def _are_numbers(part: Any) -> bool:
    return type(part) in (list, tuple) and (not part or all(map(is_whole, part)))


def _is_pair(pair: Any) -> bool:
    """Return whether it is a list of two numbers, or a tuple."""
    if type(pair) not in (list, tuple) or len(pair) != 2:
        return False
    return is_whole(pair[0]) and is_whole(pair[1])


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number below 2^53; True and False are none."""
    return type(value) is int and -(1 << 53) < value < 1 << 53


def oldest_first(contexts: Mapping[int, HeldContext], jobs: Iterable[int]) -> list[int]:
    """Return jobs in the order in which their contexts came to lie in memory."""
    return sorted(jobs, key=lambda job: (contexts[job].since, job))
