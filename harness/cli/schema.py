"""The command `schema`."""

from argparse import Namespace

from harness.cli.output import print_json
from harness.schemas.files import KINDS, json_schema
from tasks.base import InputError


def schema(options: Namespace) -> int:
    """`makespan schema`: a JSON schema; without a kind, the kinds there are."""
    if options.kind is not None:
        print_json(json_schema(options.kind, options.family))
        return 0
    if options.family is not None:
        raise InputError(f"which kind of file of {options.family}: {', '.join(KINDS)}?")
    width = max(map(len, KINDS))
    for name, kind in KINDS.items():
        print(f"{name:{width}}  {kind.description}{'; by family' if kind.by_family else ''}")
    return 0
