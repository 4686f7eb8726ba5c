"""All about one family, as `makespan list FAMILY` prints it."""

import shutil
from collections.abc import Iterator, Sequence
from textwrap import wrap

from harness.cli.catalogue import FamilyFacts, family_facts
from harness.families.settings import SettingFacts

LEAST = 20  # characters of an explanation, however narrow the terminal is
Rows = Sequence[tuple[str, ...]]


def print_family(name: str) -> None:
    """Print what is declared of a family; InputError if there is none."""
    facts = family_facts(name)
    columns = shutil.get_terminal_size((100, 24)).columns
    origin = f" (from {facts.origin})" if facts.origin else ""
    for line in wrap(f"{facts.name}: {facts.about}{origin}", max(LEAST, columns - 1)):
        print(line)
    print(f"version {facts.version}")
    if facts.levels:
        print(f"level: {facts.levels.unit}, {facts.levels.least} to {facts.levels.most:,}")
    for title, rows in _sections(facts):
        print(title)
        for line in _aligned(rows, columns):
            print(line)


def _sections(facts: FamilyFacts) -> Iterator[tuple[str, Rows]]:
    """Yield the parts of the page that have something in them, each with its heading."""
    if facts.settings is None:
        yield "settings (-T NAME=VALUE): their type is not declared", []
    elif facts.settings:
        yield "settings (-T NAME=VALUE)", [_setting(each) for each in facts.settings]
    yield "policies", [(p.name, f"{p.kind}: {p.about}") for p in facts.policies]
    suites = [
        (s.name, f"levels {', '.join(map(str, s.levels))}: {_size(s.size)}") for s in facts.suites
    ]
    if suites:
        yield "suites that have it", suites
    yield (
        "columns of its board, beside score and counts",
        [(c.name, _column(c.prints, c.place, c.headline)) for c in facts.columns],
    )
    yield "means", [(means, ", ".join(ways)) for means, ways in facts.means.items()]


def _setting(facts: SettingFacts) -> tuple[str, ...]:
    default = "by level" if facts.default is None else _written(facts.default)
    return facts.name, default or '""', f"{facts.range}; {facts.about}".rstrip("; ")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _size(size: int | None) -> str:
    return "any number of instances" if size is None else f"{size} instances"


def _column(prints: str, place: str, headline: bool) -> str:
    text = f"{prints}, {'only in files' if place == 'nowhere' else place}"
    return text + (", may be a suite's headline" if headline else "")


def _aligned(rows: Rows, columns: int) -> Iterator[str]:
    """Yield rows, all cells but the last in columns of their own, the last wrapped beside them."""
    if not rows:
        return
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        head = "  " + "  ".join(cells) + "  "
        room = columns - 1 - len(head)
        indent = " " * (len(head) if room >= LEAST else 6)
        text = head + row[-1] if room >= LEAST else f"{head.rstrip()}\n      {row[-1]}"
        for line in text.split("\n"):
            yield from (
                wrap(
                    line,
                    max(LEAST + 6, columns - 1),
                    subsequent_indent=indent,
                    break_on_hyphens=False,
                    drop_whitespace=True,
                    replace_whitespace=False,
                )
                if len(line) >= columns
                else [line.rstrip()]
            )
