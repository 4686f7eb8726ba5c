"""A discrete-event simulator of servers of a language model; whole nanoseconds, no clock.

`ServingRun(case, plan).run()` asks `plan(server)` at the boundaries of iterations and returns the
log of what it decided; `ServingRun(case, replayed(log)).run()` is the same run again. Between two
decisions it jumps in closed form. This text also runs beside programs in the sandbox, after that
of `serving_server`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from graders.exact.serving_server import (
    LAYERS,
    HeldContext,
    ModelServer,
    RefusedPlan,
    Request,
    checked_plan,
    oldest_first,
)

TICK = 8  # iterations after which a server asks again while requests wait
MOVES = frozenset(("admit", "evict", "swap"))  # parts of a plan that change what runs
LIMIT = 10**15  # ns: nothing of use takes longer
Log = list[list[Any]]  # [number of the ask, plan], of the plans that are not empty


@dataclass(slots=True)
class JobRun:
    """A job under way: its description, calls under way, and when it came and ended."""

    spec: Mapping[str, Any]
    arrived: int
    open: int = 0
    stage: int = -1
    done: int | None = None
    pause: int = 0
    context: int = 0
    waits: tuple[str, int] | None = None


class ServingRun:
    """One run of a workload under a policy."""

    def __init__(
        self, case: Mapping[str, Any], plan: Callable[[ModelServer], Any], until: int | None = None
    ) -> None:
        """Begin a run.

        Args:
            case: servers, jobs with what is hidden, and `link`: a workload as JSON.
            plan: what decides.
            until: the number of asks after which the run ends, unfinished; None is no limit.
        """
        self.plan, self.until = plan, until
        self.link: int = case["link"]
        self.asks = self.sequence = self.iterations = 0
        self.log: Log = []
        self.events: list[tuple[int, int, str, Any]] = []
        self.requests: list[Request] = []
        self.lengths: list[int] = []
        names = ("evictions", "recomputed", "swapped", "prefilled", "hits", "misses")
        self.stats = dict.fromkeys(names, 0)
        self.queue: list[Request] = []
        self.moved: list[Request] = []
        self.servers = [ModelServer(k, spec) for k, spec in enumerate(case["servers"])]
        self._share_views()
        self.jobs = [JobRun(spec, spec["at"]) for spec in case["jobs"]]
        calls = sum(len(stage["calls"]) for job in case["jobs"] for stage in job["stages"])
        self.patience = 100 * calls + 10_000  # asks
        for k, job in enumerate(self.jobs):
            self._push(job.arrived, "stage", k)

    def _share_views(self) -> None:
        """Give all servers one queue, and one past to learn from."""
        history: list[tuple[str, int]] = []
        self.pauses: dict[str, list[int]] = {}
        for server in self.servers:
            server.history, server.pauses = history, self.pauses
            server.waiting = self.moved if server.role == "decode" else self.queue
        self._handlers: dict[str, Callable[[int, Any], None]] = {
            "stage": self._begin_stage,
            "arrive": self._arrive,
            "wake": lambda now, index: None,  # noqa: ARG005
            "step": self.end_step,
        }

    def run(self) -> Log:
        """Run to the end and return the log.

        Raises:
            RefusedPlan: if a plan breaks a rule, or a job never ends.
        """
        self.advance()
        if self.until is None or self.asks < self.until:
            unserved = sum(job.done is None for job in self.jobs)
            if unserved:
                raise RefusedPlan("starved", f"{unserved} jobs never end")
        return self.log

    def advance(self, before: int | None = None) -> None:
        """Run all that begins before a moment; None is to the end."""
        while self.events and (before is None or self.events[0][0] < before):
            now = self.events[0][0]
            if now > LIMIT:
                raise RefusedPlan("time", "it does not end")
            while self.events and self.events[0][0] == now:
                _, _, kind, subject = heappop(self.events)
                self._handlers[kind](now, subject)
            for server in self.servers:
                server.now = now
                if not server.busy:
                    if self.until is not None and self.asks >= self.until:
                        return
                    self._start(server)

    def _push(self, at: int, kind: str, subject: Any) -> None:
        heappush(self.events, (at, self.sequence, kind, subject))
        self.sequence += 1

    # Events ----------------------------------------------------------------------------------

    def _begin_stage(self, now: int, number: int) -> None:
        """Let the next calls of a job arrive, all at once."""
        job = self.jobs[number]
        job.stage += 1
        if job.waits:  # how long its tool took shows now
            self.pauses.setdefault(job.waits[0], []).append(job.waits[1])
        for call in job.spec["stages"][job.stage]["calls"]:
            self.queue.append(self._request(job, number, now, call))
            self.lengths.append(call["output"])
            self.requests.append(self.queue[-1])
            job.open += 1

    def _request(self, job: JobRun, number: int, now: int, call: Mapping[str, Any]) -> Request:
        spec, reuse = job.spec, job.context if job.spec["reuse"] else 0
        return Request(
            id=len(self.requests),
            job=number,
            stage=job.stage,
            user=spec["user"],
            kind=call["kind"],
            arrived=now,
            prompt=call["prompt"],
            reuse=reuse,
            cap=call["cap"],
            hint=call["hint"],
            ttft=spec["ttft"],
            tpot=spec["tpot"],
            deadline=spec["deadline"],
            need=reuse + call["prompt"],
        )

    def _arrive(self, now: int, request: Request) -> None:  # noqa: ARG002
        self.moved.append(request)

    def end_step(self, now: int, subject: Any) -> None:
        """End an iteration, or several of nothing but decoding."""
        index, decoding, count, prefill, layers = subject
        server = self.servers[index]
        server.busy, server.now = False, now
        server.steps += count
        self.iterations += count
        server.used += count * len(decoding)
        ended = self._end_decoding(server, decoding, count)
        for request, tokens in prefill:
            self._end_prefill(server, request, tokens, layers)
            if request.out == self.lengths[request.id] or server.role == "prefill":
                ended.append(request)
        for request in ended:
            self._end_request(server, request)

    def _end_decoding(
        self, server: ModelServer, decoding: Sequence[Request], count: int
    ) -> list[Request]:
        """Give each request its tokens, and return those that may leave."""
        now, lengths, ended = server.now, self.lengths, list[Request]()
        first, last = server.times if count > 1 else (now, now)
        longest = now - last
        for request in decoding:
            request.kv += count
            request.need += count
            request.out = out = request.out + count
            if request.first is None:
                request.first = request.last = first
            # the first of them decides the gap, or the last, which is the longest
            gap = first - request.last
            if gap < longest:
                gap = longest
            if gap > request.gap:
                request.gap = gap
            request.last = now
            if out == lengths[request.id]:
                ended.append(request)
        return list(decoding) if server.role == "prefill" else ended

    def _end_prefill(self, server: ModelServer, request: Request, tokens: int, layers: int) -> None:
        if layers:
            request.layer += layers
            if request.layer < LAYERS:
                return
        request.layer = 0
        request.kv += tokens
        self.stats["prefilled"] += tokens
        if request.kv == request.need:
            request.out += 1
            request.need += 1
            server.used += 1
            _note_token(request, server.now)

    def _end_request(self, server: ModelServer, request: Request) -> None:
        """Let a request leave that has made its last token, or is to go on elsewhere."""
        if request.out == self.lengths[request.id] and request.decoding:
            self._finish(server, request)
        elif server.role == "prefill" and request.out and request.decoding:
            server.running.remove(request)
            server.used -= request.need
            request.server = None
            self._push(server.now + self.link * request.kv, "arrive", request)

    def _finish(self, server: ModelServer, request: Request) -> None:
        job, now = self.jobs[request.job], server.now
        request.done, request.server = now, None
        server.running.remove(request)
        server.used -= request.need
        server.history.append((request.kind, request.out))
        server.finished.append(request)
        stage = job.spec["stages"][job.stage]
        request.tool = stage["tool"]
        job.open -= 1
        if job.open:
            return
        if job.stage + 1 == len(job.spec["stages"]):
            job.done = now
            return
        if job.spec["reuse"]:
            job.context = request.need
            server.contexts[request.job] = HeldContext(request.need, 0, now)
            server.used += request.need
        job.pause += stage["pause"]
        job.waits = (request.tool, stage["pause"]) if request.tool else None
        self._push(now + stage["pause"], "stage", request.job)

    # Decisions -------------------------------------------------------------------------------

    def _start(self, server: ModelServer) -> None:
        """Ask where there is something to decide; then begin an iteration."""
        plan: dict[str, Any] = {}
        decoding = [r for r in server.running if r.kv == r.need - 1]
        count, server.stall = len(decoding), 0
        is_asked = bool(server.waiting or server.finished) or count < len(server.running)
        if is_asked or server.free < count:
            plan = self._ask(server)
            if plan:
                self._apply(server, plan)
                if not MOVES.isdisjoint(plan):
                    decoding = [r for r in server.running if r.kv == r.need - 1]
        decoding = decoding if plan.get("decode", True) else []
        prefill = self._chunks(server, plan, decoding)
        if server.free < len(decoding):
            self._make_room(server, len(decoding))
            decoding = [r for r in decoding if r.server == server.index]
            prefill = [(r, tokens) for r, tokens in prefill if r.server == server.index]
        if decoding or prefill:
            self._iterate(server, decoding, prefill, plan)
        elif server.running:
            raise RefusedPlan("idle", "requests run, but nothing is done for them")
        elif server.waiting:
            self._wake_at_next_unpin(server)

    def _wake_at_next_unpin(self, server: ModelServer) -> None:
        pinned = [c.pinned for c in server.contexts.values() if c.pinned > server.now]
        if pinned:
            self._push(min(pinned), "wake", server.index)

    def _ask(self, server: ModelServer) -> dict[str, Any]:
        if self.asks > self.patience:
            raise RefusedPlan("asks", "it decides without end")
        plan = checked_plan(self.plan(server))
        if plan:
            self.log.append([self.asks, plan])
        self.asks += 1
        server.finished = []
        return plan

    def _apply(self, server: ModelServer, plan: Mapping[str, Any]) -> None:
        for job, duration in plan.get("keep", ()):
            if job in server.contexts:
                server.contexts[job].pinned = server.now + duration
        for job in plan.get("drop", ()):
            _drop(server, job)
        for key in ("evict", "swap"):
            for number in plan.get(key, ()):
                request = self._request_of(number)
                if request is None or request.server != server.index:
                    raise RefusedPlan("evict", f"{number} does not run here")
                self._evict(server, request, key == "swap")
        for number in plan.get("admit", ()):
            request = self._request_of(number)
            if request is None or request not in server.waiting:
                raise RefusedPlan("admit", f"{number} does not wait here")
            self._admit(server, request)

    def _request_of(self, number: int) -> Request | None:
        return self.requests[number] if 0 <= number < len(self.requests) else None

    def _admit(self, server: ModelServer, request: Request) -> None:
        is_new = not request.kv and not request.swapped
        context = server.contexts.get(request.job) if request.reuse and is_new else None
        if context:
            _drop(server, request.job)
        if server.free < request.need:
            unpinned = [j for j, c in server.contexts.items() if c.pinned <= server.now]
            for job in oldest_first(server.contexts, unpinned):
                if server.free < request.need:
                    _drop(server, job)
        if server.free < request.need:
            raise RefusedPlan("memory", f"there is no room for {request.id}")
        server.waiting.remove(request)
        if context:
            request.kv = min(context.tokens, request.need - 1)
        if request.reuse and not request.evictions:
            self.stats["hits" if context else "misses"] += 1
        if request.swapped:
            server.stall += (server.swap or 0) * request.swapped
            request.kv, request.swapped = request.swapped, 0
        request.server = server.index
        server.used += request.need
        server.running.append(request)

    def _evict(self, server: ModelServer, request: Request, is_swap: bool = False) -> None:
        if is_swap and server.swap is None:
            raise RefusedPlan("swap", "there is nowhere to swap to")
        server.running.remove(request)
        server.used -= request.need
        self.stats["evictions"] += 1
        if is_swap:
            self.stats["swapped"] += request.kv
            server.stall += (server.swap or 0) * request.kv
            request.swapped = request.kv
        else:
            self.stats["recomputed"] += request.kv
        request.kv = request.layer = 0
        request.server = None
        request.evictions += 1
        server.waiting.insert(0, request)

    def _make_room(self, server: ModelServer, tokens: int) -> None:
        """Do what a policy has not seen to: drop contexts, then evict who came last."""
        unpinned = [j for j, c in server.contexts.items() if c.pinned <= server.now]
        for job in [
            *oldest_first(server.contexts, unpinned),
            *oldest_first(server.contexts, server.contexts.keys() - set(unpinned)),
        ]:
            if server.free < tokens:
                _drop(server, job)
        while len(server.running) > 1 and server.free < sum(r.decoding for r in server.running):
            self._evict(server, server.running[-1])

    # Iterations ------------------------------------------------------------------------------

    def _chunks(
        self, server: ModelServer, plan: Mapping[str, Any], decoding: Sequence[Request]
    ) -> list[tuple[Request, int]]:
        """Return by how many tokens prompts advance: as planned, else by the server's budget."""
        if "prefill" in plan:
            return self._planned_chunks(server, plan)
        budget, chunks = server.budget - len(decoding), list[tuple[Request, int]]()
        if len(decoding) == len(server.running):
            return chunks
        for request in server.running:
            if budget <= 0:
                break
            unread = request.need - request.kv
            if unread > 1:  # who decodes has one
                request.layer = 0  # what it had of layers is lost
                chunks.append((request, min(budget, unread)))
                budget -= unread
        return chunks

    def _planned_chunks(
        self, server: ModelServer, plan: Mapping[str, Any]
    ) -> list[tuple[Request, int]]:
        chunks = []
        layers = plan.get("layers", 0)
        for number, tokens in plan["prefill"]:
            request = self._request_of(number)
            if request is None or request.server != server.index:
                raise RefusedPlan("prefill", f"{number} does not run here")
            unread = request.need - request.kv
            if unread == 1 or not 0 < tokens <= unread:
                raise RefusedPlan("prefill", f"{number} has no {tokens} tokens to be read")
            if request.layer and not layers:
                raise RefusedPlan("layers", f"{number} is between layers")
            if layers and not _fits_layers(request, tokens, layers):
                raise RefusedPlan("layers", f"{number}: all of a prompt, and of the layers left")
            chunks.append((request, tokens))
        if len(chunks) > 1 and len({request.id for request, _ in chunks}) < len(chunks):
            raise RefusedPlan("prefill", "a prompt twice")
        return chunks

    def _iterate(
        self,
        server: ModelServer,
        decoding: list[Request],
        prefill: list[tuple[Request, int]],
        plan: Mapping[str, Any],
    ) -> None:
        reads, batch = sum([request.kv for request in decoding]), len(decoding)
        layers = plan.get("layers", 0) if "prefill" in plan and prefill else 0
        count = 1
        if prefill:
            tokens = batch + sum(tokens for _, tokens in prefill)
            pairs = sum(tokens * (request.kv + tokens // 2) for request, tokens in prefill)
            duration = server.cost(tokens, reads, pairs)
            if layers:
                rest = (LAYERS - layers) * server.cost(batch, reads)
                duration = (rest + layers * duration) // LAYERS
        else:
            lengths = self.lengths
            count = min([lengths[request.id] - request.out for request in decoding])
            count = min(count, max(server.free // batch, 1))
            if server.waiting:
                count = min(count, plan.get("steps", TICK))
            count, duration = self._jump(server, batch, reads, max(count, 1))
        server.busy = True
        end = server.now + max(duration + server.stall, 1)
        self._push(end, "step", (server.index, decoding, count, prefill, layers))

    def _jump(self, server: ModelServer, batch: int, reads: int, most: int) -> tuple[int, int]:
        """Return how many iterations of decoding go by until something happens, and their ns."""
        once, more, speed = (
            server.base(batch) + server.read * reads,
            server.read * batch,
            server.speed,
        )

        def total(count: int) -> int:
            return (count * once + more * (count * (count - 1) // 2)) * 100 // speed

        if self.events and most > 1:
            gap = self.events[0][0] - server.now
            if total(most) > gap:
                low = 1
                while low < most:
                    middle = (low + most) // 2
                    low, most = (low, middle) if total(middle) >= gap else (middle + 1, most)
        begin = server.now + server.stall
        server.times = (begin + total(1), begin + total(most - 1))
        return most, total(most)


def _note_token(request: Request, now: int) -> None:
    if request.first is None:
        request.first = now
    else:
        request.gap = max(request.gap, now - request.last)
    request.last = now


def _drop(server: ModelServer, job: int) -> None:
    if job in server.contexts:
        server.used -= server.contexts.pop(job).tokens


def _fits_layers(request: Request, tokens: int, layers: int) -> bool:
    is_whole_prompt = tokens == request.need - request.kv
    return is_whole_prompt and 0 < layers <= LAYERS - request.layer


def replayed(log: Iterable[Sequence[Any]]) -> Callable[[ModelServer], Any]:
    """Return a policy that decides as a log has it."""
    decisions = iter(log)
    number = -1
    following = next(decisions, (-1, None))

    def plan(server: ModelServer) -> Any:  # noqa: ARG001
        nonlocal number, following
        number += 1
        if following[0] != number:
            return None
        decision = following[1]
        following = next(decisions, (-1, None))
        return decision

    return plan
