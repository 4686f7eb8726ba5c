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
    shown = first_ask(request, options.id)
    if options.json:
        print_json(shown)
    else:
        _print(shown)
    return 0


def _print(shown: ShownPrompt) -> None:
    for message in shown.messages:
        print(f"--- {message.role}\n{message.content}")
    print("---")
    print(f"instance: {shown.instance} ({shown.family}, level {shown.level})")
    print(f"asked by: agent {shown.agent}, memory {shown.memory}")
    print(
        f"length: {shown.characters:,} characters; about {shown.tokens:,} tokens, an estimate by"
        f" characters{' with the tools' if shown.tools else ''}"
    )
    if shown.tools:
        names = ", ".join(tool.name for tool in shown.tools)
        print(f"tools: {names} ({shown.tool_characters:,} characters of JSON)")
    if shown.schema is not None:
        fields = ", ".join(shown.schema.get("properties", {}))
        print(f"schema of the answer: {shown.form or 'of this step alone'} ({fields})")
