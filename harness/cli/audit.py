"""The command `audit`: shortcuts in a file of instances; memory, replay and hashes of a run."""

import asyncio
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from harness.calls.client import build_provider
from harness.calls.options import CONNECTIONS, require_prices
from harness.calls.prices import prices_of
from harness.cli.options import run_options
from harness.cli.output import print_json, screen_of
from harness.cli.runs import chosen
from harness.families.registry import family
from harness.log import Log
from harness.models.base import Model
from harness.models.lazy import LazyModel
from harness.replay.audit import Audit, AuditReport
from harness.run.prepare import today
from harness.run.recorded import RecordedRun
from harness.store.folder import Folder
from harness.store.journal import Journal
from harness.store.manifest import Manifest
from harness.suites import instances
from tasks.base import InputError


def audit(options: Namespace) -> int:
    """`makespan audit`; status 1 if something did not pass."""
    [path] = chosen(options.target, "run")
    if path.is_dir():
        return _run(path, options)
    batch = instances.read(path)
    findings = [
        f for name in dict.fromkeys(i.family for i in batch) for f in _shortcuts(name, batch)
    ]
    if options.json:
        print_json(
            {
                "shortcuts": [
                    {
                        **msgspec.to_builtins(f),
                        "chance": f.chance,
                        "sure": f.sure,
                        "limit": f.limit,
                        "passes": f.passes,
                    }
                    for f in findings
                ]
            }
        )
    else:
        from harness.replay.audit_text import print_shortcuts

        print_shortcuts(findings, screen_of(options))
    return 0 if all(finding.passes for finding in findings) else 1


def _shortcuts(name: str, batch: Sequence[Any]) -> Sequence[Any]:
    check = family(name).audit
    if check is None:
        raise InputError(f"instances of {name} have no shortcut audit")
    return check([instance for instance in batch if instance.family == name])


def _run(path: Path, options: Namespace) -> int:
    folder = Folder.open(path)
    folder.require_suite()
    folder.claim()
    log, how = Log(options.log_json), run_options(options)
    names = [spec.name for spec in folder.manifest.configuration.models]
    folder.note_prices(prices_of(options.price, names), today())
    journal = Journal(folder.path)
    try:
        run = RecordedRun(folder, journal, folder.instances())
        models = _models(folder.manifest, options.max_connections or CONNECTIONS)
        audit_of_run = Audit(run, how, log, models)
        if not options.ask and (count := audit_of_run.calls_due()):
            raise InputError(
                f"{path}: the exams of its notes need {count} calls of models: give --ask"
            )
        require_prices(folder.manifest, how)
        report = asyncio.run(audit_of_run.run())
    finally:
        journal.close()
        folder.release()
    return _told(report, options)


def _models(manifest: Manifest, connections: int) -> list[Model]:
    """Return the models of a run; each needs its key only when it is asked."""
    return [
        LazyModel(spec.name, partial(build_provider, spec, manifest, connections))
        for spec in manifest.configuration.models
        if not spec.name.startswith("policy/")
    ]


def _told(report: AuditReport, options: Namespace) -> int:
    if not report.episodes:
        raise InputError("nothing to audit: the run has no finished episode")
    if options.json:
        print_json(report)
    else:
        from harness.replay.audit_text import print_report

        print_report(report, screen_of(options))
    return 1 if report.differ or report.unexamined else 0
