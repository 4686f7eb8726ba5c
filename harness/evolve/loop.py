"""Runs a search: its clients, its sandbox and what drives it."""

import asyncio
import signal
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness.calls.client import PULSE, ModelClient, build_provider
from harness.calls.limiter import ConcurrencyLimiter
from harness.calls.live import Stopped
from harness.calls.retry import RetryPolicy
from harness.engines.base import Engine
from harness.evolve.domain import Domain
from harness.evolve.drive import Performer
from harness.evolve.evaluator import Evaluator
from harness.evolve.null import build_null
from harness.evolve.remote import Evaluating, RemoteEvaluator
from harness.evolve.study import Results, Study
from harness.log import Log, say
from harness.models.base import Model
from harness.sandbox.sandbox import Sandbox
from harness.store.manifest import Manifest
from harness.store.search_plan import SearchPlan
from harness.suites import instances
from tasks.base import Instance

WORKERS = 2  # programs run at once on this machine


def build_search_models(manifest: Manifest) -> dict[str, Model]:
    plan = manifest.configuration.evolve
    assert plan is not None
    made: dict[str, Model] = {name: build_null(name) for name in plan.nulls}
    for spec in manifest.configuration.models:
        if spec.name.startswith("policy/"):
            made[spec.name] = build_null(spec.name)
        else:
            made[spec.name] = build_provider(spec, manifest, plan.lag)
    return made


def build_clients(
    models: Mapping[str, Model], plan: SearchPlan, options: Namespace, log: Log
) -> dict[str, ModelClient]:
    """How each model is asked: up to the lag at once, within what its provider bears."""
    patience = RetryPolicy(attempts=options.max_attempts, seconds=options.attempt_timeout)
    return {
        name: ModelClient(
            model, ConcurrencyLimiter(plan.lag, options.rpm, options.tpm), patience, log=log
        )
        for name, model in models.items()
    }


@contextmanager
def open_evaluator(
    about: Domain,
    plan: SearchPlan,
    splits: Mapping[str, Sequence[Instance[Any]]],
    options: Namespace,
    engine: Engine,
) -> Iterator[Evaluator]:
    """What evaluates the programs of a search: a sandbox here, or one for each worker of Ray."""
    if options.engine == "local":
        with open_sandbox(plan, options) as sandbox:
            yield Evaluator(about, plan, splits, sandbox)
    else:
        lines = {name: tuple(map(instances.encode, made)) for name, made in splits.items()}
        work = Evaluating(plan, lines, options.unsafe)
        yield RemoteEvaluator(about, plan, splits, work, engine)


def open_sandbox(plan: SearchPlan, options: Namespace) -> Sandbox:
    """The sandbox of a plan; its walls are told."""
    workers = options.workers or WORKERS
    sandbox = Sandbox(workers=workers, numpy=plan.numpy, unsafe=options.unsafe)
    for layer in sandbox.layers:
        say(f"sandbox: {layer}")
    return sandbox


async def drive_search(study: Study, performer: Performer, log: Log) -> Results | None:
    """Drive to the end, or until it is stopped (None); a second signal does not wait for calls."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        if performer.stopped and me:
            me.cancel()
            return
        performer.stop()
        log.say("stopping: waiting for what is under way; once more to stop at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    pulse = asyncio.create_task(_pulse(performer))
    try:
        return await performer.perform(study.program())
    except Stopped:
        return None
    except asyncio.CancelledError:
        if not performer.stopped:
            raise
        return None
    finally:
        pulse.cancel()
        for lane in performer.lanes.values():
            await lane.close()


async def _pulse(performer: Performer) -> None:
    """Note now and then how the calls stand, for who watches."""
    while True:
        for name, lane in performer.lanes.items():
            performer.journal.pulse(name, lane.pace.state)
        await asyncio.sleep(PULSE)
