"""An answer as models spoil it: each dress makes a text of the text of a gold answer."""

import json
from collections.abc import Callable
from typing import Any

Dress = Callable[[str], str]


def with_first(value: Any) -> Dress:
    """A dress in which the first part of the answer is another value."""

    def dress(gold: str) -> str:
        body = json.loads(gold)
        key = next(iter(body))
        inner = body[key]
        if isinstance(inner, dict):
            inner = {**inner, next(iter(inner)): value}
        else:
            inner = [value, *inner[1:]] if isinstance(inner, list) else value
        return json.dumps({**body, key: inner})

    return dress


def with_all(value: Any) -> Dress:
    """A dress in which the whole answer is another value."""

    def dress(gold: str) -> str:
        body = json.loads(gold)
        return json.dumps({**body, next(iter(body)): value})

    return dress


def around(before: str, after: str = "") -> Dress:
    """A dress of words before and after."""
    return lambda gold: f"{before}{gold}{after}"


def always(text: str) -> Dress:
    """A dress that leaves nothing of the answer."""
    return lambda _: text


def _renamed(gold: str) -> str:
    body = json.loads(gold)
    first = next(iter(body))
    return json.dumps({("answers" if key == first else key): body[key] for key in body})


def _key_twice(gold: str) -> str:
    return f'{{"{next(iter(json.loads(gold)))}": 1, {gold[1:]}'


def _empty_after(gold: str) -> str:
    body = json.loads(gold)
    return f"{gold}\n{json.dumps({key: type(value)() for key, value in body.items()})}"


DRESSES: dict[str, tuple[Dress, str]] = {  # name: (dress, why the reply ended)
    "gold": (around(""), "stop"),
    "indented": (lambda gold: json.dumps(json.loads(gold), indent=2), "stop"),
    "fenced": (around("```json\n", "\n```"), "stop"),
    "fenced without a name": (around("Here:\n```\n", "\n```\nDone."), "stop"),
    "prose before": (around("The plan is as follows.\n\n"), "stop"),
    "prose after": (around("", "\n\nHope it helps {really}."), "stop"),
    "a thought before": (around("<think>first {no} then</think>\n"), "stop"),
    "in an open thought": (around("<think>hmm "), "stop"),
    "a thought only closed": (around("hmm </think>"), "stop"),
    "in a thought": (around("<think>", "</think> I am done."), "stop"),
    "in tags": (around("<answer>", "</answer>"), "stop"),
    "boxed": (around("\\boxed{", "}"), "stop"),
    "then an empty one": (_empty_after, "stop"),
    "twice": (lambda gold: f"{gold}\n{gold}", "stop"),
    "wrapped": (around('{"result": ', "}"), "stop"),
    "nothing": (always(""), "stop"),
    "blanks": (always(" \n\t "), "stop"),
    "no idea": (always("I cannot solve this."), "stop"),
    "NaN": (with_first(float("nan")), "stop"),
    "infinity": (with_first(float("inf")), "stop"),
    "a key twice": (_key_twice, "stop"),
    "null": (with_all(None), "stop"),
    "a bool": (with_first(True), "stop"),
    "a float": (with_first(1.0), "stop"),
    "negative": (with_first(-1), "stop"),
    "a string": (with_first("0"), "stop"),
    "thirty digits": (with_first(int("9" * 30)), "stop"),
    "a list": (with_first([0]), "stop"),
    "an object": (with_first({}), "stop"),
    "null inside": (with_first(None), "stop"),
    "one key more": (lambda gold: json.dumps({**json.loads(gold), "note": "x"}), "stop"),
    "another key": (_renamed, "stop"),
    "single quotes": (lambda gold: gold.replace('"', "'"), "stop"),
    "a comma at the end": (lambda gold: f"{gold[:-1]},}}", "stop"),
    "cut off": (lambda gold: gold[: len(gold) * 2 // 3], "length"),
    "cut off, not told": (lambda gold: gold[: len(gold) * 2 // 3], "stop"),
    "gold, then cut off": (around("", "\nNow let me check {"), "length"),
    "gold at the limit": (around(""), "length"),
    "long before": (around("word " * 45_000), "stop"),
    "long after": (around("", " word" * 45_000), "stop"),
    "deep": (around('{"a":' * 3_000), "stop"),
    "lines of another system": (around("\r\n", "\r\n"), "stop"),
    "odd letters": (around("\u200b\u00a0", "\ufeff \U0001f600 \u0661"), "stop"),
    "control letters": (around("\x00\x07"), "stop"),
    "a blank in an id": (lambda gold: gold.replace('"', '" ', 3), "stop"),
    "upper case": (lambda gold: gold.upper(), "stop"),
    "a number": (always("42"), "stop"),
    "tokens": (around("", "<|im_end|><|endoftext|>"), "stop"),
}
EVERYDAY = (  # those of the corpus in the repository
    "gold",
    "fenced",
    "prose after",
    "a thought before",
    "in an open thought",
    "in a thought",
    "boxed",
    "then an empty one",
    "nothing",
    "NaN",
    "a key twice",
    "a bool",
    "negative",
    "thirty digits",
    "another key",
    "single quotes",
    "cut off",
    "gold, then cut off",
    "odd letters",
    "control letters",
)
BROKEN = (  # arguments of a call
    "{",
    "",
    "null",
    "[]",
    '"x"',
    "{'a': 'b'}",
    '{"a": 1}',
    '{"a": "b"} trailing',
    '{"a": "b", "a": "c"}',
    '{"a": NaN}',
)
FEW = ("gold", "fenced", "in an open thought", "a bool", "nothing", "gold, then cut off")
