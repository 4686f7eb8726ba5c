"""Whoever comes from elsewhere, or mistypes, is told in the one line what it is called here."""

import argparse
import re
from collections.abc import Iterator

import pytest

from harness.cli.arguments import OneLineParser
from harness.cli.names import NAMES
from harness.cli.parser import build_parser
from harness.models.ways import WAYS
from tests.harness.helpers import makespan


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run mini -n 5", "-n 5; did you mean '--limit'?"),
        ("run mini -m openai/x", "did you mean '--model'?"),
        ("run -m openai/x mini", "did you mean '--model'?"),
        ("run mini --temp 0", "did you mean '--temperature'?"),
        ("run mini --temp=0", "did you mean '--temperature'?"),
        ("run mini --max_connections 3", "did you mean '--max-connections'?"),
        ("run mini --system-prompt x", "did you mean '--system-message'?"),
        ("run mini --sample-id x", "makespan prompt --id"),
        ("run mini --modle x", "did you mean '--model'?"),
        ("run mini --max-retries 3", "did you mean '--max-attempts'?"),
        ("run mini --tasks q", "makespan run SUITE"),
        ("compare x --model a --model b -n 4", "did you mean '--limit'?"),
        ("bord x", "did you mean 'board'?"),
        ("evolve rnu x", "did you mean 'run'?"),
        ("run mnii", "did you mean 'mini'?"),
        ("generate rcsp --level 5", "did you mean 'rcpsp'?"),
        ("generate rcpsp --level 5 -T edgs=4", "did you mean 'edges'?"),
        ("run mini --model policy/sgs-ltf", "did you mean 'sgs-lft'?"),
        ("run calendar --memory summery", "did you mean 'summary'?"),
        ("run calendar --memory summary:word=3", "did you mean 'words'?"),
        ("run mini --agent text_tool", "did you mean 'text-tools'?"),
        ("evolve run tardinss --calls 3 --model x/y", "did you mean 'tardiness'?"),
        ("run mini --model gpt-5", "did you mean 'openai/gpt-5'?"),
        ("run mini --model claude-sonnet-5", "did you mean 'anthropic/claude-sonnet-5'?"),
        ("run mini --model opnai/x", "did you mean 'openai'?"),
        (
            "run mini --model ollama/llama3",
            "give openai/llama3 with --base-url http://127.0.0.1:11434/v1 or litellm/ollama/llama3",
        ),
        ("run mini --model together/a/b", "--api-key-env TOGETHER_API_KEY or litellm/together_ai"),
        ("run mini --model azure/x", "give litellm/azure/x"),
    ],
)
def test_what_was_meant_is_told(words: str, message: str) -> None:
    done = makespan(*words.split())
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_is_told_where_nothing_is_near() -> None:
    for words in ("run mini --sort x", "run chess", "run mini --model zzz/x", "dance"):
        done = makespan(*words.split())
        assert done.returncode == 2
        assert "did you mean" not in done.stderr


@pytest.mark.parametrize("provider", WAYS)
def test_every_way_is_one_that_can_be_gone(provider: str) -> None:
    done = makespan("run", "mini", "--model", f"{provider}/some-model")
    way = re.search(r"give (?:(openai/\S+) with --base-url (\S+)|(litellm/\S+))", done.stderr)
    assert way, done.stderr
    if way[1]:
        again = makespan("run", "chess", "--model", way[1], "--base-url", way[2])
        assert "'chess' is no suite" in again.stderr


def test_every_name_from_elsewhere_leads_to_an_option_that_there_is() -> None:
    assert set(NAMES) <= set(options(build_parser()))


def options(parser: OneLineParser) -> Iterator[str]:
    """Yield the options of all commands."""
    parser.complete()
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options(inner)
