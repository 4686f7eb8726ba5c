"""The parity table: what each arena says of each recording, beside what is said here."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.arenas.played import Arena, Played
from tests.arenas.recordings import Recording, read

ROOT = Path(__file__).parents[2]
NEAR = 1e-9
LIMIT = 3 * 3600  # seconds for the whole corpus in one arena


@dataclass(frozen=True)
class Comparison:
    """An arena beside the library.

    Attributes:
        whole: what the arena says of itself.
        recordings: all there are.
        expressible: those that the arena can express.
        differ: the names of those with another worth, or an error, or another prompt.
        listed: the names of those that differ for what is known: `LOSES` says what is lost where.
        refused: how many there are by each reason not to be expressible.
    """

    whole: Arena
    recordings: int
    expressible: int
    differ: tuple[str, ...]
    listed: tuple[str, ...]
    refused: dict[str, int]

    @property
    def cost(self) -> float:
        """Milliseconds of an episode with its reward."""
        return self.whole.seconds / max(1, self.expressible) * 1e3


def output(python: str, player: str, corpus: Path) -> str:
    """What a player prints, run by the Python of its arena; AssertionError if it fails."""
    done = subprocess.run(
        [python, "-m", f"tests.arenas.players.{player}", str(corpus)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"{player}: {done.stderr[-3000:]}"
    return done.stdout


def compare(text: str, corpus: Path) -> Comparison:
    """Compare what a player printed with the corpus that it played.

    Raises:
        AssertionError: it did not say something of each recording, once.
    """
    lines = [line for line in text.splitlines() if line.startswith("{")]
    whole = msgspec.json.decode(lines[-1], type=Arena)
    played = [msgspec.json.decode(line, type=Played) for line in lines[:-1]]
    recordings = [recording for _, recording in read(corpus)]
    assert [each.name for each in played] == [each.name for each in recordings], whole.arena
    differ, listed, refused = list[str](), list[str](), dict[str, int]()
    for each, recording in zip(played, recordings, strict=True):
        if each.cannot:
            refused[each.cannot] = refused.get(each.cannot, 0) + 1
        elif each.name in whole.asked_otherwise or not same(each, recording):
            lost = whole.arena in LOSES and LOSES[whole.arena](recording)
            (listed if lost and not each.error else differ).append(each.name)
    return Comparison(
        whole,
        len(recordings),
        len(recordings) - sum(refused.values()),
        differ=tuple(differ),
        listed=tuple(listed),
        refused=refused,
    )


def same(played: Played, recording: Recording) -> bool:
    """Whether an arena says of a recording what is said here, as far as it says anything."""
    if played.error or (played.score is None and played.reward is None):
        return False
    pairs = ((played.score, recording.score), (played.reward, recording.reward))
    close = all(value is None or abs(value - own) <= NEAR for value, own in pairs)
    return close and played.verdict in ("", recording.verdict)


def was_cut_off(recording: Recording) -> bool:
    """Whether a reply of a recording was cut off at its limit."""
    return any(reply.finish == "length" for reply in recording.replies)


def was_mended(recording: Recording) -> bool:
    """Whether inspect changes what was said.

    It takes a call's arguments that are no JSON object for the first parameter, and leaves thoughts
    in tags out of what stands before the next turn.
    """
    calls = (call for reply in recording.replies for call in reply.calls)
    return any(not call.arguments.startswith("{") for call in calls) or any(
        "</think>" in reply.text for reply in recording.replies[:-1]
    )


LOSES: dict[str, Callable[[Recording], bool]] = {  # arena: whether a recording has what it loses
    "TRL function": was_cut_off,
    "TRL environment": was_cut_off,
    "reasoning-gym": was_cut_off,
    "inspect-ai": was_mended,
}


def table(comparisons: Sequence[Comparison], absent: Sequence[tuple[str, str]] = ()) -> str:
    """A row an arena, in Markdown.

    Args:
        comparisons: of the arenas that were played.
        absent: arenas that were not, and why.
    """
    rows = [
        "| arena | version | Python | recordings | expressible | differ | listed | ms each |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        cells = (each.recordings, each.expressible, len(each.differ), len(each.listed))
        counts = " | ".join(map(str, cells))
        whole = each.whole
        rows.append(
            f"| {whole.arena} | {whole.version} | {whole.python} | {counts} | {each.cost:.1f} |"
        )
    rows += [f"| {name} | not run: {reason} | | | | | | |" for name, reason in absent]
    return "\n".join(rows)


def complain(comparisons: Sequence[Comparison]) -> bool:
    """Print the names of recordings that differ, and return whether there are any."""
    names = [(each.whole.arena, name) for each in comparisons for name in each.differ]
    for arena, name in names:
        print(f"differs in {arena}: {name}", file=sys.stderr)
    return bool(names)
