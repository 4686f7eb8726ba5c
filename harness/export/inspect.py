"""Logs that inspect-ai reads, in its JSON format 2: one for each result.

The headline and the metrics that have a value are the log's; an episode is a sample, its epoch
counted from 1, with the grade in `scores` and the whole conversation in `messages`.
"""

from pathlib import Path
from typing import Any

import msgspec

from harness import files
from harness.board.board import Row
from harness.board.load import text
from harness.digests import digest
from harness.export.results import ExportedResult, cell_text
from harness.replay.transcript import Episode, conversation
from harness.secrets import scrubber
from memory.base import is_memory
from tasks.base import Fields, Message, Reply, Usage

STOPS = {
    "stop": "stop",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "context_length": "model_length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "end_turn": "stop",
    "content_filter": "content_filter",
}
SCORER = "makespan"


def write_inspect(result: ExportedResult, root: Path) -> None:
    """Write the log of a result into a folder, named as inspect-ai names its own."""
    log = scrubber()(msgspec.to_builtins(_log(result)))
    began = result.run.manifest.environment.created.replace(":", "-").replace("+", "-")
    root.mkdir(parents=True, exist_ok=True)
    name = f"{began}_{result.family}_{digest(result.name)}.json"
    files.write(root / name, msgspec.json.format(msgspec.json.encode(log)) + b"\n")


def _log(result: ExportedResult) -> Fields:
    manifest = result.run.manifest
    wanted = all(row.of is None or row.n >= row.of for row in result.rows)
    samples = [_sample(result, episode) for episode in result.episodes]
    usage = [reply for e in result.episodes for reply in _replies(e)]
    return {
        "version": 2,
        "status": "success" if wanted else "cancelled",
        "eval": _spec(result),
        "plan": {"name": manifest.configuration.agent},
        "results": {
            "total_samples": len(samples),
            "completed_samples": sum(e.record.grade is not None for e in result.episodes),
            "scores": [_score(row) for row in result.rows],
        },
        "stats": {
            "started_at": manifest.environment.created,
            "model_usage": {result.model: _usage([reply.usage for reply in usage])},
        },
        "samples": samples,
    }


def _spec(result: ExportedResult) -> Fields:
    manifest = result.run.manifest
    configuration, sampling = manifest.configuration, manifest.configuration.sampling
    ids = list(dict.fromkeys(e.record.instance for e in result.episodes))
    settings = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    return {
        "eval_id": digest(["eval", result.name]),
        "run_id": result.run.name,
        "created": manifest.environment.created,
        "task": f"makespan/{result.family}",
        "task_id": digest(["task", result.name]),
        "task_version": configuration.versions[result.family],
        "task_args": {"suite": configuration.suite.name, "lock": configuration.lock},
        "dataset": {"name": configuration.suite.name, "samples": len(ids), "sample_ids": ids},
        "model": result.model,
        "model_generate_config": {k: v for k, v in settings.items() if v is not None}
        if result.setup
        else {},
        "model_base_url": result.setup.get("base_url"),
        "config": {"epochs": configuration.epochs},
        "packages": manifest.environment.packages,
        "metadata": {
            "setup": result.setup,
            "agent": result.rows[0].agent,
            "memory": result.rows[0].memory,
            "kind": result.rows[0].kind,
        },
    }


def _score(row: Row) -> Fields:
    every = {"score": row.score} | row.metrics
    return {
        "name": " ".join(filter(None, [SCORER, cell_text(row)])),
        "scorer": SCORER,
        "scored_samples": row.n - row.errors,
        "unscored_samples": row.errors,
        "metrics": {
            name: {
                "name": name,
                "value": one.value,
                "metadata": {"low": one.low, "high": one.high, "note": one.note},
            }
            for name, one in every.items()
            if one.value is not None
        },
    }


def _sample(result: ExportedResult, episode: Episode) -> Fields:
    record, instance = episode.record, episode.instance
    calls = [call for call in episode.calls if not is_memory(call.path)]
    talk, _ = conversation(calls)
    truth = instance.reference.answer
    sample: Fields = {
        "id": record.instance,
        "epoch": record.epoch + 1,
        "input": [_message(m) for m in calls[0].messages] if calls else "",
        "target": "" if truth is None else text(truth),
        "messages": [_message(m) for m in talk],
        "metadata": {
            "level": record.level,
            "seed": instance.seed,
            "index": instance.index,
            **record.settings,
        },
        "model_usage": {result.model: _usage([reply.usage for reply in _replies(episode)])},
        "total_time": record.seconds,
    }
    if calls and calls[-1].reply:
        sample["output"] = _output(result.model, calls[-1].reply)
    if record.problem:
        trace = record.problem.trace or ""
        message = f"{record.problem.boundary}: {record.problem.message}"
        sample["error"] = {"message": message, "traceback": trace, "traceback_ansi": trace}
    else:
        sample["scores"] = {SCORER: _grade(episode)}
    return sample


def _grade(episode: Episode) -> Fields:
    grade, outcome = episode.record.grade, episode.outcome
    assert grade is not None
    assert outcome is not None
    return {
        "value": grade.score,
        "answer": text([parsed.value for parsed in outcome.answers]),
        "explanation": " ".join([grade.verdict.value, *map(text, grade.violations)]),
        "metadata": {
            "verdict": grade.verdict,
            "objective": grade.objective,
            "bound": grade.bound,
            "gap": grade.gap,
            "against": grade.against,
            "metrics": grade.metrics,
            "violations": grade.violations,
        },
    }


def _message(message: Message) -> Fields:
    told: Fields = {"role": message.role, "content": message.content}
    if message.calls:
        told["tool_calls"] = [
            _tool_call(call.id, call.name, call.arguments) for call in message.calls
        ]
    return told | ({"tool_call_id": message.call_id} if message.call_id else {})


def _tool_call(mark: str, name: str, text: str) -> Fields:
    call: Fields = {"id": mark, "function": name, "arguments": {}, "type": "function"}
    try:
        arguments: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        return call | {"parse_error": f"{error}: {text}"}
    return call | {"arguments": arguments if isinstance(arguments, dict) else {"": arguments}}


def _output(model: str, reply: Reply) -> Fields:
    stop = STOPS.get(reply.finish, "unknown")
    message = _message(Message("assistant", reply.text, reply.calls))
    choices = [{"message": message, "stop_reason": stop}]
    return {"model": reply.model or model, "choices": choices, "usage": _usage([reply.usage])}


def _replies(episode: Episode) -> list[Reply]:
    return [call.reply for call in episode.calls if call.reply]


def _usage(parts: list[Usage]) -> Fields:
    """Sums; what a provider did not tell adds nothing, as inspect-ai has no unknown."""
    read, written = (sum(getattr(p, k) or 0 for p in parts) for k in ("input", "output"))
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
