"""The peers: the bare SDK, makespan, inspect-ai and lm-eval."""

import json
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.peers.base import (
    AT_ONCE,
    ATTEMPTS,
    PATIENCE,
    Words,
    Work,
    environment,
    read_by,
)
from tests.benchmarks.peers.processes import ANSWER

HERE = Path(__file__).parent
VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


class Floor:
    """The openai SDK with its aiohttp transport, and nothing around it."""

    name = "bare SDK"
    settings: Mapping[str, str] = {
        "all": "a semaphore of 100, `DefaultAioHttpClient`, no retries, nothing kept"
    }

    def version(self) -> str:
        """Of the SDK."""
        return f"openai {read_by(Path(sys.executable), VERSION, 'openai')}"

    def start(self) -> Words:
        """It has no help; importing is its start."""
        return [sys.executable, "-c", "import openai"]

    def lean(self, work: Work) -> Words:
        """The script."""
        return [sys.executable, HERE / "floor.py", work.url, work.samples.prompts, AT_ONCE]


class Makespan:
    """This project, by its command line."""

    name = "makespan"
    settings: Mapping[str, str] = {
        "all": f"`makespan run FILE --max-connections {AT_ONCE}`, all else as it comes",
        "faults": f"`--attempt-timeout {PATIENCE}`; the attempts at a call are {ATTEMPTS} anyway",
        "killed": "`makespan resume DIR`",
    }
    _program = "import sys; from harness.cli import main; sys.exit(main())"

    def _words(self, *words: object) -> Words:
        return [sys.executable, "-c", self._program, *words]

    def version(self) -> str:
        """Of this checkout."""
        return f"makespan {read_by(Path(sys.executable), VERSION, 'makespan')}"

    def start(self) -> Words:
        """Its help."""
        return self._words("--help")

    def lean(self, work: Work) -> Words:
        """As it comes."""
        return self._words(
            "run",
            work.samples.instances,
            "--model",
            "openai/m",
            "--base-url",
            work.url,
            "--max-connections",
            AT_ONCE,
            "--out",
            work.folder / "run",
        )

    safe = lean

    def again(self, work: Work) -> Words:
        """Resume the folder."""
        return self._words("resume", work.folder / "run", "--max-connections", AT_ONCE)

    def plain(self, work: Work) -> Words:
        """With the time limit."""
        return [*self.lean(work), "--attempt-timeout", PATIENCE]

    patient = plain

    def log(self, work: Work) -> Path:
        """The journal; the end of a run folds its write-ahead log into it."""
        return work.folder / "run/journal.sqlite"

    def answers(self, work: Work) -> int:
        """Episodes whose newest record is no error."""
        db = sqlite3.connect(self.log(work))
        query = "select count(distinct episode) from records where verdict <> 'error'"
        [[count]] = db.execute(query)
        db.close()
        return int(count)


class Inspect:
    """inspect-ai by its command line."""

    name = "inspect-ai"
    settings: Mapping[str, str] = {
        "all": "provider `openai-api`, `--display none --log-level warning --no-score-display"
        " --no-log-model-api --ctl-server false --max-connections 100 --max-samples 100`,"
        " scorer `exact`",
        "costs": "`--no-log-realtime`; the SDK's aiohttp transport, given in the task's file",
        "faults": f"`--attempt-timeout {PATIENCE}`; most patient: also `--retry-on-error="
        f"{ATTEMPTS} --no-fail-on-error`",
        "killed": "with its real-time log, then `inspect eval-retry`",
    }
    _quiet = (
        "--display",
        "none",
        "--log-level",
        "warning",
        "--no-score-display",
        "--no-log-model-api",
        "--ctl-server",
        "false",
        "--max-connections",
        AT_ONCE,
    )
    _answers = """
import sys
from inspect_ai.log import list_eval_logs, read_eval_log
def answered(place):
    samples = read_eval_log(place.name).samples or []
    return sum(1 for s in samples if s.error is None and s.output.completion)
newest = max(list_eval_logs(sys.argv[1]), key=lambda place: place.mtime)
print(answered(newest))
"""

    def __init__(self) -> None:
        self._python = environment("MAKESPAN_INSPECT_PYTHON", "inspect")

    def _inspect(self, work: Work, *words: object) -> Words:
        return [
            "env",
            "LOOPBACK_API_KEY=none",
            f"XDG_DATA_HOME={work.folder}",
            self._python.with_name("inspect"),
            *words,
            "--log-dir",
            work.folder / "logs",
        ]

    def _eval(self, work: Work, *words: object) -> Words:
        return self._inspect(
            work,
            "eval",
            f"{HERE / 'inspect_task.py'}@trivial",
            "-T",
            f"prompts={work.samples.prompts}",
            "-T",
            f"answer='{ANSWER}'",
            *self._quiet,
            "--max-samples",
            AT_ONCE,
            *words,
        )

    def version(self) -> str:
        """Of the package."""
        return f"inspect-ai {read_by(self._python, VERSION, 'inspect-ai')}"

    def start(self) -> Words:
        """Its help."""
        return [self._python.with_name("inspect"), "--help"]

    def lean(self, work: Work) -> Words:
        """No real-time log, and the transport that takes least."""
        return self._eval(work, "--no-log-realtime", "-T", f"url={work.url}")

    def safe(self, work: Work) -> Words:
        """With the real-time log, from which it recovers samples."""
        return self._eval(work, "--model", "openai-api/loopback/m", "--model-base-url", work.url)

    def again(self, work: Work) -> Words:
        """Retry the only log there is."""
        [log] = (work.folder / "logs").glob("*.eval")
        return self._inspect(work, "eval-retry", log, *self._quiet)

    def plain(self, work: Work) -> Words:
        """With the time limit."""
        return [*self.safe(work), "--attempt-timeout", PATIENCE]

    def patient(self, work: Work) -> Words:
        """Samples with errors are tried again."""
        return [*self.plain(work), f"--retry-on-error={ATTEMPTS}", "--no-fail-on-error"]

    def log(self, work: Work) -> Path:
        """The only log there is."""
        [log] = (work.folder / "logs").glob("*.eval")
        return log

    def answers(self, work: Work) -> int:
        """Samples of the newest log with text and no error."""
        return int(read_by(self._python, self._answers, work.folder / "logs"))


class LmEval:
    """lm-eval by its command line."""

    name = "lm-eval"
    settings: Mapping[str, str] = {
        "all": "`local-chat-completions`, `num_concurrent=100`, a YAML task over a local JSON"
        " file, metric `exact_match`, `--log_samples`, LOGLEVEL=ERROR",
        "faults": f"`timeout={PATIENCE}`; most patient: also `max_retries={ATTEMPTS}` (3)",
        "killed": "`--use_cache`, then the same command",
    }
    _task = """\
task: trivial
dataset_path: json
dataset_kwargs:
  data_files: {{test: {file}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: {answer}
generation_kwargs: {{until: [], max_gen_toks: 64}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""

    def __init__(self) -> None:
        self._python = environment("MAKESPAN_LMEVAL_PYTHON", "lm-eval")

    def _run(self, work: Work, *words: object, **settings: object) -> Words:
        folder = work.folder / "tasks"
        folder.mkdir(parents=True, exist_ok=True)
        task = self._task.format(file=work.samples.prompts, answer=json.dumps(ANSWER))
        (folder / "trivial.yaml").write_text(task)
        how = {
            "model": "m",
            "base_url": f"{work.url}/chat/completions",
            "num_concurrent": AT_ONCE,
            **settings,
        }
        return [
            "env",
            "OPENAI_API_KEY=none",
            "LOGLEVEL=ERROR",
            "HF_DATASETS_OFFLINE=1",
            f"HF_HOME={work.samples.folder / 'hf'}",
            self._python.with_name("lm_eval"),
            "run",
            "--model",
            "local-chat-completions",
            "--model_args",
            ",".join(f"{k}={v}" for k, v in how.items()),
            "--tasks",
            "trivial",
            "--include_path",
            folder,
            "--apply_chat_template",
            "--output_path",
            work.folder / "out",
            "--log_samples",
            *words,
        ]

    def version(self) -> str:
        """Of the package."""
        return f"lm-eval {read_by(self._python, VERSION, 'lm-eval')}"

    def start(self) -> Words:
        """Its help."""
        return [self._python.with_name("lm_eval"), "--help"]

    def lean(self, work: Work) -> Words:
        """Without a cache."""
        return self._run(work)

    def safe(self, work: Work) -> Words:
        """With a cache of answers."""
        return self._run(work, "--use_cache", work.folder / "cache")

    again = safe

    def plain(self, work: Work) -> Words:
        """With the time limit."""
        return self._run(work, timeout=PATIENCE)

    def patient(self, work: Work) -> Words:
        """With as many attempts as the others."""
        return self._run(work, timeout=PATIENCE, max_retries=ATTEMPTS)

    def log(self, work: Work) -> Path:
        """The only file of samples there is."""
        [log] = (work.folder / "out").rglob("samples_*.jsonl")
        return log

    def answers(self, work: Work) -> int:
        """Lines with text; no file, no answers."""
        if not list((work.folder / "out").rglob("samples_*.jsonl")):
            return 0
        lines = map(json.loads, self.log(work).read_text().splitlines())
        return sum(1 for line in lines if line["resps"][0][0])
