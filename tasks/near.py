"""Names that are almost right: what somebody meant who wrote another one."""

from collections.abc import Iterable

ALIKE = 0.6  # of the letters, as difflib counts them


def near_miss(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a word is most like; None if it is like none.

    Args:
        word: as it was written; case and `_` for `-` do not count.
        choices: the names there are.
    """
    from difflib import get_close_matches

    plain = {_plain(choice): choice for choice in choices}
    close = get_close_matches(_plain(word), plain, n=1, cutoff=ALIKE)
    return plain[close[0]] if close else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the end of a message; nothing if no choice is near."""
    close = near_miss(word, choices)
    return f"; did you mean {close!r}?" if close else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "-").lstrip("-")
