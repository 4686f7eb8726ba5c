"""`make bench`: every promise about speed and size, as ratios in one run; status 1 if one fails."""

import sys

from tests.benchmarks import (
    bench_board,
    bench_calendar,
    bench_code,
    bench_evolve,
    bench_mcp,
    bench_psplib,
    bench_resume,
    bench_reward,
    bench_runner,
    bench_sandbox,
    bench_tardiness,
    bench_tools,
)
from tests.benchmarks.limits import promises


def main() -> int:
    """Run all, print a table of the promises."""
    limits = [
        *bench_code.main(),
        *bench_evolve.main(),
        *bench_runner.main(),
        *bench_board.main(),
        *bench_resume.main(),
        *bench_calendar.main(),
        *bench_tardiness.main(),
        *bench_sandbox.main(),
        *bench_mcp.main(),
        *bench_reward.main(),
        *bench_tools.main(),
        *bench_psplib.limits(),
    ]
    print()
    print(promises(limits))
    return 0 if all(limit.kept for limit in limits) else 1


sys.exit(main())
