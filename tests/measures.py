"""Measures of the code itself: `python -m tests.measures [FOLDER...]`, `--worst` names the places.

What is measured, and what the house holds itself to, is in `test_house.py`.
"""

import ast
import io
import statistics
import sys
import tokenize
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("tasks", "graders", "generators", "memory", "harness")

# Pronouns and participles: they say that something is there, and not what it is.
_WEAK_WORDS = """
found made known one told said mine own how about what given heard kept wanted who asked drawn
shown here there ours theirs
"""
WEAK = frozenset(_WEAK_WORDS.split())
# A docstring that begins with one of these says what it is about, and not what is done.
QUESTIONS = frozenset(("What", "Whether", "Who", "Where", "How", "That", "It"))
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Binding:
    """A name that is given a value: a variable, a parameter, the target of a loop."""

    name: str
    line: int


@dataclass(frozen=True)
class Measured:
    """A function with the tokens it takes, without its docstring."""

    name: str
    line: int
    tokens: int
    documented: bool
    parameters: bool
    first_word: str = ""


class Source:
    """One file, as the measures see it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text("utf-8")
        self.tree = ast.parse(self.text)

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """Return the tokens of the file but for its layout."""
        return [
            token
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline)
            if token.type not in _LAYOUT
        ]

    @property
    def code_lines(self) -> int:
        """Return the number of lines on which a token begins."""
        return len({token.start[0] for token in self.tokens})

    @property
    def classes(self) -> list[str]:
        return [node.name for node in self.tree.body if isinstance(node, ast.ClassDef)]

    def bindings(self) -> Iterator[Binding]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield Binding(node.id, node.lineno)
            elif isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
                yield Binding(node.arg, node.lineno)

    def functions(self) -> Iterator[Measured]:
        starts = [token.start[0] for token in self.tokens]
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                assert node.end_lineno is not None
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                text = ast.get_docstring(node)
                yield Measured(
                    name=node.name,
                    line=node.lineno,
                    tokens=bisect_right(starts, node.end_lineno)
                    - bisect_left(starts, first)
                    - (text is not None),
                    documented=text is not None,
                    parameters=text is not None and "Args:" in text,
                    first_word=text.split()[0] if text else "",
                )


def sources(packages: Sequence[str] = PACKAGES) -> list[Source]:
    """Return every file of some folders of the project, in the order of their paths."""
    return [Source(path) for name in packages for path in sorted((ROOT / name).rglob("*.py"))]


def weak_share(files: Sequence[Source]) -> float:
    """Return the share of bindings that are pronouns or participles."""
    names = [binding.name for file in files for binding in file.bindings()]
    return sum(name in WEAK for name in names) / len(names)


def repeated_classes(files: Sequence[Source]) -> dict[str, list[str]]:
    """Return the class names that are defined in several files, with those files."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for name in file.classes:
            places[name].append(file.path.relative_to(ROOT).as_posix())
    return {name: paths for name, paths in sorted(places.items()) if len(paths) > 1}


def _tokens_a_function(functions: Sequence[Measured]) -> str:
    counts = sorted(function.tokens for function in functions)
    ninth = counts[int(len(counts) * 0.9)]
    return f"median {statistics.median(counts):g}, 90 % below {ninth}, most {counts[-1]}"


def report(files: Sequence[Source]) -> str:
    """Return the measures of some files, a line each."""
    functions = [function for file in files for function in file.functions()]
    public = [function for function in functions if not function.name.startswith("_")]
    lines = sum(file.code_lines for file in files)
    documented = sum(function.documented for function in functions)
    return "\n".join(
        (
            f"files {len(files)}, code lines {lines}, functions {len(functions)}",
            f"tokens a code line {sum(len(file.tokens) for file in files) / lines:.1f}",
            f"tokens a function {_tokens_a_function(functions)}; "
            f"over 300: {sum(function.tokens > 300 for function in functions)}",
            f"fmt: skip {sum(file.text.count('# fmt: ' + 'skip') for file in files)}",
            f"bindings that name nothing {weak_share(files):.2%}",
            f"class names defined more than once {len(repeated_classes(files))}",
            f"docstrings {documented}; with parameters "
            f"{sum(function.parameters for function in functions)}; of public functions "
            f"{sum(function.documented for function in public) / len(public):.0%}; beginning with"
            f" a question {sum(function.first_word in QUESTIONS for function in functions)}",
        )
    )


def worst(files: Sequence[Source]) -> Iterator[str]:
    """Yield the places that the measures complain of: weak names, and functions over 300."""
    for file in files:
        path = file.path.relative_to(ROOT).as_posix()
        weak = Counter(b.name for b in file.bindings() if b.name in WEAK)
        if weak:
            yield f"{path}: " + ", ".join(f"{name} {n}" for name, n in weak.most_common())
        for function in file.functions():
            if function.tokens > 300:
                yield f"{path}:{function.line}: {function.name} has {function.tokens} tokens"


def main(words: Sequence[str]) -> None:
    """Print the measures of the folders named (all, without one)."""
    files = sources([word for word in words if word != "--worst"] or PACKAGES)
    print(report(files))
    if "--worst" in words:
        print(*worst(files), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
