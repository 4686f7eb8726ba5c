"""What is measured of a peer, and what is promised about it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from time import monotonic

import msgspec

from harness.progress import Progress
from tests.benchmarks.limits import USUAL, Limit, yardstick
from tests.benchmarks.peers.base import AT_ONCE, Keeper, Peer, Words, Work
from tests.benchmarks.peers.processes import LONGEST, Server, Started, Usage, ended, filled, run
from tests.benchmarks.peers.samples import Samples, make

LARGE = 1000
WINDOW = (200, 900)  # answers of these between which CPU is counted: all is warm, none ends
LONG = 3000  # samples of which places are counted: filling them takes a tenth of a second
PLACED = 2  # rounds in which places are counted, the most of them is taken
LATENCY = 0.2  # seconds, on a machine as fast as usual
FAULTS = ("--faults", 0.2, "--kinds", "rate limit", "server", "hang", "truncated")
SETTLED = 0.5  # seconds: what was answered so long before the kill must have been kept
TURNS = 9  # of a pair of peers
OVER_FLOOR, MORE_OVER_FLOOR, OVER_INSPECT = 1.5, 1.1, 1 / 8
FILLED, MEMORY, BYTES = 1, 100, 700


class Costs(msgspec.Struct, frozen=True):
    """Of `LARGE` samples that are answered at once.

    Attributes:
        cpu, wall: seconds of the whole run.
        margin: CPU milliseconds that a sample more takes, between two moments of a run.
        peak: MB.
        start: CPU seconds of starting and doing nothing.
        filled: the share of `AT_ONCE` places that is taken, over `LONG` samples.
        latency: seconds that the server takes for an answer there.
        log: bytes a sample of what is kept, None where nothing is.
    """

    cpu: float
    margin: float
    wall: float
    peak: float
    start: float
    filled: float
    latency: float
    log: float | None


class Killed(msgspec.Struct, frozen=True):
    """After kill -9 half way, and going on: calls that had an answer and were asked again.

    Attributes:
        answered, again: of all that the server had answered, though the client had not read it.
        settled, lost: of those answered `SETTLED` seconds before and earlier.
        finished, status: the samples that have an answer in the end, and how that ended.
    """

    answered: int
    again: int
    settled: int
    lost: int
    finished: int
    status: int | None


class Borne(msgspec.Struct, frozen=True):
    """A fifth of the attempts fails: how many samples end with an answer, and how the run ends."""

    samples: int
    answered: int
    status: int | None
    wall: float


class Figures(msgspec.Struct, frozen=True):
    """All of one peer; without a keeper's measures where nothing is kept."""

    name: str
    version: str
    settings: dict[str, str]
    costs: Costs
    killed: Killed | None = None
    plain: Borne | None = None
    patient: Borne | None = None


def figures(peer: Peer, cost: Costs, folder: Path) -> Figures:
    """Return everything about one peer, whose costs are measured."""
    found = Figures(peer.name, peer.version(), dict(peer.settings), cost)
    if not isinstance(peer, Keeper):
        return found
    return msgspec.structs.replace(
        found,
        killed=killed(peer, folder),
        plain=borne(peer, peer.plain, folder / "plain"),
        patient=borne(peer, peer.patient, folder / "patient"),
    )


class PeerRound(msgspec.Struct, frozen=True):
    """What one peer took in one round: of `LARGE` samples, of one more, of starting; and places."""

    large: Usage
    margin: float
    start: float
    filled: float
    log: float | None


def costs(peers: Mapping[Path, Peer], rounds: int) -> list[Costs]:
    """Return the least of each measure over so many rounds, by the peer's folder.

    In a round each peer has its turn: a machine that is slow for a while is slow for all.
    """
    samples = {folder: [make(folder, n) for n in (LARGE, LONG)] for folder in peers}
    measured: dict[Path, list[PeerRound]] = {folder: [] for folder in peers}
    with Progress("turns of the peers", rounds * len(peers)) as progress:
        for number in range(rounds):
            for folder, peer in peers.items():
                measured[folder].append(round_of(peer, samples[folder], folder, number))
                progress.add()
    return [least(turns) for turns in measured.values()]


def round_of(peer: Peer, samples: Sequence[Samples], folder: Path, number: int) -> PeerRound:
    """Return what one peer takes in one round."""
    many, most = samples
    work, large, margin = whole_run(peer, many, folder / f"many-{number}")
    return PeerRound(
        large=large,
        margin=margin,
        start=run(peer.start(), folder / "start").cpu,
        filled=places(peer, most, folder / f"places-{number}") if number < PLACED else 0.0,
        log=peer.log(work).stat().st_size / LARGE if isinstance(peer, Keeper) else None,
    )


def whole_run(peer: Peer, samples: Samples, folder: Path) -> tuple[Work, Usage, float]:
    """Return a lean run on a server of its own, what it took, and what a sample more takes."""
    with Server() as server:
        work = Work(server.url, samples, folder)
        program = Started(peer.lean(work), work.folder)
        margin = margin_of(program, server)
        return work, ended(program), margin


def margin_of(program: Started, server: Server) -> float:
    """Return the CPU milliseconds of a sample between two moments of a run.

    Two seconds of one process: that differs less from round to round than two whole runs do, of
    which half is starting.
    """
    marks = [(server.await_answers(count, program), program.cpu()) for count in WINDOW]
    (first, before), (last, after) = marks
    if after <= before:
        raise SystemExit("it ended before its CPU could be read twice: is /proc there?")
    return 1000 * (after - before) / (last - first)


def margin_ratio(ours: Peer, other: Peer, folder: Path, turns: int) -> float:
    """Return the margin over another's: the median of turns in which one runs after the other.

    A machine that is slow for a while is slow for both of a turn, so that their ratio differs less
    than either does.
    """
    folder.mkdir()
    samples, ratios = make(folder, LARGE), list[float]()
    with Progress(f"turns beside {other.name}", turns) as progress:
        for number in range(turns):
            margins = []
            for peer in (ours, other):
                _, _, margin = whole_run(peer, samples, folder / f"{peer.name}-{number}")
                margins.append(margin)
            ratios.append(margins[0] / margins[1])
            progress.add()
    return median(ratios)


def least(rounds: Sequence[PeerRound]) -> Costs:
    """Return the least of each measure, and the most places filled."""
    return Costs(
        cpu=min(one.large.cpu for one in rounds),
        margin=min(one.margin for one in rounds),
        wall=min(one.large.wall for one in rounds),
        peak=min(one.large.peak for one in rounds),
        start=min(one.start for one in rounds),
        filled=max(one.filled for one in rounds),
        latency=latency(),
        log=rounds[-1].log,
    )


@cache
def latency() -> float:
    """Return the seconds that a server takes where places are counted.

    It grows with the time that the machine takes for anything: where the bare SDK has no CPU left
    to fill all places, nothing is told about who fills them.
    """
    return round(LATENCY * max(1.0, yardstick() / USUAL), 2)


def places(peer: Peer, samples: Samples, folder: Path) -> float:
    """Return the share of places that is taken, as the server sees it."""
    with Server("--delay", latency()) as server:
        run(peer.lean(Work(server.url, samples, folder)), folder)
        return filled(server.calls(), AT_ONCE)


def killed(peer: Keeper, folder: Path) -> Killed:
    """kill -9 when half is answered and as many as may be are in flight; then it goes on."""
    samples = make(folder, LARGE)
    with Server("--delay", LATENCY) as server:
        work = Work(server.url, samples, folder / "killed")
        program = Started(peer.safe(work), folder / "killed")
        server.await_answers(LARGE // 2, program)
        moment = monotonic()
        assert program.running, "it ended before half was answered"
        program.kill()
        answered = [c for c in server.calls() if c.answered and c.ended < moment]
        port = server.port
    with Server(port=port) as server:
        usage = Started(peer.again(work), folder / "again").wait()
        after = {call.prompt for call in server.calls()}
    every = {call.prompt for call in answered}
    settled = {call.prompt for call in answered if call.ended < moment - SETTLED}
    return Killed(
        len(every),
        len(every & after),
        len(settled),
        len(settled & after),
        peer.answers(work),
        usage.status,
    )


def borne(peer: Keeper, how: Callable[[Work], Words], folder: Path) -> Borne:
    """A run against faults, the same for everybody."""
    with Server(*FAULTS) as server:
        work = Work(server.url, make(folder.parent, LARGE), folder)
        usage = Started(how(work), folder).wait(LONGEST)
    return Borne(LARGE, peer.answers(work), usage.status, usage.wall)


def against_floor(ours: Costs, floor: Costs, margin: float) -> list[Limit]:
    """What is promised about our costs, by themselves and beside the bare SDK.

    Args:
        ours: the least of some rounds.
        floor: the bare SDK's.
        margin: what a sample more takes, over the bare SDK's.
    """
    assert ours.log is not None
    return [
        Limit("CPU over the bare SDK's, total", ours.cpu / floor.cpu, OVER_FLOOR),
        Limit("CPU over the bare SDK's, a sample more", margin, MORE_OVER_FLOOR),
        Limit(
            f"share of {AT_ONCE} places filled, over the bare SDK's",
            ours.filled / floor.filled,
            FILLED,
            least=True,
        ),
        Limit(f"peak MB of {LARGE} samples", ours.peak, MEMORY),
        Limit("journal, bytes a trivial sample", ours.log, BYTES),
    ]


def against_peers(ours: Figures, floor: Figures, margins: Sequence[float]) -> list[Limit]:
    """Return all that is promised; `margins` are over the bare SDK's, and over inspect-ai's."""
    assert ours.killed
    assert ours.patient
    return [
        *against_floor(ours.costs, floor.costs, margins[0]),
        Limit("CPU over inspect-ai's, a sample more", margins[1], OVER_INSPECT),
        Limit("answered calls lost by kill -9", ours.killed.lost, 0),
        Limit("share answered at 20 % faults", ours.patient.answered / LARGE, 1, least=True),
        Limit("exit status at 20 % faults", _status(ours.patient.status), 0),
    ]


def _status(status: int | None) -> float:
    return float("inf") if status is None else abs(status)
