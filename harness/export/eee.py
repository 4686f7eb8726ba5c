"""Records of Every Eval Ever, schema 0.3: an aggregate file and its samples for each result.

The folder is laid out as that project's datastore, `data/makespan/DEVELOPER/MODEL/UUID.json`. The
headline is a result with its interval; other metrics stand in its details, as text. `is_correct`
means a score of 1. An episode that ended in an error is a sample with `error` set and score 0, as
the schema demands a number; no aggregate counts it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b, sha256
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from graders.statistics import Estimate
from harness import files
from harness.board.board import Row
from harness.board.load import text
from harness.calls.recorded import RecordedCall
from harness.export.eee_names import model_id, path_of
from harness.export.results import ExportedResult, cell_text
from harness.families.registry import family
from harness.replay.transcript import Episode, conversation
from harness.secrets import scrubber
from memory.base import is_memory
from tasks.base import Fields, Grade, Message, ToolCall
from tasks.thoughts import reasoning_of

VERSION = "0.3.0"
INTERVAL = "over instances: Wilson for shares, Hall's studentised interval for means"
LOCAL = ("127.0.0.1", "localhost", "::1")


def write_eee(result: ExportedResult, root: Path) -> None:
    """Write the two files of a result below a folder."""
    clean = scrubber()
    mark = UUID(bytes=blake2b(result.name.encode(), digest_size=16).digest(), version=4)
    place = f"data/makespan/{path_of(result)}/{mark}"
    lines = [msgspec.json.encode(clean(sample)) for sample in _samples(result)]
    aggregate = clean(_aggregate(result)) | {
        "detailed_evaluation_results": _sample_file(f"{place}_samples.jsonl", lines)
    }
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    files.write_lines(root / f"{place}_samples.jsonl", lines)
    content = msgspec.json.format(msgspec.json.encode(aggregate)) + b"\n"
    files.write(root / f"{place}.json", content)


def _sample_file(path: str, lines: Sequence[bytes]) -> Fields:
    return {
        "format": "jsonl",
        "file_path": path,
        "hash_algorithm": "sha256",
        "checksum": sha256(b"".join(line + b"\n" for line in lines)).hexdigest(),
        "total_rows": len(lines),
    }


# The aggregate ------------------------------------------------------------------------------


def _aggregate(result: ExportedResult) -> Fields:
    environment = result.run.manifest.environment
    scored = [row for row in result.rows if row.score.value is not None]
    return {
        "schema_version": VERSION,
        "evaluation_id": _evaluation_id(result),
        "evaluation_timestamp": _epoch(result),
        "retrieved_timestamp": _epoch(result),
        "source_metadata": {
            "source_name": "Makespan",
            "source_type": "evaluation_run",
            "source_organization_name": "Makespan",
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "makespan",
            "version": environment.packages.get("makespan", "unknown"),
            "additional_details": environment.packages,
        },
        "model_info": _model_info(result),
        "evaluation_results": [_headline(result, row) for row in scored],
    }


def _evaluation_id(result: ExportedResult) -> str:
    return f"{result.run.name}-{result.family}/{model_id(result)}/{_epoch(result)}"


def _epoch(result: ExportedResult) -> str:
    """Return when the run was begun, in seconds: an export made again is the same."""
    created = result.run.manifest.environment.created
    return str(int(datetime.fromisoformat(created).timestamp()))


def _model_info(result: ExportedResult) -> Fields:
    provider = result.model.partition("/")[0]
    return {
        "name": result.model,
        "id": model_id(result),
        "developer": model_id(result).partition("/")[0],
        "inference_platform": result.setup.get("base_url") or provider,
        "additional_details": {
            "deployment_type": _deployment(provider, result.setup.get("base_url")),
            "model_availability": "unknown",
            "kind": result.rows[0].kind,
        },
    }


def _deployment(provider: str, address: str | None) -> str:
    if provider == "policy" or (address and urlsplit(address).hostname in LOCAL):
        return "self_deployed"
    return "unknown" if address or provider == "litellm" else "externally_managed"


def _result_id(result: ExportedResult, row: Row) -> str:
    return "/".join(filter(None, [result.run.name, result.family, cell_text(row), "score"]))


def _headline(result: ExportedResult, row: Row) -> Fields:
    suite = result.run.manifest.configuration.suite
    versions = result.run.manifest.configuration.versions
    return {
        "evaluation_result_id": _result_id(result, row),
        "evaluation_name": " ".join(filter(None, [f"makespan {result.family}", cell_text(row)])),
        "source_data": {
            "dataset_name": f"makespan/{suite.name}",
            "source_type": "other",
            "additional_details": {"lock": result.run.lock, **versions},
        },
        "metric_config": _metric(result.family),
        "score_details": _score_details(row),
        "generation_config": _generation(result, row),
    }


def _metric(name: str) -> Fields:
    """Return what the headline of a family is."""
    return {
        "metric_id": f"makespan.{name}.score",
        "metric_name": "score",
        "evaluation_description": family(name).description,
        "lower_is_better": False,
        "score_type": "continuous",
        "min_score": "-Infinity",
        "max_score": 1,
    }


def _score_details(row: Row) -> Fields:
    counts = ("n", "errors", "unparsable", "infeasible", "tokens", "cost", "seconds")
    details = {name: _text(getattr(row, name)) for name in counts}
    details |= {name: _text(estimate) for name, estimate in row.metrics.items()}
    uncertainty: Fields = {"num_samples": row.n - row.errors}
    if row.score.low is not None and row.score.high is not None:
        uncertainty["confidence_interval"] = _interval(row.score)
    return {"score": row.score.value, "details": details, "uncertainty": uncertainty}


def _interval(score: Estimate) -> Fields:
    return {
        "lower": score.low,
        "upper": score.high,
        "confidence_level": 0.95,
        "method": " ".join(filter(None, [INTERVAL, score.note])),
    }


def _generation(result: ExportedResult, row: Row) -> Fields:
    sampling = result.run.manifest.configuration.sampling
    arguments = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    usual = {name: value for name, value in arguments.items() if value is not None}
    details = {"setup": text(result.setup), "agent": row.agent, "memory": row.memory}
    return {"generation_args": usual if result.setup else {}, "additional_details": details}


def _text(value: object) -> str:
    return "unknown" if value is None else msgspec.json.encode(value).decode()


# The samples --------------------------------------------------------------------------------


def _samples(result: ExportedResult) -> Iterator[Fields]:
    for episode in result.episodes:
        yield sample(result, episode)


def sample(result: ExportedResult, episode: Episode) -> Fields:
    """Return an episode as an instance record: single-turn, multi-turn, or agentic with tools."""
    record, problem = episode.record, episode.record.problem
    return {
        "schema_version": VERSION,
        "evaluation_id": _evaluation_id(result),
        "model_id": model_id(result),
        "evaluation_name": f"makespan {result.family}",
        "evaluation_result_id": _result_id(result, result.row_of(episode)),
        "sample_id": record.instance,
        **_conversation(result, episode),
        "token_usage": _usage(episode),
        "performance": {"latency_ms": 1000 * record.seconds},
        "error": f"{problem.boundary}: {problem.message}" if problem else None,
        "metadata": _metadata(episode),
    }


def _conversation(result: ExportedResult, episode: Episode) -> Fields:
    """Return prompt, replies and verdict, in the form of the episode's kind of interaction."""
    calls = [call for call in episode.calls if not is_memory(call.path)]
    messages, places = conversation(calls)
    thoughts = _thoughts(calls, places)
    kind = _interaction(result, episode)
    single = kind == "single_turn"
    prompt = "\n\n".join(m.content for m in calls[0].messages) if calls else ""
    answer = episode.instance.reference.answer
    reference = [] if answer is None else [text(answer)]
    return {
        "sample_hash": sha256("".join([prompt, *reference]).encode()).hexdigest(),
        "interaction_type": kind,
        "input": {"raw": prompt, "reference": reference},
        "output": _output(messages, places, thoughts) if single else None,
        "messages": None if single else [_turn(k, m, thoughts) for k, m in enumerate(messages)],
        "answer_attribution": _attribution(episode, [0] if single else places, single),
        "evaluation": _evaluation(episode, messages, len(places)),
    }


def _thoughts(calls: Sequence[RecordedCall], places: Sequence[int]) -> dict[int, str]:
    """Return what a model thought before its replies, by their places in the talk."""
    replies = [call.reply for call in calls if call.reply]
    thoughts = {k: reasoning_of(reply) for k, reply in zip(places, replies, strict=True)}
    return {place: thought for place, thought in thoughts.items() if thought}


def _output(
    messages: Sequence[Message], places: Sequence[int], thoughts: Mapping[int, str]
) -> Fields:
    trace = {"reasoning_trace": [thoughts.get(place, "") for place in places]} if thoughts else {}
    return {"raw": [messages[place].content for place in places], **trace}


def _evaluation(episode: Episode, messages: Iterable[Message], turns: int) -> Fields:
    grade = episode.record.grade
    score = grade.score if grade else 0.0
    return {
        "score": score,
        "is_correct": score >= 1,
        "num_turns": turns or None,
        "tool_calls_count": sum(len(message.calls) for message in messages),
    }


def _interaction(result: ExportedResult, episode: Episode) -> str:
    if any(call.tools for call in episode.calls) or (episode.outcome and episode.outcome.calls):
        return "agentic"
    return "multi_turn" if family(result.family).has_rounds else "single_turn"


def _turn(index: int, message: Message, thoughts: Mapping[int, str]) -> Fields:
    turn: Fields = {"turn_idx": index, "role": message.role, "content": message.content}
    if message.calls:
        turn["tool_calls"] = list(map(_tool_call, message.calls))
    if index in thoughts:
        turn["reasoning_trace"] = thoughts[index]
    return turn | ({"tool_call_id": [message.call_id]} if message.call_id else {})


def _tool_call(call: ToolCall) -> Fields:
    return {"id": call.id, "name": call.name, "arguments": {"json": call.arguments}}


def _attribution(episode: Episode, places: list[int], single: bool) -> list[Fields]:
    """Return what was read out of which reply; nothing unless each reply is one answer."""
    answers = episode.outcome.answers if episode.outcome else ()
    if len(answers) != len(places):
        return []
    return [
        {
            "turn_idx": place,
            "source": "output.raw" if single else f"messages[{place}].content",
            "extracted_value": text(parsed.value),
            "extraction_method": parsed.how,
            "is_terminal": k == len(answers) - 1,
        }
        for k, (place, parsed) in enumerate(zip(places, answers, strict=True))
        if parsed.value is not None
    ]


def _usage(episode: Episode) -> Fields | None:
    read, written = episode.record.input_tokens, episode.record.output_tokens
    if read is None or written is None:
        return None
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def _metadata(episode: Episode) -> dict[str, str]:
    record, grade = episode.record, episode.record.grade
    values = {"level": record.level, "epoch": record.epoch, "settings": record.settings}
    values |= _grade_values(grade) if grade else {"verdict": "error"}
    return {k: v if isinstance(v, str) else _text(v) for k, v in values.items() if v is not None}


def _grade_values(grade: Grade) -> Fields:
    return {
        "verdict": grade.verdict,
        "objective": grade.objective,
        "bound": grade.bound,
        "gap": grade.gap,
        "against": grade.against,
        "violations": grade.violations,
        **grade.metrics,
    }
