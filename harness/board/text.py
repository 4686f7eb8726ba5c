"""The board as text for a terminal or a file."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from graders.statistics import Estimate
from harness.board.board import Board, Row
from harness.board.load import identity
from harness.board.ranking import Rank
from harness.families.registry import family
from harness.formatting import cost_text, label, number, percent, table, tokens_text, with_interval
from harness.store.manifest import differences
from tasks.base import Fields, Scalar


def print_board(board: Board) -> None:
    """Print every family's rows, its ramp, and what a reader must know beside them."""
    names = list(dict.fromkeys(row.family for row in board.rows))
    if len(names) > 1:
        print(table("all families", _overview(board.rows)))
    for name in names:
        rows = [row for row in board.rows if row.family == name]
        print(table(name, _main(rows)))
        for prefix, points in ramps(rows).items():
            print(table(f"{name}: {_dial(name, prefix)}", _ramp(rows, points)))
    for note in notes(board):
        print(note)


def contestants(rows: Sequence[Row]) -> list[tuple[str, str, dict[str, Row]]]:
    """Each model with how it was asked: (who, kind, its row in each column group).

    A model with one memory has one line: families without rounds do not ask for a memory. By score
    where there is one group; else ceilings, models, floors, each by name, since there is no order
    over families.
    """
    found: dict[tuple[str, str, str], dict[str, Row]] = {}
    memories: dict[str, set[str]] = {}
    for row in rows:
        if family(row.family).has_rounds:
            memories.setdefault(_bare(row), set()).add(row.memory)
    for row in rows:
        name, own = who(row), memories.get(_bare(row), set())
        if not family(row.family).has_rounds and len(own) == 1:
            name = who(replace(row, memory=min(own)))
        found.setdefault((row.kind, name, row.setup.get("base_url", "")), {})[group(row)] = row
    if len({group(row) for row in rows}) > 1:
        kinds = ("ceiling", "model", "floor")
        found = dict(sorted(found.items(), key=lambda one: (kinds.index(one[0][0]), *one[0][1:])))
    return [(name, kind, cells) for (kind, name, _), cells in found.items()]


def group(row: Row) -> str:
    """The name of a row's column group: the family, and the cell where there are several."""
    return f"{row.family} {cell_of(row)}".strip()


def _overview(rows: Sequence[Row]) -> list[list[str]]:
    """A line a model, two columns a family: score and rank. No average over families."""
    names = list(dict.fromkeys(group(row) for row in rows))
    ranked = {group(row) for row in rows if row.rank}
    head = ["model", "kind"]
    for name in names:
        head += [f"{name} (95 % interval)", *["rank"] * (name in ranked)]
    lines = [head]
    for name, kind, cells in contestants(rows):
        line = [name, kind]
        for one in names:
            row = cells.get(one)
            line.append(with_interval(row.score, 3) if row else "-")
            line += [rank_text(row.rank if row else None)] * (one in ranked)
        lines.append(line)
    return lines


def _main(rows: Sequence[Row]) -> list[list[str]]:
    shown, noted = shown_metrics(rows), any(row.memory_calls for row in rows)
    ranked = any(row.rank for row in rows)
    seconds = second_headline(rows)
    head = [
        "model",
        "kind",
        "score (95 % interval)",
        *(f"{name.replace('_', ' ')} (95 % interval)" for name in seconds),
        *["rank"] * ranked,
        "n",
        "errors",
        "unparsable",
        "infeasible",
        *(name.replace("_", " ") for name in shown),
        "tokens",
        "cost",
        "seconds",
        *["memory calls", "memory tokens"] * noted,
    ]
    lines = [_with_cell(rows, "cell", head)]
    for row in rows:
        line = [
            who(row),
            row.kind,
            with_interval(row.score, 3),
            *(headline_text(name, row) for name in seconds),
            *[rank_text(row.rank)] * ranked,
            str(row.n),
            str(row.errors),
            str(row.unparsable),
            str(row.infeasible),
            *(metric_text(name, row) for name in shown),
            tokens_text(row.tokens),
            cost_text(row.cost),
            f"{row.seconds:.1f}",
            *[str(row.memory_calls), tokens_text(row.memory_tokens)] * noted,
        ]
        lines.append(_with_cell(rows, cell_of(row), line))
    return lines


def rank_text(rank: Rank | None) -> str:
    """The ranks that a model may have."""
    if rank is None:
        return "-"
    return str(rank.low) if rank.low == rank.high else f"{rank.low} to {rank.high}"


def second_headline(rows: Sequence[Row]) -> list[str]:
    """The metric that stands beside the score with its interval, if the family has one."""
    name = family(rows[0].family).second
    return [name] if any(name in row.metrics for row in rows) else []


def shown_metrics(rows: Sequence[Row]) -> list[str]:
    """The metrics further on: the family's own, pass@k with several epochs."""
    passes = dict.fromkeys(m for row in rows for m in row.metrics if m.startswith("pass"))
    names = [*family(rows[0].family).columns, *list(passes)[-2:]]
    return [name for name in names if any(name in row.metrics for row in rows)]


def metric_text(name: str, row: Row) -> str:
    """A metric beside the headline: a gap or a share as a percentage, a ratio as a number."""
    found = row.metrics.get(name)
    if found is None or found.value is None:
        return "-"
    if name == "ratio_of_sums":
        return with_interval(found, 4)
    plain = name in family(row.family).plain
    return number(found.value, 3) if plain else percent(found.value)


def headline_text(name: str, row: Row) -> str:
    """A second headline with its interval, `-` where a row has none: nothing is graded."""
    return with_interval(row.metrics[name], 3) if name in row.metrics else "-"


def _with_cell(rows: Sequence[Row], cell: str, line: list[str]) -> list[str]:
    """The line with its cell in front, where any row has one."""
    return [cell, *line] if any(row.cell for row in rows) else line


def ramps(rows: Sequence[Row]) -> dict[str, list[str]]:
    """The metrics of rows that stand along a dial, in its order, by what they are called up to x.

    They are called `NAME@x` along levels or rounds, `NAME@setting=x` along a setting. A ramp that
    no row has two points of is none. Where a suite names the headline, the ramp is the headline's.
    """
    names = {m for row in rows for m in row.metrics if "@" in m and not m.startswith("pass")}
    headline = f"{rows[0].headline}@"
    own = [headline] if any(m.startswith(headline) for m in names) else []
    found: dict[str, list[str]] = {prefix: [] for prefix in own or family(rows[0].family).along}
    every = not found
    for name in sorted(names, key=lambda m: (_split(m)[0], float(_split(m)[1]))):
        if every or _split(name)[0] in found:
            found.setdefault(_split(name)[0], []).append(name)
    return {
        prefix: points
        for prefix, points in found.items()
        if any(sum(m in row.metrics for m in points) > 1 for row in rows)
    }


def _split(metric: str) -> tuple[str, str]:
    """`skill@tf=0.2` as (`skill@tf=`, `0.2`), `feasible@10` as (`feasible@`, `10`)."""
    start = max(metric.rindex("@"), metric.rfind("=")) + 1
    return metric[:start], metric[start:]


def _dial(name: str, prefix: str) -> str:
    """What is told along which dial: `skill by tf`, `feasible by level`."""
    metric, _, setting = prefix.rstrip("=").partition("@")
    usual = "after N rounds" if family(name).has_rounds else "by level"
    return f"{metric.replace('_', ' ')} {f'by {setting}' if setting else usual}"


def _ramp(rows: Sequence[Row], points: Sequence[str]) -> list[list[str]]:
    """The metrics of a ramp, and beside shares of success the level at which half succeed."""
    halves = any("half_level" in row.metrics for row in rows)
    head = ["model", "kind", *(_split(m)[1] for m in points), *["half succeed at"] * halves]
    lines = [_with_cell(rows, "cell", head)]
    for row in rows:
        if sum(m in row.metrics for m in points) < 2:
            continue
        values = [row.metrics[m].value if m in row.metrics else None for m in points]
        half = row.metrics.get("half_level", Estimate.unknown(""))
        numbers = [number(value, 2) for value in values]
        line = [who(row), row.kind, *numbers, *[_half(half)] * halves]
        lines.append(_with_cell(rows, cell_of(row), line))
    return lines


def notes(board: Board) -> list[str]:
    """What must be said with the numbers: errors, partial rows, gaps against bounds."""
    headlines = {row.family: row.headline for row in board.rows if row.headline}
    found = [f"{name}: the score is {score}" for name, score in headlines.items()]
    for row in board.rows:
        name = f"{row.family} {who(row)} {cell_of(row)}".strip()
        if row.errors:
            found.append(f"{name}: {row.errors} of {row.n} episodes ended in an error, not scored")
            found += [f"  {count} x {message}" for message, count in row.problems.items()]
        if row.retried:
            found.append(f"{name}: {row.retried} of {row.n} episodes took more than one attempt")
        if row.of is not None and row.n < row.of:
            found.append(f"{name}: {row.n} of {row.of} episodes, in progress or limited")
        proven = row.metrics.get("gap_proven", Estimate.unknown("")).value
        if proven is not None and proven < 1:
            found.append(f"{name}: {100 * (1 - proven):.0f} % of gaps are against a bound")
    found += [f"{model}: no episode is finished" for model in board.missing]
    return [*found, *_about_ranks(board.rows), *_about_prices(board)]


def _about_ranks(rows: Sequence[Row]) -> Iterator[str]:
    """What stands behind the ranks, and why models of a family are ranked apart."""
    for name in dict.fromkeys(group(row) for row in rows):
        models = [row for row in rows if row.kind == "model" and group(row) == name]
        ways = {str(way): way for row in models for way in [_identity(row)]}
        first, *others = list(ways.values()) or [{}]
        for other in others:
            where, here, there = next(differences(first, other, ""))
            yield (
                f"{name}: models that were not asked the same are ranked apart:"
                f" {where} is {here!r} and {there!r}"
            )
        rankings = {(r.rank.of, r.rank.resolves) for r in models if r.rank}
        for of, resolves in sorted(rankings, key=str):
            if resolves is not None:
                yield (
                    f"{name}: {of} models ranked; of two that differ by {resolves:.3f} the"
                    " better one would be found 4 times in 5"
                )


def _identity(row: Row) -> Fields:
    return identity(row.model, row.agent, row.memory, row.setup)


def _about_prices(board: Board) -> Iterator[str]:
    for day in sorted(set(board.priced.values())):
        models = [model for model, then in board.priced.items() if then == day]
        yield f"cost at the prices of {day}: {', '.join(models)}"


def who(row: Row) -> str:
    """The model, and how it was asked where that is not the usual way."""
    sampling = {k: v for k, v in row.setup.items() if k != "base_url"}
    return label(row.model, row.agent, row.memory, sampling)


def _bare(row: Row) -> str:
    """Who was asked, whatever the memory."""
    return f"{who(replace(row, memory='none'))} {row.setup.get('base_url', '')}"


def cell_of(row: Row) -> str:
    """The settings that tell rows of a family apart."""
    return cell_text(row.cell)


def cell_text(cell: dict[str, Scalar]) -> str:
    """A cell's settings in a line."""
    return " ".join(f"{k}={v}" for k, v in cell.items())


def _half(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.note
    low, high = ("..." if x is None else f"{x:.0f}" for x in (estimate.low, estimate.high))
    return f"{estimate.value:.0f} ({low} to {high})"
