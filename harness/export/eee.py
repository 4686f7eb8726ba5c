"""Records of Every Eval Ever, schema 0.3: an aggregate file and its samples for each result.

The folder is laid out as that project's datastore, `data/makespan/DEVELOPER/MODEL/UUID.json`. The
headline is a result with its interval; other metrics stand in its details, as text. `is_correct`
means a score of 1. An error episode is a sample with `error` set and, as the schema wants a number,
score 0; no aggregate counts it.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b, sha256
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from harness import files
from harness.board.board import Row
from harness.board.load import text
from harness.export.results import ExportedResult, cell_text
from harness.families.registry import family
from harness.replay.transcript import Episode, conversation
from harness.secrets import scrubber
from memory.base import is_memory
from tasks.base import Fields, Message

VERSION = "0.3.0"
INTERVAL = "over instances: Wilson for shares, Hall's studentised interval for means"
LOCAL = ("127.0.0.1", "localhost", "::1")


def write_eee(result: ExportedResult, root: Path) -> None:
    """Write the two files of a result below a folder."""
    clean = scrubber()
    mark = UUID(bytes=blake2b(result.name.encode(), digest_size=16).digest(), version=4)
    place = f"data/makespan/{_path_of(result)}/{mark}"
    lines = [msgspec.json.encode(clean(sample)) for sample in _samples(result)]
    told = clean(_aggregate(result)) | {
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": f"{place}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": sha256(b"".join(line + b"\n" for line in lines)).hexdigest(),
            "total_rows": len(lines),
        }
    }
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    files.write_lines(root / f"{place}_samples.jsonl", lines)
    files.write(root / f"{place}.json", msgspec.json.format(msgspec.json.encode(told)) + b"\n")


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
    """When the run was begun, in seconds: an export made again is the same."""
    created = result.run.manifest.environment.created
    return str(int(datetime.fromisoformat(created).timestamp()))


def model_id(result: ExportedResult) -> str:
    """`developer/name`, as Hugging Face spells it where the model's name has an owner in it."""
    provider, _, name = result.model.partition("/")
    if "/" not in name:
        name = f"{'local' if result.setup.get('base_url') else provider}/{name}"
    return re.sub(r'[<>:"\\|?*\s]', "-", name).strip(".")


def _path_of(result: ExportedResult) -> str:
    developer, _, name = model_id(result).partition("/")
    return f"{developer}/{name.replace('/', '_')}"


def _model_info(result: ExportedResult) -> Fields:
    address = result.setup.get("base_url")
    provider = result.model.partition("/")[0]
    if provider == "policy" or (address and urlsplit(address).hostname in LOCAL):
        where = "self_deployed"
    else:
        where = "unknown" if address or provider == "litellm" else "externally_managed"
    return {
        "name": result.model,
        "id": model_id(result),
        "developer": model_id(result).partition("/")[0],
        "inference_platform": address or provider,
        "additional_details": {
            "deployment_type": where,
            "model_availability": "unknown",
            "kind": result.rows[0].kind,
        },
    }


def _result_id(result: ExportedResult, row: Row) -> str:
    return "/".join(filter(None, [result.run.name, result.family, cell_text(row), "score"]))


def _headline(result: ExportedResult, row: Row) -> Fields:
    configuration = result.run.manifest.configuration
    interval = {
        "lower": row.score.low,
        "upper": row.score.high,
        "confidence_level": 0.95,
        "method": " ".join(filter(None, [INTERVAL, row.score.note])),
    }
    known = row.score.low is not None and row.score.high is not None
    counts = ("n", "errors", "unparsable", "infeasible", "tokens", "cost", "seconds")
    details = {name: _text(getattr(row, name)) for name in counts}
    details |= {name: _text(one) for name, one in row.metrics.items()}
    return {
        "evaluation_result_id": _result_id(result, row),
        "evaluation_name": " ".join(filter(None, [f"makespan {result.family}", cell_text(row)])),
        "source_data": {
            "dataset_name": f"makespan/{configuration.suite.name}",
            "source_type": "other",
            "additional_details": {"lock": result.run.lock, **configuration.versions},
        },
        "metric_config": {
            "metric_id": f"makespan.{result.family}.score",
            "metric_name": "score",
            "evaluation_description": family(result.family).description,
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": "-Infinity",
            "max_score": 1,
        },
        "score_details": {
            "score": row.score.value,
            "details": details,
            "uncertainty": {"num_samples": row.n - row.errors}
            | ({"confidence_interval": interval} if known else {}),
        },
        "generation_config": _generation(result, row),
    }


def _generation(result: ExportedResult, row: Row) -> Fields:
    sampling = result.run.manifest.configuration.sampling
    arguments = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    usual = {name: value for name, value in arguments.items() if value is not None}
    told = {"setup": text(result.setup), "agent": row.agent, "memory": row.memory}
    return {"generation_args": usual if result.setup else {}, "additional_details": told}


def _text(value: object) -> str:
    return "unknown" if value is None else msgspec.json.encode(value).decode()


# The samples --------------------------------------------------------------------------------


def _samples(result: ExportedResult) -> Iterator[Fields]:
    for episode in result.episodes:
        yield sample(result, episode)


def sample(result: ExportedResult, episode: Episode) -> Fields:
    """An episode as an instance record: single-turn, multi-turn, or agentic if it had tools."""
    record, grade = episode.record, episode.record.grade
    calls = [call for call in episode.calls if not is_memory(call.path)]
    talk, places = conversation(calls)
    kind = _interaction(result, episode)
    single = kind == "single_turn"
    asked = "\n\n".join(m.content for m in calls[0].messages) if calls else ""
    truth = episode.instance.reference.answer
    known = [] if truth is None else [text(truth)]
    score = grade.score if grade else 0.0
    return {
        "schema_version": VERSION,
        "evaluation_id": _evaluation_id(result),
        "model_id": model_id(result),
        "evaluation_name": f"makespan {result.family}",
        "evaluation_result_id": _result_id(result, result.row_of(episode)),
        "sample_id": record.instance,
        "sample_hash": sha256("".join([asked, *known]).encode()).hexdigest(),
        "interaction_type": kind,
        "input": {"raw": asked, "reference": known},
        "output": {"raw": [talk[place].content for place in places]} if single else None,
        "messages": None if single else [_turn(k, m) for k, m in enumerate(talk)],
        "answer_attribution": _attribution(episode, [0] if single else places, single),
        "evaluation": {
            "score": score,
            "is_correct": score >= 1,
            "num_turns": len(places) or None,
            "tool_calls_count": sum(len(message.calls) for message in talk),
        },
        "token_usage": _usage(episode),
        "performance": {"latency_ms": 1000 * record.seconds},
        "error": f"{record.problem.boundary}: {record.problem.message}" if record.problem else None,
        "metadata": _metadata(episode),
    }


def _interaction(result: ExportedResult, episode: Episode) -> str:
    if any(call.tools for call in episode.calls) or (episode.outcome and episode.outcome.calls):
        return "agentic"
    return "multi_turn" if family(result.family).has_rounds else "single_turn"


def _turn(index: int, message: Message) -> Fields:
    turn: Fields = {"turn_idx": index, "role": message.role, "content": message.content}
    if message.calls:
        turn["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": {"json": call.arguments}}
            for call in message.calls
        ]
    return turn | ({"tool_call_id": [message.call_id]} if message.call_id else {})


def _attribution(episode: Episode, places: list[int], single: bool) -> list[Fields]:
    """What was read out of which reply; told only where each reply is one answer."""
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
    told = {"level": record.level, "epoch": record.epoch, "settings": record.settings}
    told |= {"verdict": grade.verdict if grade else "error"}
    if grade:
        told |= {
            "objective": grade.objective,
            "bound": grade.bound,
            "gap": grade.gap,
            "against": grade.against,
            "violations": grade.violations,
        }
        told |= grade.metrics
    return {k: v if isinstance(v, str) else _text(v) for k, v in told.items() if v is not None}
