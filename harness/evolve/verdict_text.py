"""What a search came to, in the few lines that come first."""

from collections.abc import Iterator, Mapping

from harness.evolve.report import SearchReport
from harness.evolve.verdicts import Verdict

NAMES = {"search": "champion", "seed": "best seed"}
ORDER: tuple[Verdict, ...] = ("better", "no difference shown", "worse", "the same program")
WORDS: Mapping[Verdict, str] = {
    "better": "better than",
    "no difference shown": "no difference shown to",
    "worse": "worse than",
    "the same program": "the same program as",
}


def verdict_lines(report: SearchReport) -> Iterator[str]:
    """Yield what was found, and for each reported split what it is worth against the others.

    Args:
        report: of a search; of one that is not finished there is no verdict yet.
    """
    main, champion = report.arms[0], report.champion
    work = f"{main.tries} tries, {main.calls} calls of models"
    if champion is None:
        yield f"{report.domain}, seed {report.seed}: no verdict yet, after {work}"
        yield ""
        return
    origin = f"{champion.operator} of {champion.model}" if champion.model else "a seed program"
    yield (
        f"{report.domain}, seed {report.seed}: the champion is {champion.name} ({origin}), after"
        f" {work}"
    )
    for split in dict.fromkeys(c.split for c in report.comparisons):
        yield f"{split}: {'; '.join(_against(report, split))}"
    for rule in report.rediscovery:
        yield f"it behaves like the published rule {rule}"
    yield ""


def _against(report: SearchReport, split: str) -> Iterator[str]:
    """Yield each verdict with the opponents that it is against."""
    for verdict in ORDER:
        if names := opponents(report, split, verdict):
            yield f"{WORDS[verdict]} {', '.join(names)}"


def opponents(report: SearchReport, split: str, verdict: Verdict) -> list[str]:
    """Return those against whom the champion has a verdict on a split."""
    return [
        NAMES.get(c.against, c.against)
        for c in report.comparisons
        if c.split == split and c.verdict == verdict
    ]
