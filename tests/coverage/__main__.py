"""`make coverage`: how often every interval holds the truth; writes docs/coverage.csv and tables.

Parts that are done are kept under results/runs and are not simulated again, unless the code or the
generators have changed: what was broken off goes on where it was.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import msgspec

from harness.digests import digest
from harness.families.registry import FAMILIES, family
from tests.coverage import comparisons, forecasts, ladders, page, shapes, summaries
from tests.coverage.pools import FOLDER, SEEDS
from tests.coverage.rows import Row, Size

Part = Callable[[Size], Iterator[Row]]
MODULES = (shapes, forecasts, summaries, ladders, comparisons)
FULL = Size(boards=400, seeds=SEEDS)
CODE = ("graders/*.py", "harness/board/*.py", "tests/coverage/*.py")


def parts() -> dict[str, Part]:
    """All parts by name."""
    return {name: part for module in MODULES for name, part in module.PARTS.items()}


def done(name: str, part: Part, size: Size) -> list[Row]:
    """The lines of a part: read, or simulated and kept."""
    texts = [p.read_text("utf-8") for pattern in CODE for p in sorted(Path().glob(pattern))]
    versions = [family(other).version for other in FAMILIES]
    path = FOLDER / f"{name}-{digest([texts, versions, size])}.json"
    if path.exists():
        print(f"{name}: kept", file=sys.stderr)
        return msgspec.json.decode(path.read_bytes(), type=list[Row])
    began, rows = monotonic(), list[Row]()
    for row in part(size):
        rows.append(row)
        if len(rows) % 20 == 0:
            print(f"{name}: {len(rows)} lines, {monotonic() - began:.0f} s", file=sys.stderr)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(rows))
    return rows


def main() -> int:
    """Simulate what is not kept; status 1 if a line holds too seldom or too often unexplained."""
    known = parts()
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--part", choices=known, action="append", help="only this part")
    parser.add_argument("--boards", type=int, default=FULL.boards, help="of a scenario")
    parser.add_argument("--seeds", type=int, default=FULL.seeds, help="of a pool")
    chosen = parser.parse_args()
    size = Size(chosen.boards, chosen.seeds)
    rows = {name: done(name, known[name], size) for name in chosen.part or known}
    if size != FULL:
        print("a trial: docs/coverage.csv stays as it is", file=sys.stderr)
        print(page.as_csv([row for part in rows.values() for row in part]), end="")
        return 0
    merged = [row for row in page.read_csv() if row.part in known and row.part not in rows]
    merged += [row for part in rows.values() for row in part]
    merged.sort(key=lambda row: list(known).index(row.part))
    page.write(merged)
    unexplained = [row for row in merged if row.verdict == "no" and not page.reason(row)]
    for row in unexplained:
        print(f"no reason is given: {row}", file=sys.stderr)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
