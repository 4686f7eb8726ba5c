"""The same samples for everybody: projects of one task, and what makespan asks about them."""

import json
from dataclasses import dataclass
from pathlib import Path

from harness.families.registry import family
from harness.suites.instances import read
from tasks.base import Ask
from tasks.prompts import installed
from tests.harness import helpers


@dataclass(frozen=True)
class Samples:
    """Files in a folder.

    Attributes:
        instances: what makespan runs.
        prompts: `{"id", "prompt"}` a line for the others, about 1 kB each and no two alike.
    """

    folder: Path
    count: int

    @property
    def instances(self) -> Path:
        """A file of instances."""
        return self.folder / f"{self.count}.instances.jsonl"

    @property
    def prompts(self) -> Path:
        """A file of prompts."""
        return self.folder / f"{self.count}.prompts.jsonl"


def make(folder: Path, count: int) -> Samples:
    """Write both files."""
    made = Samples(folder, count)
    helpers.instances(made.instances, count, level=1)
    templates, asked = installed(), []
    for instance in read(made.instances):
        ask = next(family("rcpsp").world(instance, templates))
        assert isinstance(ask, Ask)
        [message] = ask.messages
        asked.append(message.content)
    assert len(set(asked)) == count
    lines = (json.dumps({"id": k, "prompt": prompt}) + "\n" for k, prompt in enumerate(asked))
    made.prompts.write_text("".join(lines))
    return made
