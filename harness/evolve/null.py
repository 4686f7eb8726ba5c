"""Searches without a model: what chance finds with the same seed programs and evaluations.

They stand where a model stands, read the step instead of the prompt, and reply with a program.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from math import exp
from random import Random

from harness.evolve.operators import Step
from harness.evolve.plan import NULLS
from harness.models.base import Model
from tasks.base import Ask, InputError, Reply, Usage

SPREAD = 0.5  # standard deviation of a constant's change, of its logarithm
Spot = tuple[ast.AST, str, int | None]  # where an expression hangs: parent, field, place in a list


class Null:
    """A way of making programs by chance, as a model: free, and without tokens."""

    def __init__(self, name: str, make: Callable[[Step, Random], str]) -> None:
        self.name, self._make = name, make

    async def reply(self, ask: Ask) -> Reply:
        """A program in a fence."""
        step: Step = ask.view
        source = self._make(step, Random(f"{self.name}/{step.key}"))
        return Reply(f"```python\n{source}\n```", usage=Usage(0, 0), model=self.name, cost=0.0)

    async def close(self) -> None:
        """Nothing is open."""


def build_null(name: str) -> Model:
    """The null of that name; InputError if there is none."""
    makers = dict(zip(NULLS, (random_constants, mutated), strict=True))
    if name not in makers:
        raise InputError(f"unknown model {name!r}: searches without a model are {', '.join(NULLS)}")
    return Null(name, makers[name])


def random_constants(step: Step, rng: Random) -> str:
    """A seed program with other constants: pure random search, the parents play no part.

    Every number with a decimal point changes; whole numbers are structure. Only seed programs that
    have such numbers are drawn.
    """
    having = [s for s in step.programs.values() if _constants(ast.parse(s))]
    tree = ast.parse(rng.choice(having or list(step.programs.values())))
    for node in _constants(tree):
        node.value = _moved(node.value, rng)
    return ast.unparse(tree)


def _constants(tree: ast.AST) -> list[ast.Constant]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]


def _moved(value: object, rng: Random) -> float:
    """Times a log-normal factor, now and then the other way round; from 0 a normal step."""
    assert isinstance(value, float)
    if value == 0:
        return round(rng.gauss(0, 2 * SPREAD), 4)
    sign = -1 if rng.random() < 0.05 else 1
    return round(sign * value * exp(rng.gauss(0, SPREAD)), 4)


def mutated(step: Step, rng: Random) -> str:
    """The first parent with 1 to 3 random changes of its expressions."""
    source = step.parents[0].source if step.parents else rng.choice(list(step.programs.values()))
    tree = ast.parse(source)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(CHANGES)(tree, rng)
    return ast.unparse(ast.fix_missing_locations(tree))


# Changes ------------------------------------------------------------------------------------

OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _shift(tree: ast.Module, rng: Random) -> None:
    """Move one constant."""
    if found := _constants(tree):
        node = rng.choice(found)
        node.value = _moved(node.value, rng)


def _scale(tree: ast.Module, rng: Random) -> None:
    """Multiply an expression by a constant near 1."""
    if spot := _some(tree, rng):
        factor = ast.Constant(round(exp(rng.gauss(0, SPREAD)), 4))
        _put(spot, ast.BinOp(_at(spot), ast.Mult(), factor))


def _operator(tree: ast.Module, rng: Random) -> None:
    """Swap the operator of an operation or a comparison."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.BinOp | ast.Compare)]
    if nodes:
        node = rng.choice(nodes)
        if isinstance(node, ast.BinOp):
            node.op = rng.choice(OPERATIONS)()
        else:
            node.ops = [rng.choice(COMPARISONS)(), *node.ops[1:]]


def _extreme(tree: ast.Module, rng: Random) -> None:
    """Turn a min into a max, or a max into a min."""
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in ("min", "max")]
    if names:
        node = rng.choice(names)
        node.id = "max" if node.id == "min" else "min"


def _transplant(tree: ast.Module, rng: Random) -> None:
    """Put a copy of one expression in the place of another."""
    source, target = _some(tree, rng), _some(tree, rng)
    if source and target:
        _put(target, copy.deepcopy(_at(source)))


def _join(tree: ast.Module, rng: Random) -> None:
    """Combine an expression with a copy of another by an operation."""
    source, target = _some(tree, rng), _some(tree, rng)
    if source and target:
        other = copy.deepcopy(_at(source))
        _put(target, ast.BinOp(_at(target), rng.choice(OPERATIONS)(), other))


CHANGES = (_shift, _shift, _scale, _operator, _extreme, _transplant, _join)


def _some(tree: ast.Module, rng: Random) -> Spot | None:
    """A place where an arithmetic expression or a variable's value stands."""
    spots = list(_spots(tree))
    return rng.choice(spots) if spots else None


def _spots(tree: ast.Module) -> Iterator[Spot]:
    kinds = (ast.BinOp, ast.Subscript, ast.Call)
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension | ast.For | ast.arguments):
            continue
        for field, value in ast.iter_fields(node):
            if field in ("func", "slice", "targets", "target", "op"):
                continue
            for k, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
                read = isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
                if read or isinstance(one, kinds):
                    yield node, field, k


def _at(spot: Spot) -> ast.expr:
    node, field, k = spot
    value = getattr(node, field)
    found: ast.expr = value if k is None else value[k]
    return found


def _put(spot: Spot, new: ast.expr) -> None:
    node, field, k = spot
    if k is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[k] = new
