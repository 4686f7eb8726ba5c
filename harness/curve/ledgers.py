"""What the episodes of a run spent, question by question, in each ledger: by replay, exactly."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.calls.recorded import CountedReply, at_once
from harness.families.registry import family
from harness.mcp.direct import direct
from harness.run.jobs import EpisodeJob
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder
from harness.store.journal import Journal
from tasks.base import Grade, InputError, Instance, Ledger, Noun, Outside
from tasks.play import play


class Tokens(Noun, frozen=True):
    """Tokens in and out, of each question of a context on average."""

    read: float = 0.0
    written: float = 0.0


class Spending(Noun, frozen=True):
    """What one context or user came to.

    Attributes:
        instance: its id.
        questions: it has so many.
        accuracy: the score of its episode.
        test: of answers, a question.
        recall: of the memory while somebody waited, a question.
        sleep: of the memory between questions, of all of it spread over the questions.
    """

    instance: str
    questions: int
    accuracy: float
    test: Tokens
    recall: Tokens
    sleep: Tokens

    @property
    def all(self) -> float:
        """Return all tokens a question, in and out, of all ledgers."""
        ledgers = (self.test, self.recall, self.sleep)
        return sum(each.read + each.written for each in ledgers)

    @property
    def waited(self) -> float:
        """Return the tokens a question that somebody waits for to be written."""
        return self.test.written + self.recall.written

    def cost(self, price_ratio: float) -> float:
        """Return what a question costs, in tokens that somebody waits for.

        Args:
            price_ratio: the tokens of sleep that cost as much as one of them.
        """
        return self.waited + self.sleep.written / price_ratio


def questions_of(instance: Instance[Any]) -> int:
    """Return how many questions, or rounds, an instance has; its family has some."""
    rounds = family(instance.family).rounds
    assert rounds is not None
    count = instance.settings[rounds.setting]
    assert isinstance(count, int)
    return count


def spending_in(path: Path, count: int | None = None) -> list[Spending]:
    """Return what each instance of a run came to, the mean of its epochs, in their order.

    Args:
        path: of the run folder.
        count: of the first instances; None is all.

    Raises:
        InputError: a server told no tokens.
    """
    folder = Folder.open(path)
    journal = Journal(path, read_only=True)
    try:
        run = RecordedRun(folder, journal, folder.instances()[:count])
        groups: dict[str, list[Spending]] = {}
        for job, record in run.finished():
            if record.grade is not None:
                groups.setdefault(job.instance.id, []).append(_spending(run, job, record.grade))
        return [_mean(group) for group in groups.values()]
    finally:
        journal.close()


def _spending(run: RecordedRun, job: EpisodeJob, grade: Grade) -> Spending:
    """Return what an episode came to: its calls are answered by the journal again."""
    calls = run.calls(job, direct(job.instance))

    def perform(effect: Outside) -> Any:
        return at_once(calls.perform(effect))

    play(run.rollout.program(job, run.rollout.memory(job)), perform)
    count = questions_of(job.instance)

    def total(ledger: Ledger) -> Tokens:
        return _tokens([each for each in calls.replies if each.ledger == ledger], count)

    return Spending(
        job.instance.id,
        count,
        accuracy=grade.score,
        test=total("test"),
        recall=total("recall"),
        sleep=total("sleep"),
    )


def _tokens(replies: Sequence[CountedReply], count: int) -> Tokens:
    """Return the tokens of some replies, spread over so many questions."""
    usages = [each.reply.usage for each in replies]
    read, written = ([getattr(u, n) for u in usages] for n in ("input", "output"))
    if None in read or None in written:
        model = replies[0].reply.model
        raise InputError(f"{model}: its server tells no tokens, which a curve counts")
    return Tokens(sum(read) / count, sum(written) / count)


def _mean(group: Sequence[Spending]) -> Spending:
    """Return the mean over the epochs of an instance."""
    if len(group) == 1:
        return group[0]

    def tokens(each: Iterable[Tokens]) -> Tokens:
        several = list(each)
        return Tokens(fmean(t.read for t in several), fmean(t.written for t in several))

    return Spending(
        group[0].instance,
        group[0].questions,
        accuracy=fmean(each.accuracy for each in group),
        test=tokens(each.test for each in group),
        recall=tokens(each.recall for each in group),
        sleep=tokens(each.sleep for each in group),
    )
