"""What is promised of years of clashes: no shortcuts over 4,000 rounds, and CPU of a large run."""

from itertools import product
from time import process_time

from generators.calendar import generate
from generators.calendar_audit import audit
from graders.calendar import grade
from harness.families.calendar import POLICIES
from tasks.calendar import LEVELS, RoundStep, read
from tests.benchmarks.limits import Limit, cpu_limit

USERS = 40  # times 104 rounds


def shortcuts() -> list[Limit]:
    """Each shortcut's distance from chance, for each number of events, with drift and without."""
    found = []
    for level, drift in product(LEVELS, (0, 1)):
        made = [generate(level, 0, k, {"drift": drift}, reference=False) for k in range(USERS)]
        for f in audit(made):
            what = f"calendar, {level} events, drift {drift}, {f.shortcut}: distance from chance"
            found.append(Limit(what, abs(f.accuracy - f.chance), f.limit))
    return found


def learners() -> list[Limit]:
    """CPU of a user's year with 5 events: made, decided by every policy, graded."""
    began, users = process_time(), 10
    for index in range(users):
        instance = generate(5, 0, index, {})
        for policy in POLICIES.values():
            answers = [policy.answer(RoundStep(instance, k)) for k in range(1, 105)]
            grade(instance, read({"decisions": answers}, ""))
    seconds = (process_time() - began) / users
    return [cpu_limit("calendar, a user's year by every policy", seconds, 1)]


def main() -> list[Limit]:
    """Measure."""
    return [*shortcuts(), *learners()]
