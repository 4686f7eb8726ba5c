"""The workload of a service of language models, checked when it is made.

Its JSON is what the simulator reads: the names of fields are those of the simulator's case.
"""

from typing import Literal

from tasks.base import Noun
from tasks.checks import check_unique

LARGEST = 1 << 31  # of a number of tokens
LONGEST = 10**13  # of a time in ns


class ServerSpec(Noun, frozen=True):
    """A server: its memory in tokens, and how long an iteration takes, in ns.

    An iteration of `n` tokens takes max(floor, fixed + token x n), plus `read` for each token of
    context that is decoded from and `pair` for each pair of tokens in a prompt, times 100 / speed.

    Attributes:
        memory: tokens of KV cache.
        floor, fixed, token, read, pair: as above.
        ramp: of a mixture of experts: its first number plus the second x n is an iteration's most.
        speed: in per cent.
        role: whether it takes new requests, those that another server has begun, or all.
        swap: ns a token that moves out of the memory or back; None where it cannot.
        budget: tokens of an iteration unless a plan says otherwise.
    """

    memory: int
    floor: int
    fixed: int
    token: int
    read: int
    pair: int
    ramp: tuple[int, int] | None = None
    speed: int = 100
    role: Literal["both", "prefill", "decode"] = "both"
    swap: int | None = None
    budget: int = 512

    def __post_init__(self) -> None:
        numbers = (self.floor, self.fixed, self.token, self.read, self.pair, self.swap or 0)
        if min(numbers + (self.ramp or ())) < 0 or max(numbers + (self.ramp or ())) > LONGEST:
            raise ValueError(f"server: its times {numbers} are not all from 0 to {LONGEST}")
        if self.floor < 1:
            raise ValueError(f"server: floor {self.floor} is below 1")
        if not (1 <= self.memory <= LARGEST and 1 <= self.budget <= LARGEST):
            raise ValueError(f"server: memory {self.memory} or budget {self.budget} is below 1")
        if not 1 <= self.speed <= 10_000:
            raise ValueError(f"server: speed {self.speed} per cent is not from 1 to 10000")


class ModelCall(Noun, frozen=True):
    """One call of the model.

    Attributes:
        prompt: new tokens.
        output: tokens that it will make, which a scheduler learns only when they are made.
        cap: the most it may make.
        hint: a guess of `output`, or None.
        kind: of what sort it is.
    """

    prompt: int
    output: int
    cap: int
    hint: int | None
    kind: str

    def __post_init__(self) -> None:
        if not 1 <= self.prompt <= LARGEST:
            raise ValueError(f"call: prompt {self.prompt} is not from 1 to {LARGEST}")
        if not 1 <= self.output <= self.cap <= LARGEST:
            raise ValueError(f"call: output {self.output} is not from 1 to its cap {self.cap}")
        if self.hint is not None and not 1 <= self.hint <= LARGEST:
            raise ValueError(f"call: hint {self.hint} is not from 1 to {LARGEST}")


class CallStage(Noun, frozen=True):
    """Calls that come together; then, unless it is the last, a tool works for `pause` ns."""

    calls: tuple[ModelCall, ...]
    pause: int = 0
    tool: str | None = None

    def __post_init__(self) -> None:
        if not self.calls:
            raise ValueError("stage: there must be a call")
        if not 0 <= self.pause <= LONGEST:
            raise ValueError(f"stage: pause {self.pause} is not from 0 to {LONGEST} ns")


class ServiceJob(Noun, frozen=True):
    """A job: stages of calls, one after another, and its limits.

    Attributes:
        id: unique.
        at: when it comes, in ns.
        stages: of calls.
        user: whose it is.
        reuse: whether a call goes on from the context of the one before; then a stage has one call.
        ttft, tpot: limits of each call, in ns: to its first token, and between two; both or none.
        deadline: limit of the whole job, in ns without its pauses, or None.
    """

    id: str
    at: int
    stages: tuple[CallStage, ...]
    user: int = 0
    reuse: bool = False
    ttft: int | None = None
    tpot: int | None = None
    deadline: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at <= LONGEST:
            raise ValueError(f"job {self.id}: it comes at {self.at}, not from 0 to {LONGEST} ns")
        if not self.stages:
            raise ValueError(f"job {self.id}: there must be a stage")
        if self.reuse and any(len(stage.calls) != 1 for stage in self.stages):
            raise ValueError(f"job {self.id}: where context is used again a stage has one call")
        if (self.ttft is None) != (self.tpot is None):
            raise ValueError(f"job {self.id}: ttft and tpot are both there or neither")
        limits = [x for x in (self.ttft, self.tpot, self.deadline) if x is not None]
        if not limits or min(limits) < 1 or max(limits) > LONGEST:
            raise ValueError(f"job {self.id}: its limits must be there, from 1 to {LONGEST} ns")

    @property
    def largest_context(self) -> int:
        """Return the most tokens that one of its calls has in memory."""
        sizes = [call.prompt + call.output for stage in self.stages for call in stage.calls]
        return sum(sizes) if self.reuse else max(sizes)


class Service(Noun, frozen=True):
    """Servers, and the jobs that come to them.

    Attributes:
        servers: one queue stands before them.
        jobs: in the order of their arrival.
        link: ns a token that moves from a server for prompts to one for decoding.
    """

    servers: tuple[ServerSpec, ...]
    jobs: tuple[ServiceJob, ...]
    link: int = 0

    def __post_init__(self) -> None:
        check_unique("jobs: id", (job.id for job in self.jobs))
        if not self.jobs:
            raise ValueError("jobs: there must be at least one")
        if not 0 <= self.link <= LONGEST:
            raise ValueError(f"link {self.link} is not from 0 to {LONGEST} ns")
        if any(a.at > b.at for a, b in zip(self.jobs, self.jobs[1:], strict=False)):
            raise ValueError("jobs: they are not in the order of their arrival")
        self._check_servers()
        least = min((server.memory for server in self.servers), default=0)
        for job in self.jobs:
            if job.largest_context >= least:
                raise ValueError(
                    f"job {job.id}: its context of {job.largest_context} tokens has no room in a"
                    f" memory of {least}"
                )

    def _check_servers(self) -> None:
        roles = {server.role for server in self.servers}
        if roles not in ({"both"}, {"prefill", "decode"}):
            raise ValueError(
                f"servers: their roles are {sorted(roles)}: all both, or some prefill, some decode"
            )
