"""The command `prompt`: what a model would be asked."""

from argparse import Namespace

from harness.cli.output import print_json
from harness.run.first_ask import NOBODY, ShownPrompt, first_ask
from harness.run.request import RunRequest


def prompt(options: Namespace) -> int:
    """`makespan prompt SUITE|FAMILY|FILE`: the first question of an episode, with its length."""
    request = RunRequest(
        what=options.target,
        models=(NOBODY,),
        agent=options.agent,
        memory=options.memory,
        level=options.level,
        seed=options.seed,
        settings=dict(options.settings),
        data=options.data,
        system=options.system_message,
        templates=options.templates,
    )
    question = first_ask(request, options.id)
    if options.json:
        print_json(question)
    else:
        _print(question)
    return 0


def _print(question: ShownPrompt) -> None:
    for message in question.messages:
        print(f"--- {message.role}\n{message.content}")
    print("---")
    print(f"instance: {question.instance} ({question.family}, level {question.level})")
    print(f"asked by: agent {question.agent}, memory {question.memory}")
    print(
        f"length: {question.characters:,} characters; about {question.tokens:,} tokens, an estimate"
        f" by characters{' with the tools' if question.tools else ''}"
    )
    if question.tools:
        names = ", ".join(tool.name for tool in question.tools)
        print(f"tools: {names} ({question.tool_characters:,} characters of JSON)")
    if question.schema is not None:
        fields = ", ".join(question.schema.get("properties", {}))
        print(f"schema of the answer: {question.form or 'of this step alone'} ({fields})")
