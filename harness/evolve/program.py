"""Reads a program out of a reply: tolerant of the wrapping, strict in what it must define.

A reply holds the program whole, in a code fence or bare, or changes one by search/replace blocks.
The prose around it is the thought. Nothing is mended: a program without the function, or one that
is no Python, is a failure of that name.
"""

import ast
import re
from collections.abc import Iterator

from tasks.base import Noun, Reply
from tasks.thoughts import without_thoughts

LONGEST = 20_000  # characters of a program
THOUGHT = 400  # characters of a thought that are kept
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_BLOCK = re.compile(r"<{5,}[^\n]*\n(.*?)^={5,}[^\n]*\n(.*?)^>{5,}[^\n]*$", re.DOTALL | re.MULTILINE)
_START = re.compile(r"^(?:import |from \w[\w.]* import |def |@|[A-Za-z_]\w* *(?::[^=\n]+)?=[^=])")
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


class Unreadable(Exception):
    """An error about a text without a program; `kind` is a word or two, `detail` one line."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


class ProgramDraft(Noun, frozen=True):
    """A program as it was proposed, with the thought beside it."""

    source: str
    thought: str


def read_reply(reply: Reply, function: str, parent: str | None = None) -> ProgramDraft:
    """Return the program in a reply.

    Args:
        reply: of a model.
        function: that the program must define.
        parent: a program that the reply may change by blocks.

    Raises:
        Unreadable: `empty reply`, `cut off`, `no code`, `no function`, `syntax error`, `block not
            found`, `too long`.
    """
    text, is_thinking = without_thoughts(reply.text)
    if not text.strip():
        raise Unreadable(
            "cut off" if is_thinking else "empty reply", "there is no text in the reply"
        )
    if parent is not None and _BLOCK.search(text):
        draft = ProgramDraft(apply_blocks(parent, text), _thought(_BLOCK.sub("", text)))
        check(draft.source, function)
        return draft
    source = _best(text, function)
    try:
        check(source, function)
    except Unreadable:
        if reply.finish == "length":
            raise Unreadable("cut off", "the reply ended at its token limit") from None
        raise
    return ProgramDraft(source, _thought(text.replace(source.strip(), "")))


def check(source: str, function: str) -> ast.Module:
    """Parse a program, and require that it defines the function; `Unreadable` if not."""
    if len(source) > LONGEST:
        raise Unreadable("too long", f"{len(source)} characters, the most is {LONGEST}")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise Unreadable("syntax error", f"{error.msg}, line {error.lineno}") from None
    except _NOT_PYTHON as error:
        raise Unreadable("syntax error", str(error) or type(error).__name__) from None
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    if function not in names:
        beside = f", only {', '.join(names)}"[:80] if names else ""
        raise Unreadable("no function", f"it defines no {function} at the top{beside}")
    return tree


def arguments_of(source: str, function: str) -> tuple[str, ...]:
    """Return the names of the function's positional arguments, in the last definition of it.

    Raises:
        Unreadable: if there is no such function.
    """
    tree = check(source, function)
    definitions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    return tuple(a.arg for a in (*definitions[-1].args.posonlyargs, *definitions[-1].args.args))


def length(source: str) -> int:
    """Return the characters of a program without comments, docstrings and its own spelling."""
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                _drop_docstring(node)
        return len(ast.unparse(tree))
    except _NOT_PYTHON:
        return len(source)


def _drop_docstring(node: ast.FunctionDef | ast.ClassDef | ast.Module) -> None:
    if len(node.body) > 1 and ast.get_docstring(node, clean=False) is not None:
        del node.body[0]


def apply_blocks(source: str, text: str) -> str:
    """Replace every block's SEARCH in a program by its REPLACE, in order.

    White space at line ends does not count.

    Args:
        source: the program.
        text: holds the blocks.

    Raises:
        Unreadable: if a SEARCH is not in the program, or twice.
    """
    lines = source.split("\n")
    for block in _BLOCK.finditer(text):
        old, new = (_lines(part) for part in block.groups())
        places = list(_places(lines, old))
        if len(places) != 1:
            first = next((line.strip() for line in old if line.strip()), "")
            problem = "is not in the program" if not places else "is there more than once"
            raise Unreadable("block not found", f"a SEARCH {problem}: {first[:60]!r}")
        lines[places[0] : places[0] + len(old)] = new
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def _places(lines: list[str], block: list[str]) -> Iterator[int]:
    if any(block):
        for k in range(len(lines) - len(block) + 1):
            if [line.rstrip() for line in lines[k : k + len(block)]] == block:
                yield k


def _best(text: str, function: str) -> str:
    """Return the last fence that defines the function, else bare lines that do, else the last.

    So a failure is about the code that was meant.
    """
    fences: list[str] = [f.strip("\n") + "\n" for f in _FENCE.findall(text) if f.strip()]
    definition = re.compile(rf"^def {re.escape(function)}\b", re.MULTILINE)
    for fence in reversed(fences):
        if definition.search(fence):
            return fence
    if not fences and definition.search(text):
        return _bare(text, function)
    if not fences:
        raise Unreadable("no code", "there is no code fence and no definition in the reply")
    return fences[-1]


def _bare(text: str, function: str) -> str:
    """Return the longest run of lines around a definition without a fence that is Python."""
    lines = text.split("\n")
    start = next(k for k, line in enumerate(lines) if line.startswith(f"def {function}"))
    begin = start
    while begin and (_START.match(lines[begin - 1]) or not lines[begin - 1].strip()):
        begin -= 1
    for end in range(len(lines), start, -1):
        code = "\n".join(lines[begin:end]).strip("\n") + "\n"
        try:
            check(code, function)
        except Unreadable:
            continue
        return code
    return "\n".join(lines[begin:]).strip("\n") + "\n"


def _thought(text: str) -> str:
    """Return the prose of a reply in one line of at most 400 characters."""
    return " ".join(_FENCE.sub(" ", text).replace("```", " ").split())[:THOUGHT]
