"""Families of one question as data sets of reasoning-gym, each with a curriculum.

Importing this module registers them: then `reasoning_gym.create_dataset("makespan_rcpsp", level=5,
seed=0, size=100)` has one, alone or in a `composite`. Their seed s is the seed 1,000,000 + s here,
so that none of their items is part of an evaluation. A score is the reward: 1 at an optimum, 0 for
an invalid answer.
"""

import json
from dataclasses import dataclass, field, make_dataclass
from typing import Any

from reasoning_gym.coaching import BaseCurriculum, ScalarAttributeDefinition
from reasoning_gym.factory import DATASETS, ProceduralDataset, register_dataset

from harness.suites import instances
from makespan.arenas.carried import problem
from makespan.episodes import reward, start
from makespan.frames import read_line
from makespan.problems import families, family
from tasks.base import Fields, Scalar

SETTINGS: dict[str, dict[str, Scalar]] = {"tools": {"track": "plan"}}  # of one question
RAMP = (2, 3, 5, 8, 12, 20, 30, 50)  # levels of a curriculum, as far as a family has them


@dataclass
class MakespanConfig:
    """What a data set is made of.

    Attributes:
        level: of difficulty, as the family defines it.
        settings: of the family.
        reference: whether a solver may run, which gives gold answers.
        seed: of the data set.
        size: how many items it has; any other index works too.
    """

    level: int = 5
    settings: dict[str, Any] = field(default_factory=dict)
    reference: bool = True
    seed: int | None = None
    size: int = 500

    def validate(self) -> None:
        """Raise AssertionError where a setting is wrong."""
        assert self.level >= 1, "level must be at least 1"


class MakespanDataset(ProceduralDataset):  # type: ignore[misc]
    """Instances of a family at a level; item i is the same in every process."""

    family_name = ""

    def __init__(self, config: MakespanConfig) -> None:
        """Take what the data set is made of; nothing is made yet."""
        super().__init__(config=config, seed=config.seed, size=config.size)

    def __getitem__(self, idx: int) -> Fields:
        """Return an item: question, gold answer, and in its metadata the instance itself."""
        config, name = self.config, self.family_name
        made_of = {**SETTINGS.get(name, {}), **config.settings}
        instance = problem(
            name,
            config.level,
            idx,
            seed=self.seed,
            settings=made_of,
            reference=config.reference,
        )
        gold = instance.reference.answer
        return {
            "question": "\n\n".join(message.content for message in start(instance).ask.messages),
            "answer": json.dumps(gold) if gold is not None else None,
            "metadata": {
                "source_dataset": data_set(name),
                "source_index": idx,
                "instance": instances.encode(instance).decode(),
                "difficulty": {"level": config.level},
            },
        }

    def score_answer(self, answer: str | None, entry: Fields) -> float:
        """Return the reward of an answer, in [0, 1].

        Raises:
            SolverFailure: it refutes the instance's reference: no fault of the model.
        """
        return reward(read_line(entry["metadata"]["instance"]), answer or "").value


def data_set(name: str) -> str:
    """Return what the data set of a family is called."""
    return f"makespan_{name.replace('-', '_')}"


def register(name: str) -> None:
    """Register the data set of a family, and its curriculum; not twice."""
    if data_set(name) in DATASETS:
        return
    title = name.title().replace("-", "")
    config = make_dataclass(f"{title}Config", [], bases=(MakespanConfig,))
    data = type(f"{title}Dataset", (MakespanDataset,), {"family_name": name})
    register_dataset(data_set(name), data, config, _curriculum(name, title, config))


def _curriculum(name: str, title: str, config: type[Any]) -> type[Any]:
    declared = family(name).levels
    least, most = (declared.least, declared.most) if declared else (1, RAMP[-1])

    def begin(self: Any) -> None:
        BaseCurriculum.__init__(self, f"{title}Curriculum", config)
        self._define_attributes(
            ScalarAttributeDefinition(
                name="level",
                field_name="level",
                levels=[level for level in RAMP if least <= level <= most],
                description=declared.unit if declared else "level",
            )
        )

    return type(f"{title}Curriculum", (BaseCurriculum,), {"__init__": begin})


for _name in families():
    if not family(_name).has_rounds and (family(_name).tools is None or _name in SETTINGS):
        register(_name)
