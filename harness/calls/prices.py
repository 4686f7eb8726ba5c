"""The cost of replies: stored usage at a dated table of prices. An unknown cost stays unknown."""

import datetime
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from harness.calls.budget import Spent
from harness.costs import MILLION, Price, cost_of
from harness.models.names import read_name
from harness.store.folder import Folder
from harness.store.journal import Journal, read_prices
from harness.store.manifest import Manifest
from tasks.base import InputError, Noun, Record, Reply
from tasks.encoding import as_utf8


class Prices(Noun, frozen=True):
    """A table by model name (`provider/name`) and the day on which it was right.

    `everywhere`: it holds wherever a model is served; the table that comes with the project does
    not hold for a server of the user's own.
    """

    date: datetime.date
    models: dict[str, Price]
    everywhere: bool = True


def load(path: Path | None) -> Prices:
    """The user's table, or that of the project; InputError says what is wrong with it."""
    if path is None:
        text = (files(__package__) / "prices.toml").read_bytes()
        return msgspec.structs.replace(msgspec.toml.decode(text, type=Prices), everywhere=False)
    try:
        return msgspec.toml.decode(as_utf8(path.read_bytes()), type=Prices)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"{path}: {error}") from None


def applying(manifest: Manifest, prices: Prices) -> dict[str, Price]:
    """The prices of a run's models: those given with the run, else those of the table."""
    table = {
        spec.name: prices.models.get(spec.name) or prices.models.get(read_name(spec.name).base)
        for spec in manifest.configuration.asked
        if prices.everywhere or spec.base_url is None
    }
    return {name: price for name, price in table.items() if price} | _given_prices(manifest)


def _by_model(manifest: Manifest, prices: Prices) -> dict[str, Price]:
    """Return the prices of the run's models whose seats all have one price.

    The journal does not tell who sat where: at unlike prices what an episode costs stays unknown.
    """
    table, configuration = applying(manifest, prices), manifest.configuration
    by_model: dict[str, Price] = {}
    for spec in configuration.models:
        seats = [table.get(name) for name in configuration.seats_of(spec.name).values()]
        if (price := table.get(spec.name)) and all(each == price for each in seats):
            by_model[spec.name] = price
    return by_model


def spent_in(manifest: Manifest, journal: Journal) -> Spent:
    """Return what a run took, in all its models: replies, and bodies that were thrown away."""
    spent, prices = Spent(), _by_model(manifest, load(None))
    for key, reply in journal.replies():
        if not reply.from_cache:
            spent.add(reply, prices.get(msgspec.json.decode(key)[0]))
    for key, usage in journal.all_thrown_away():
        spent.add(Reply("", usage=usage), prices.get(msgspec.json.decode(key)[0]))
    return spent


def _given_prices(manifest: Manifest) -> dict[str, Price]:
    """Return the prices that were told with a run; a search has its own in its plan, too."""
    search = manifest.configuration.evolve
    return (search.prices if search else {}) | manifest.prices


def priced(
    folder: Folder, records: Sequence[Record], numbers: Sequence[int], prices: Prices
) -> list[float | None]:
    """Return the cost of each episode of which nobody told it.

    It is None, and stays what it is, if its model has no price, a call of it has no usage, or a
    call failed for good and may have been billed.

    Args:
        folder: of the run.
        records: of its episodes.
        numbers: theirs in the journal, in rising order.
        prices: the table.
    """
    table = _by_model(folder.manifest, prices)
    asked_prices = [table.get(r.model) if _is_unpriced(r) else None for r in records]
    costs = [None if price is None else 0.0 for price in asked_prices]
    place = 0
    for number, reply_price in read_prices(folder.path) if any(asked_prices) else ():
        while place < len(numbers) and numbers[place] < number:
            place += 1
        if place == len(numbers):
            break
        before, price = costs[place], asked_prices[place]
        if numbers[place] == number and price is not None and before is not None:
            cost = cost_of(reply_price, price)
            costs[place] = None if cost is None else before + cost
    return costs


def _is_unpriced(record: Record) -> bool:
    is_lost = record.problem is not None and record.problem.boundary == "provider"
    return record.cost is None and not is_lost


def read_price(text: str) -> tuple[str, Price]:
    """`MODEL=INPUT,OUTPUT[,CACHED]`; InputError if it is not that."""
    model, _, numbers = text.rpartition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if not model or len(values) not in (2, 3) or not all(0 <= v < MILLION for v in values):
        raise InputError(
            f"`price` {text!r}: give MODEL=INPUT,OUTPUT or MODEL=INPUT,OUTPUT,CACHED in US dollars"
            " a million tokens"
        )
    return model, Price(values[0], values[1], values[2] if values[2:] else None)


def prices_of(words: Sequence[str], models: Sequence[str]) -> dict[str, Price]:
    """Return the prices that are given in words, by model.

    Args:
        words: each `MODEL=INPUT,OUTPUT[,CACHED]`.
        models: those of the run.

    Raises:
        InputError: words are none, or of no model of the run.
    """
    prices = dict(map(read_price, words))
    for name in prices:
        if name not in models:
            raise InputError(f"`price` {name}: the run's models are {', '.join(models)}")
    return prices
