"""The options of other harnesses by the names that they have here."""

from collections.abc import Mapping, Sequence

from tasks.near import did_you_mean

NAMES: Mapping[str, Sequence[str]] = {
    "--limit": ("-n", "--num-samples", "--max-examples", "--count"),
    "--model": ("-m", "--models"),
    "--temperature": ("--temp", "-t"),
    "--epochs": ("-k", "--repeats", "--num-repeats"),
    "--out": ("-o", "--log-dir", "--output", "--output-path", "--output-dir"),
    "--base-url": ("--model-base-url", "--api-base", "--endpoint"),
    "--max-output-tokens": ("--max-tokens", "--max-completion-tokens", "--max-gen-toks"),
    "--extra-body": ("--gen-kwargs", "--model-args", "-M"),
    "--system-message": ("--system", "--system-prompt", "--system-instruction"),
    "--max-connections": ("--concurrency", "--batch-size", "--num-concurrent", "--parallel", "-j"),
    "--max-attempts": ("--max-retries", "--retries"),
    "--attempt-timeout": ("--timeout",),
    "--budget-cost": ("--cost-limit", "--max-cost"),
    "--budget-tokens": ("--token-limit",),
    "--budget-time": ("--time-limit",),
    "--model-seed": ("--sampling-seed",),
    "--id": ("--sample-id", "--instance"),
    "-T": ("--settings", "--set", "--task-args"),
}
_HERE = {name: here for here, names in NAMES.items() for name in names}
_OTHERWISE: Mapping[str, str] = {
    "--sample-id": "; a run has the first --limit instances; one alone: makespan prompt --id, or"
    " its line in a file",
    "--tasks": "; a suite stands by itself: makespan run SUITE",
    "--config": "; a run file stands by itself: makespan run FILE.toml",
    "--num-fewshot": "; prompts have no examples; other prompts: --templates FOLDER",
}


def other_name(word: str, options: Sequence[str]) -> str:
    """Return the end of a message about an option that a command does not have.

    Args:
        word: as it was written.
        options: of the command.
    """
    plain = word.replace("_", "-")
    if (here := _HERE.get(plain)) in options:
        return f"; did you mean {here!r}?"
    if plain in _OTHERWISE:
        return _OTHERWISE[plain]
    return did_you_mean(word, options) if word.startswith("--") else ""
