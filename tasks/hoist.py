"""Lines of tanks under one hoist: the payload, the answer's schema, the one-shot world.

Parts of one kind go through tanks in one order; a hoist carries them, one at a time. Find the
shortest cycle in which every part is treated alike, each one period after the one before (simple
cyclic hoist scheduling; Phillips & Unger 1976). Move k takes a part out of tank k, or from the
place of loading where k is 0, and puts it into tank k + 1, or down at the place of unloading.
"""

from collections.abc import Mapping
from itertools import product

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("hoist/plain.j2",)
KEY = "times"  # of the answer object
PERIOD = "period"  # its other key
LOAD, UNLOAD = "load", "unload"  # where parts begin and end
SETTINGS = ("plain",)


class SoakWindow(Noun, frozen=True):
    """How long a part stays in a tank or a station: time units, from 0; `most` None is no limit."""

    least: int
    most: int | None = None

    def __post_init__(self) -> None:
        if self.least < 0 or (self.most is not None and self.most < self.least):
            raise ValueError(f"a stay of {self.least} to {self.most} is not 0 <= least <= most")


class Tank(Noun, frozen=True):
    """A tank, and how long a part stays in it."""

    id: str
    least: int
    most: int | None = None

    def __post_init__(self) -> None:
        try:
            SoakWindow(self.least, self.most)
        except ValueError as error:
            raise ValueError(f"tank {self.id}: {error}") from None


class HoistLine(Noun, frozen=True):
    """A line of tanks, checked when it is made: a wrong one cannot be built.

    Attributes:
        tanks: at least one, in the order of treatment, ids unique.
        loaded: the time of each move, at least 1, with taking up and putting down.
        empty: the time that the empty hoist travels from where move k puts down (row k) to where
            move j takes up (column j).
        station: where loading and unloading are at one place: how long the carrier of a part that
            came back stays before it goes with the next one. None where they are two places.
        setting: which words tell the line, one of `SETTINGS`.
    """

    tanks: tuple[Tank, ...]
    loaded: tuple[int, ...]
    empty: tuple[tuple[int, ...], ...]
    station: SoakWindow | None = None
    setting: str = "plain"

    def __post_init__(self) -> None:
        moves = len(self.tanks) + 1
        if moves == 1:
            raise ValueError("a line needs at least one tank")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        check_unique("tanks: id", move_ids(self))
        if UNLOAD in move_ids(self):
            raise ValueError(f"tanks: id {UNLOAD!r} is the place of unloading")
        if len(self.loaded) != moves or min(self.loaded) < 1:
            raise ValueError(f"loaded: it needs {moves} times from 1 on, one more than tanks")
        if len(self.empty) != moves or any(len(row) != moves for row in self.empty):
            raise ValueError(f"empty: it needs {moves} rows of {moves} times")
        if min(map(min, self.empty)) < 0:
            raise ValueError("empty: a time is below 0")
        _check_one_at_a_time(self)


Payload = HoistLine


def _check_one_at_a_time(line: HoistLine) -> None:
    """Refuse a line on which not even one part at a time can go through as fast as it may."""
    period, times = one_at_a_time(line)
    names, moves = move_ids(line), range(len(times))
    for first, second in product(moves, repeat=2):
        time = (times[second] - times[first]) % period if first != second else period
        if time < gap(line, first, second):
            raise ValueError(
                f"empty: after the move from {names[first]} the hoist is too late at"
                f" {names[second]} even for one part at a time"
            )
    most = None if line.station is None else line.station.most
    if most is not None and period - times[-1] - line.loaded[-1] > most:
        raise ValueError("station: the hoist is back too late even for one part at a time")


def move_ids(line: HoistLine) -> tuple[str, ...]:
    """Return what moves are called: by the place where they take a part up."""
    return (LOAD, *(tank.id for tank in line.tanks))


def gap(line: HoistLine, first: int, second: int) -> int:
    """Return the least time from the start of one move to that of another, by their numbers."""
    return line.loaded[first] + line.empty[first][second]


def one_at_a_time(line: HoistLine) -> tuple[int, list[int]]:
    """Return the period and the times of the moves where the next part waits for the one before."""
    times = [0]
    for tank, loaded in zip(line.tanks, line.loaded, strict=False):
        times.append(times[-1] + loaded + tank.least)
    back = line.empty[-1][0] if line.station is None else max(line.empty[-1][0], line.station.least)
    return times[-1] + line.loaded[-1] + back, times


def answer_schema(line: HoistLine) -> Fields:
    """Return the JSON schema of an answer: the period, and a time for each move."""
    whole: Fields = {"type": "integer"}
    return object_schema({PERIOD: whole, KEY: object_schema(dict.fromkeys(move_ids(line), whole))})


def answers(line: HoistLine | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a line by its name; None is any line."""
    if line is not None:
        return {"Cycle": AnswerForm(answer_schema(line))}
    whole: Fields = {"type": "integer"}
    return {"Cycle": AnswerForm(object_schema({PERIOD: whole, KEY: mapping_schema(whole)}))}


def world(instance: Instance[HoistLine], prompts: Prompts) -> Program[Outcome]:
    """Show the line once and take the cycle."""
    line = instance.payload
    messages = prompts.messages(
        f"hoist/{line.setting}.j2",
        line=line,
        moves=move_ids(line),
        ends=(*move_ids(line)[1:], UNLOAD if line.station is None else LOAD),
    )
    outcome = yield from ask_once(instance, messages, key=KEY, schema=answer_schema(line))
    return spelled(line, outcome)


def spelled(line: HoistLine, outcome: Outcome) -> Outcome:
    """Return an outcome whose period, ids and times are read by the rule of spelling.

    A move whose time is given under two spellings has none: the answer is doubtful.
    """
    [parsed] = outcome.answers
    fields = parsed.value or {}
    times = fields.get(KEY)
    if parsed.how == GIVEN or not isinstance(times, dict):
        return outcome
    ids, mends = ids_of(move_ids(line)), Mends()
    rows: Fields = {}
    for name, time in times.items():
        move = mends.id_of(name, ids)
        if move in rows:
            problem = f"the time of {short(repr(move))} is given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[move] = mends.number_of(time) if move in ids else time
    fields = fields | {KEY: rows}
    if PERIOD in fields:
        fields[PERIOD] = mends.number_of(fields[PERIOD])
    return Outcome((respelt(parsed, fields, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))


def stays(line: HoistLine, times: Mapping[str, int]) -> dict[str, int]:
    """Return how long a part stays in each tank whose two moves have times.

    Args:
        line: the line.
        times: by move; some may be missing.
    """
    return {
        tank.id: times[tank.id] - times[name] - loaded
        for name, tank, loaded in zip(move_ids(line), line.tanks, line.loaded, strict=False)
        if name in times and tank.id in times
    }
