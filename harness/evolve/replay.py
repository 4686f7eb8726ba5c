"""A search as its folder has it: rebuilt from the journal, without a model or a sandbox."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.calls.drive import drive
from harness.calls.recorded import NotRecorded, RecordedCall
from harness.evolve.answers import SearchAnswers
from harness.evolve.domains import domain
from harness.evolve.evaluator import Evaluator
from harness.evolve.report import SearchReport, report
from harness.evolve.study import Results, Study
from harness.store.folder import Folder
from harness.store.journal import Journal
from harness.store.search_plan import MUTATE
from tasks.base import Ask, InputError, Instance, Outside, Reply


@dataclass(frozen=True)
class SearchReplay:
    """A search up to where its journal goes.

    Attributes:
        report: what `makespan evolve show` says of it.
        calls: the models' calls by path, each with its prompt; None for a reply is a lost call.
    """

    folder: Folder
    study: Study
    report: SearchReport
    calls: dict[str, RecordedCall]


def replay(path: Path) -> SearchReplay:
    """Rebuild a search; of an unfinished one what there is. InputError if the folder holds none."""
    folder = Folder.open(path)
    study, splits = study_of(folder)
    journal = Journal(folder.path, read_only=True)
    calls: dict[str, RecordedCall] = {}
    try:
        evaluator = Evaluator(study.domain, study.plan, splits, None)
        sampling = folder.manifest.configuration.sampling
        answers = SearchAnswers(journal, evaluator, sampling, study.models)
        results = asyncio.run(_recorded(study, answers, calls))
    finally:
        journal.close()
    return SearchReplay(folder, study, report(study, results), calls=calls)


async def _recorded(
    study: Study, answers: SearchAnswers, calls: dict[str, RecordedCall]
) -> Results | None:
    """Return the results of a search that is finished; note all its calls."""

    async def perform(effect: Outside) -> Any:
        answer = await answers.perform(effect)
        if isinstance(effect, Ask):
            reply = answer if isinstance(answer, Reply) else None
            calls[effect.path] = RecordedCall(
                effect.path, effect.messages, effect.tools, schema=effect.schema, reply=reply
            )
        return answer

    try:
        return await drive(study.program(), perform)
    except NotRecorded:
        return None


def study_of(folder: Folder) -> tuple[Study, dict[str, list[Instance[Any]]]]:
    """The study of a run folder, with its instances and templates; InputError if it is none."""
    configuration = folder.manifest.configuration
    plan = configuration.evolve
    if plan is None:
        raise InputError(f"{folder.path} is no search for programs: it is a run of a suite")
    chosen = domain(plan.domain)
    if chosen.lock != plan.lock:
        raise InputError(
            f"{folder.path}: the domain {chosen.name} is not what it was when this began:"
            " go on with the makespan that began it"
        )
    if plan.mutate > MUTATE:
        raise InputError(
            f"{folder.path}: policy/mutate has version {plan.mutate} there, {MUTATE} here:"
            " go on with the makespan that began it"
        )
    batch = [line.instance for line in folder.instances()]
    splits = {
        name: [i for i in batch if i.seed == suite.seed] for name, suite in chosen.splits.items()
    }
    models = [spec.name for spec in configuration.models]
    return Study(models, chosen, plan, folder.prompts, splits), splits
