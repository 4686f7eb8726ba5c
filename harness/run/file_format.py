"""The format of a run file: what is asked of whom, in TOML, read strictly and written again."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from harness.calls.budget import Budget
from harness.models.base import Sampling
from tasks.base import Fields, InputError, Noun, Scalar
from tasks.near import did_you_mean

MOST = 10**7  # of anything that is counted
Count = Annotated[int, Meta(ge=1, le=MOST)]
Share = Annotated[float, Meta(ge=0, le=1)]

T = TypeVar("T")


class SamplingTable(Noun, frozen=True, omit_defaults=True):
    """How replies are drawn, by the names that the command line has for it."""

    temperature: float | None = None
    top_p: Share | None = None
    max_output_tokens: Count | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    structured: bool = False
    extra_body: Fields = {}
    max_output_tokens_as: Literal["max_tokens", "max_completion_tokens"] | None = None

    @property
    def sampling(self) -> Sampling:
        """Return the same as a run has it."""
        return Sampling(
            temperature=self.temperature,
            max_tokens=self.max_output_tokens,
            seed=self.seed,
            reasoning_effort=self.reasoning_effort,
            structured=self.structured,
            extra=self.extra_body,
            top_p=self.top_p,
            max_tokens_as=self.max_output_tokens_as,
        )

    @classmethod
    def of(cls, sampling: Sampling) -> "SamplingTable":
        """Return the table of a run's sampling."""
        return cls(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_output_tokens=sampling.max_tokens,
            seed=sampling.seed,
            reasoning_effort=sampling.reasoning_effort,
            structured=sampling.structured,
            extra_body=sampling.extra,
            max_output_tokens_as=sampling.max_tokens_as,
        )


class ModelTable(Noun, frozen=True, omit_defaults=True):
    """A model: who is asked, where, and what is its own beside what the file says for all.

    Attributes:
        name: `provider/name`.
        base_url: the server.
        api_key_env: the variable that holds the server's key.
        temperature, top_p, max_output_tokens, seed, reasoning_effort: of its sampling.
        agent, memory, system: instead of the file's.
        price: input, output and perhaps cached input in US dollars a million tokens.
    """

    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    temperature: float | None = None
    top_p: Share | None = None
    max_output_tokens: Count | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    agent: str | None = None
    memory: str | None = None
    system: str | None = None
    price: tuple[float, ...] = ()


class EntryTable(Noun, frozen=True, omit_defaults=True):
    """Instances of one level and setting, as a suite has them."""

    family: str
    level: Count
    settings: dict[str, Scalar] = {}
    count: Count | None = None


class SuiteTable(Noun, frozen=True, omit_defaults=True):
    """A suite with what is its own.

    Attributes:
        name: of a suite or a family, or the path of a suite's or an instances' file.
        level: of a family.
        seed: of the instances.
        settings: of the family, or of all families of the suite.
        limit: the first so many instances.
        data: the folder of the files that the suite needs.
        references: a file of what is known of the optima of a file's instances.
        solve: whether a file's instances are solved that have no reference.
        time_limit: for each of those, in seconds.
        entry: the suite itself, where the name is only what it is called.
        ranked, headline: of a suite with entries, as a suite's file has them.
    """

    name: str
    level: Count | None = None
    seed: int | None = None
    settings: dict[str, Scalar] = {}
    limit: Count | None = None
    data: str | None = None
    references: str | None = None
    solve: bool = True
    time_limit: Annotated[float, Meta(gt=0)] | None = None
    entry: tuple[EntryTable, ...] = ()
    ranked: bool = True
    headline: str | None = None


class SearchTable(Noun, frozen=True, omit_defaults=True):
    """What `makespan evolve run` looks for, by the names of its options."""

    domain: str
    calls: Count
    seed: int = 0
    islands: Annotated[int, Meta(ge=1, le=1000)] = 4
    lag: Annotated[int, Meta(ge=1, le=1000)] = 8
    axis: str = "length"
    edit: str = "rewrite"
    limit: Count | None = None
    program_seconds: float = 10.0
    program_memory: Count = 512
    numpy: bool = False


class RunFile(Noun, frozen=True, omit_defaults=True):
    """A whole run file.

    Attributes:
        suites: what is asked.
        models: who is asked; none means all policies of the families.
        agent, memory, system: how models are asked, and what stands before all they read.
        epochs: how often each instance is asked.
        limit: the first so many instances of each suite.
        base_url, api_key_env: of models that do not say their own.
        sampling: how replies are drawn.
        budget: the most that all of its runs may spend together.
        episode_budget: the most that an episode may spend.
        templates: a folder of prompts that stand for those of the same names.
        out: the run folder; of several runs the folder of their folders.
        search: for `makespan evolve run`.
    """

    suites: tuple[str | SuiteTable, ...] = ()
    agent: str = "direct"
    memory: str | None = None
    system: str | None = None
    epochs: Count = 1
    limit: Count | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    templates: str | None = None
    out: str | None = None
    sampling: SamplingTable = SamplingTable()
    budget: Budget = Budget()
    episode_budget: Budget = Budget()
    models: tuple[ModelTable, ...] = ()
    search: SearchTable | None = None


def is_run_file(path: Path) -> bool:
    """Return whether a TOML file is a run file: a suite has entries or includes some.

    Raises:
        InputError: it cannot be read, or is no TOML.
    """
    return not {"entry", "include", "files"} & read_table(path)[0].keys()


def read_run_file(path: Path) -> RunFile:
    """Read a run file.

    Raises:
        InputError: it cannot be read, or has a key or a value that it cannot have; the message
            names the line and the key.
    """
    table, text = read_table(path)
    return convert(table, text, RunFile, path)


def read_table(path: Path) -> tuple[Fields, str]:
    """Return the content of a TOML file, and its text; InputError if it is none."""
    try:
        text = path.read_text("utf-8")
        table: Fields = msgspec.toml.decode(text)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    return table, text


_PROBLEM = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def convert(table: Fields, text: str, kind: type[T], path: Path) -> T:
    """Return a table of a TOML file as a type.

    Args:
        table: the content of the file.
        text: of the file, in which lines are looked for.
        kind: the type, which also checks the values.
        path: of the file, for messages.

    Raises:
        InputError: names the line and the key that are wrong, and what may have been meant.
    """
    try:
        return msgspec.convert(table, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        problem = _PROBLEM.fullmatch(str(error))
        assert problem is not None
        what, place = problem["what"], (problem["path"] or "").removeprefix(".")
    if unknown := _UNKNOWN.fullmatch(what):
        key = f"{place}.{unknown[1]}" if place else unknown[1]
        names = _keys_at(kind, place)
        choices = f": there are {', '.join(names)}"
        what = f"unknown key{did_you_mean(unknown[1], names) or choices}"
        place = key
    where = f"{path}:{line}" if (line := _line(text, place)) else str(path)
    raise InputError(f"{where}: {place or 'the file'}: {what}")


def _keys_at(kind: Any, place: str) -> list[str]:
    """Return the keys that a table at a place may have."""
    for name, _ in _STEP.findall(place):
        if name:
            kinds = [kind, *get_args(kind)]
            tables = [each for each in kinds if hasattr(each, "__struct_fields__")]
            kind = get_type_hints(tables[0])[name] if tables else kind
    return [name for table in _tables(kind) for name in table.__struct_fields__]


def _tables(kind: Any) -> Iterator[Any]:
    """Yield the types of tables in a type."""
    if hasattr(kind, "__struct_fields__"):
        yield kind
    for inner in get_args(kind):
        yield from _tables(inner)


def _line(text: str, place: str) -> int | None:
    """Return the line of a key or a table in the text of a TOML file; None if it is not clear."""
    begin, lines = 0, text.splitlines()
    for name, index in _STEP.findall(place):
        if name:
            pattern = re.compile(
                rf"\s*(?:\[\[?\s*(?:[\w-]+\.)*)?[\"']?{re.escape(name)}[\"']?\s*[\]=]"
            )
            hits = [n for n in range(begin, len(lines)) if pattern.match(lines[n])]
        elif index.isdecimal():
            hits = hits[int(index) :] if len(hits) > int(index) else hits[:1]
        if not hits:
            return begin + 1 if begin else None
        begin = hits[0]
    return begin + 1 if place else None


# Writing ------------------------------------------------------------------------------------


def written(file: RunFile) -> str:
    """Return the text of a run file that reads as this one."""
    table: Fields = msgspec.to_builtins(file)
    plain = {name: value for name, value in table.items() if not _is_section(value)}
    lines = [f"{name} = {_value(value)}" for name, value in plain.items()]
    for name, value in table.items():
        if isinstance(value, dict) and name not in plain:
            pairs = _pairs(value)
            lines += ["", f"[{name}]", *pairs] if pairs else []
        elif name not in plain:
            for each in value:
                lines += ["", f"[[{name}]]", *_pairs(each)]
    return "\n".join(lines).strip("\n") + "\n"


def _is_section(value: object) -> bool:
    """Return whether a value is written as a table of its own, or as several."""
    if isinstance(value, dict):
        return True
    return isinstance(value, list | tuple) and all(isinstance(each, dict) for each in value)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(v)}" for name, v in table.items() if v is not None]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _value(name)


def _value(value: Any) -> str:
    """Return a value as TOML writes it; a text as JSON does, but for one letter."""
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
