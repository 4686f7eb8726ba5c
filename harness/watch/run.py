"""The state of a run, read from its folder while another process, here or elsewhere, writes it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import msgspec

from harness.families.registry import family
from harness.run.jobs import in_shard
from harness.run.models import is_asked
from harness.store.folder import Folder
from harness.store.journal import key_of
from harness.suites.instances import family_of, id_of
from harness.watch.frame import ModelProgress, Slow, plus
from tasks.base import Scalar

_ROUND = re.compile(r"round-(\d+)")
_KEY = msgspec.json.Decoder(tuple[str, int, str])


def episode_families(folder: Folder) -> list[str]:
    """Return the families of all instances of a run, those included that are still to be made."""
    manifest, suite = folder.manifest, folder.manifest.configuration.suite
    families = folder.families()[: manifest.limit]
    if not suite.entry:
        return families
    counts = [count for count in (suite.size, manifest.limit) if count is not None]
    return families + [
        spec.family for spec in islice(suite.instances(), len(families), min(counts))
    ]


def episode_count(folder: Folder, model: str, families: list[str]) -> int:
    """Return a model's episodes in this folder; of instances not yet made a shard has its part."""
    manifest = folder.manifest
    lines = folder.lines()[: manifest.limit]
    programs, epochs = folder.programs, range(manifest.configuration.epochs)
    ids = [id_of(line) for line in lines if is_asked(model, family_of(line), programs)]
    present = len(ids) * len(epochs)
    if manifest.shard:
        present = sum(in_shard(key_of(model, e, i), manifest.shard) for e in epochs for i in ids)
    unmade = sum(is_asked(model, name, programs) for name in families[len(lines) :])
    return present + round(unmade * len(epochs) / (manifest.shard[1] if manifest.shard else 1))


def model_of(key: str) -> str:
    """Return the model of an episode, by its key."""
    return _KEY.decode(key)[0]


class EpisodeWork(NamedTuple):
    """What was done of an episode; `path` is the last of its calls, `tries` their attempts."""

    number: int
    key: str
    answers: int
    path: str
    seconds: float
    tries: int

    @property
    def rank(self) -> tuple[float, int]:
        """Return what sorts the longest last; among equals the first to begin comes after."""
        return self.seconds, -self.number

    def slow(self, *, under_way: bool) -> Slow:
        """Return it as a view shows it."""
        return Slow(_label(self.key), self.seconds, self.tries, path=self.path, under_way=under_way)


def count_under_way(
    under_way: Iterable[EpisodeWork],
    models: Mapping[str, ModelProgress],
    costs: Mapping[int, float | None],
    rounds: Mapping[str, int],
) -> None:
    """Count the episodes without a record by the share of them that is done.

    Args:
        under_way: what was done of them.
        models: their counts are changed.
        costs: of their replies.
        rounds: how many there are of an instance, by its id.
    """
    usual = {m.model: m.answers / max(1, m.done + m.errors) for m in models.values()}
    for each in under_way:
        model, _, instance = _KEY.decode(each.key)
        progress = models[model]
        share = _share(each.path, each.answers, rounds.get(instance), usual[model])
        if share:
            progress.answers += each.answers
            progress.paid = plus(progress.paid, costs.get(each.number, 0.0))
        progress.episodes += share


def _label(key: str) -> str:
    model, epoch, instance = _KEY.decode(key)
    return f"{instance}, {model}" + (f", epoch {epoch}" if epoch else "")


def _share(path: str, answers: int, rounds: int | None, usual: float) -> float:
    """Return the part of an episode under way that is done; 0 if it cannot be told."""
    if rounds and (match := _ROUND.match(path)):
        return (int(match[1]) - 1) / rounds
    return min(1.0, answers / usual) if usual else 0.0


class _InstanceHead(msgspec.Struct):
    id: str
    family: str
    settings: dict[str, Scalar]


def rounds_of(folder: Folder) -> Iterator[tuple[str, int]]:
    """Yield the id and the number of rounds of each instance that has rounds."""
    decoder = msgspec.json.Decoder(_InstanceHead)
    for line in folder.lines():
        head = decoder.decode(line)
        rounds = family(head.family).rounds
        if rounds:
            yield head.id, int(head.settings[rounds.setting] or 0)
