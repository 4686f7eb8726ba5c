"""Orders of jobs as answers: what keeps one from being an order, and how near it comes."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tasks.base import Fields, short


def order_violations(ids: Sequence[str], order: Sequence[object]) -> list[Fields]:
    """Return all that keeps a list from being an order of ids.

    Each is `unknown` with its `value`, or `duplicate` or `missing` with the `job`.

    Args:
        ids: all of them, in the order in which they are told.
        order: what the answer gives, entry by entry.
    """
    all_ids = dict.fromkeys(ids)
    counts = Counter(e for e in order if isinstance(e, str) and e in all_ids)
    unknown = [e for e in order if not (isinstance(e, str) and e in all_ids)]
    return [
        *({"kind": "unknown", "value": short(entry)} for entry in unknown),
        *({"kind": "duplicate", "job": name} for name, count in counts.items() if count > 1),
        *({"kind": "missing", "job": name} for name in all_ids if name not in counts),
    ]


def placed_share(count: int, violations: Iterable[Fields]) -> float:
    """Return the share of entries that need no change to make an order of so many jobs."""
    kinds = Counter(str(violation["kind"]) for violation in violations)
    wrong = max(kinds["missing"], kinds["duplicate"] + kinds["unknown"])
    return max(0.0, 1 - wrong / count)
