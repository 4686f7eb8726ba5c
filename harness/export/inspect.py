"""Logs that inspect-ai reads, in its JSON format 2: one for each result.

The headline and the metrics that have a value are the log's; an episode is a sample, its epoch
counted from 1, with the grade in `scores` and the whole conversation in `messages`.
"""

from pathlib import Path
from typing import Any

import msgspec

from graders.statistics import Estimate
from harness import files
from harness.board.board import Row
from harness.board.load import text
from harness.digests import digest
from harness.export.results import ExportedResult, cell_text
from harness.models.base import Sampling
from harness.replay.transcript import Episode, conversation
from harness.secrets import scrubber
from memory.base import is_memory
from tasks.base import Fields, Message, Problem, Reply, ToolCall, Usage

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
    complete = all(row.of is None or row.n >= row.of for row in result.rows)
    samples = [_sample(result, episode) for episode in result.episodes]
    usage = _usage([reply.usage for e in result.episodes for reply in _replies(e)])
    return {
        "version": 2,
        "status": "success" if complete else "cancelled",
        "eval": _spec(result),
        "plan": {"name": manifest.configuration.agent},
        "results": {
            "total_samples": len(samples),
            "completed_samples": sum(e.record.grade is not None for e in result.episodes),
            "scores": [_score(row) for row in result.rows],
        },
        "stats": {
            "started_at": manifest.environment.created,
            "model_usage": {result.model: usage},
        },
        "samples": samples,
    }


def _spec(result: ExportedResult) -> Fields:
    manifest = result.run.manifest
    configuration = manifest.configuration
    sampling = configuration.sampling_of(result.model)
    return {
        "eval_id": digest(["eval", result.name]),
        "run_id": result.run.name,
        "created": manifest.environment.created,
        "task": f"makespan/{result.family}",
        "task_id": digest(["task", result.name]),
        "task_version": configuration.versions[result.family],
        "task_args": {"suite": configuration.suite.name, "lock": configuration.lock},
        "dataset": _dataset(result),
        "model": result.model,
        "model_generate_config": _generation(sampling) if result.setup else {},
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


def _dataset(result: ExportedResult) -> Fields:
    name = result.run.manifest.configuration.suite.name
    ids = list(dict.fromkeys(e.record.instance for e in result.episodes))
    return {"name": name, "samples": len(ids), "sample_ids": ids}


def _generation(sampling: Sampling) -> Fields:
    settings = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _score(row: Row) -> Fields:
    estimates = {"score": row.score} | row.metrics
    return {
        "name": " ".join(filter(None, [SCORER, cell_text(row)])),
        "scorer": SCORER,
        "scored_samples": row.n - row.errors,
        "unscored_samples": row.errors,
        "metrics": {
            name: _metric(name, estimate)
            for name, estimate in estimates.items()
            if estimate.value is not None
        },
    }


def _metric(name: str, estimate: Estimate) -> Fields:
    interval = {"low": estimate.low, "high": estimate.high, "note": estimate.note}
    return {"name": name, "value": estimate.value, "metadata": interval}


def _sample(result: ExportedResult, episode: Episode) -> Fields:
    record, instance = episode.record, episode.instance
    calls = [call for call in episode.calls if not is_memory(call.path)]
    messages, places = conversation(calls)
    replies = dict(zip(places, (call.reply for call in calls if call.reply), strict=True))
    answer = instance.reference.answer
    sample: Fields = {
        "id": record.instance,
        "epoch": record.epoch + 1,
        "input": [_message(m) for m in calls[0].messages] if calls else "",
        "target": "" if answer is None else text(answer),
        "messages": [_message(m, replies.get(k)) for k, m in enumerate(messages)],
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
        return sample | {"error": _error(record.problem)}
    return sample | {"scores": {SCORER: _grade(episode)}}


def _error(problem: Problem) -> Fields:
    trace = problem.trace or ""
    message = f"{problem.boundary}: {problem.message}"
    return {"message": message, "traceback": trace, "traceback_ansi": trace}


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


def _message(message: Message, reply: Reply | None = None) -> Fields:
    """Return a turn; that of a reply has what the model thought before its text."""
    fields: Fields = {"role": message.role, "content": message.content}
    if reply is not None and reply.reasoning:
        thought = {"type": "reasoning", "reasoning": reply.reasoning}
        fields["content"] = [thought, {"type": "text", "text": message.content}]
    if message.calls:
        fields["tool_calls"] = list(map(_tool_call, message.calls))
    return fields | ({"tool_call_id": message.call_id} if message.call_id else {})


def _tool_call(call: ToolCall) -> Fields:
    fields: Fields = {"id": call.id, "function": call.name, "arguments": {}, "type": "function"}
    try:
        arguments: Any = msgspec.json.decode(call.arguments)
    except msgspec.DecodeError as error:
        return fields | {"parse_error": f"{error}: {call.arguments}"}
    return fields | {"arguments": arguments if isinstance(arguments, dict) else {"": arguments}}


def _output(model: str, reply: Reply) -> Fields:
    stop = STOPS.get(reply.finish, "unknown")
    message = _message(Message("assistant", reply.text, reply.calls), reply)
    choices = [{"message": message, "stop_reason": stop}]
    return {"model": reply.model or model, "choices": choices, "usage": _usage([reply.usage])}


def _replies(episode: Episode) -> list[Reply]:
    return [call.reply for call in episode.calls if call.reply]


def _usage(parts: list[Usage]) -> Fields:
    """Return sums; an unknown count adds nothing, as inspect-ai has no unknown."""
    read, written = (sum(getattr(p, k) or 0 for p in parts) for k in ("input", "output"))
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
