"""Which episodes of a journal are to be run: those that have no grade, few among many."""

from collections.abc import Mapping


class OpenEpisodes:
    """The episodes that had no grade when the journal was looked at.

    Of a million episodes nearly all are graded. So only the others are held, and of the rest no
    more than the journal's own numbers.

    Args:
        numbers: of the journal's episodes, by their keys; more may come.
        versions: of the records that those without a grade get next, by their numbers.
    """

    def __init__(self, numbers: Mapping[str, int], versions: Mapping[int, int]) -> None:
        self._numbers, self._versions = numbers, versions
        self._last = max(numbers.values(), default=0)

    def __contains__(self, key: str) -> bool:
        """Return whether an episode has no grade: it is new, cut off, or ended in an error."""
        number = self._numbers.get(key)
        return number is None or number in self._versions or number > self._last

    def next_version(self, key: str) -> int:
        """Return the version of the next record of an episode that is open."""
        return self._versions.get(self._numbers.get(key, 0), 0)
