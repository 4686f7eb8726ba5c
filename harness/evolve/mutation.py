"""Random changes of programs: of their constants, or of any arithmetic in them."""

import ast
import copy
from math import exp
from random import Random
from typing import NamedTuple

from harness.evolve.operators import SearchStep

STOP, TRIES = (0.6, 0.8), 10  # after each change it may be enough, by version; some find no place
LEAN = 0.2  # standard deviation of the weight with which another expression is added
SPREAD = 0.5  # standard deviation of a constant's change, of its logarithm


def random_constants(step: SearchStep, rng: Random) -> str:
    """Return a seed program with other constants: pure random search, the parents play no part.

    Every number with a decimal point changes; whole numbers are structure. Only seed programs that
    have such numbers are drawn.
    """
    with_constants = [s for s in step.programs.values() if _constants(ast.parse(s))]
    tree = ast.parse(rng.choice(with_constants or list(step.programs.values())))
    for node in _constants(tree):
        node.value = _perturb(node.value, rng)
    return ast.unparse(tree)


def _constants(tree: ast.AST) -> list[ast.Constant]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and type(n.value) is float]


def _perturb(value: object, rng: Random) -> float:
    """Return a constant times a log-normal factor, sometimes negated; of 0 a normal step."""
    assert isinstance(value, float)
    if value == 0:
        return round(rng.gauss(0, 2 * SPREAD), 4)
    sign = -1 if rng.random() < 0.05 else 1
    return round(sign * value * exp(rng.gauss(0, SPREAD)), 4)


def mutate(step: SearchStep, rng: Random) -> str:
    """Return the first parent with one or a few random changes of its arithmetic.

    Expressions come from the parent itself, and from the seed programs where they fit. Since
    version 2 most changes are small: one that swaps an operator or an expression mostly gives a
    program that is worse than every seed program.
    """
    changes, stop = (CHANGES, STOP[0]) if step.version == 1 else (MILD, STOP[1])
    tree = ast.parse(step.parents[0].source)
    stock = [e for s in step.programs.values() for e in _donors(ast.parse(s), step.function)]
    original = variant = ast.unparse(tree)
    for number in range(TRIES):
        if number and variant != original and rng.random() < stop:
            break
        rng.choice(changes)(_Place(tree, step.function, stock), rng)
        variant = ast.unparse(ast.fix_missing_locations(tree))
    return variant


class _Place(NamedTuple):
    """A program to change, the name of its function, and expressions of its arguments alone."""

    tree: ast.Module
    function: str
    stock: list[ast.expr]


def _donors(tree: ast.Module, function: str) -> list[ast.expr]:
    """Return the arithmetic of a program's function that depends on its arguments alone."""
    donors = []
    for spot in _spots(tree):
        if isinstance(spot.scope, ast.FunctionDef) and spot.scope.name == function:
            names = {n.id for n in ast.walk(spot.value) if isinstance(n, ast.Name)}
            if names <= {arg.arg for arg in spot.scope.args.args}:
                donors.append(spot.value)
    return donors


# Changes ------------------------------------------------------------------------------------

OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _shift(place: _Place, rng: Random) -> None:
    """Move one constant."""
    if constants := _constants(place.tree):
        node = rng.choice(constants)
        node.value = _perturb(node.value, rng)


def _scale(place: _Place, rng: Random) -> None:
    """Multiply an expression by a constant near 1."""
    if spots := _spots(place.tree):
        spot = rng.choice(spots)
        factor = ast.Constant(round(exp(rng.gauss(0, SPREAD)), 4))
        spot.put(ast.BinOp(spot.value, ast.Mult(), factor))


def _operator(place: _Place, rng: Random) -> None:
    """Swap the operator of an operation or a comparison."""
    nodes = [n for n in ast.walk(place.tree) if isinstance(n, ast.BinOp | ast.Compare)]
    if nodes:
        node = rng.choice(nodes)
        if isinstance(node, ast.BinOp):
            node.op = rng.choice(OPERATIONS)()
        else:
            node.ops = [rng.choice(COMPARISONS)(), *node.ops[1:]]


def _extreme(place: _Place, rng: Random) -> None:
    """Turn a min into a max, or a max into a min."""
    names = [n for n in ast.walk(place.tree) if isinstance(n, ast.Name) and n.id in ("min", "max")]
    if names:
        node = rng.choice(names)
        node.id = "max" if node.id == "min" else "min"


def _transplant(place: _Place, rng: Random) -> None:
    """Put a copy of one expression in the place of another."""
    if spots := _spots(place.tree):
        target = rng.choice(spots)
        target.put(_donor_copy(target, spots, place, rng))


def _join(place: _Place, rng: Random) -> None:
    """Combine an expression with a copy of another by an operation."""
    if spots := _spots(place.tree):
        target = rng.choice(spots)
        donor = _donor_copy(target, spots, place, rng)
        target.put(ast.BinOp(target.value, rng.choice(OPERATIONS)(), donor))


def _lean(place: _Place, rng: Random) -> None:
    """Add a copy of another expression with a small weight, or take it off."""
    if spots := _spots(place.tree):
        target = rng.choice(spots)
        weight = ast.Constant(round(rng.gauss(0, LEAN), 4))
        donor = ast.BinOp(weight, ast.Mult(), _donor_copy(target, spots, place, rng))
        target.put(ast.BinOp(target.value, ast.Add(), donor))


CHANGES = (_shift, _shift, _scale, _operator, _extreme, _transplant, _join, _join)
MILD = (_operator, _extreme, _transplant, _join, *(_shift, _scale, _lean) * 12)


def _donor_copy(target: "_Spot", spots: list["_Spot"], place: _Place, rng: Random) -> ast.expr:
    """Return a copy of an expression that can replace the target: its names are defined there."""
    choices = [spot.value for spot in spots if spot.scope is target.scope]
    if isinstance(target.scope, ast.FunctionDef) and target.scope.name == place.function:
        choices += place.stock
    return copy.deepcopy(rng.choice(choices))


class _Spot(NamedTuple):
    """The place of a number: the node above it, its field and index there, and the scope."""

    scope: ast.AST
    node: ast.AST
    field: str
    k: int | None

    @property
    def value(self) -> ast.expr:
        """Return the expression at this place."""
        value = getattr(self.node, self.field)
        expression: ast.expr = value if self.k is None else value[self.k]
        return expression

    def put(self, expression: ast.expr) -> None:
        """Replace the expression at this place."""
        if self.k is None:
            setattr(self.node, self.field, expression)
        else:
            getattr(self.node, self.field)[self.k] = expression


FUNCTIONS = ("min", "max", "abs", "exp", "log", "sqrt", "pow", "float")  # of numbers
FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.BinOp: ("left", "right"),
    ast.UnaryOp: ("operand",),
    ast.Compare: ("left", "comparators"),
    ast.IfExp: ("body", "orelse"),
    ast.Return: ("value",),
    ast.Lambda: ("body",),
    ast.Tuple: ("elts",),
}
SCOPES = (ast.FunctionDef, ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)


def _spots(tree: ast.AST, scope: ast.AST | None = None) -> list[_Spot]:
    """Return the places of arithmetic in a program of numbers."""
    scope = tree if scope is None or isinstance(tree, SCOPES) else scope
    spots: list[_Spot] = []
    fields = FIELDS.get(type(tree), ())
    if isinstance(tree, ast.Call) and getattr(tree.func, "id", "") in FUNCTIONS:
        fields = ("args",)
    for field in fields:
        value = getattr(tree, field)
        for k, expression in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if _is_number(expression, tree, scope):
                spots.append(_Spot(scope, tree, field, k=k))
    for child in ast.iter_child_nodes(tree):
        spots += _spots(child, scope)
    return spots


def _is_number(expression: ast.AST, parent: ast.AST, scope: ast.AST) -> bool:
    """Return whether an expression is likely a number; what a function returns must look so."""
    if isinstance(expression, ast.Name) and isinstance(parent, ast.Return):
        names = [a.arg for a in scope.args.args] if isinstance(scope, ast.FunctionDef) else []
        return expression.id in names
    if isinstance(expression, ast.Name) and not isinstance(expression.ctx, ast.Load):
        return False
    if isinstance(expression, ast.Call):
        return getattr(expression.func, "id", "") in (*FUNCTIONS, "sum", "len")
    return isinstance(expression, ast.Name | ast.BinOp | ast.UnaryOp | ast.Subscript | ast.IfExp)
