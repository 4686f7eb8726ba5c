"""Other people's text files: in whatever encoding they are, and however their lines end."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEEN = 400  # bytes by which UTF-16 without a mark is told from UTF-8
_LINE_END = re.compile("\r\n?")
_END_OF_FILE = "\x1a"  # of DOS; what follows it in the last block is no part of the text


def as_utf8(content: bytes) -> bytes:
    """Return a file's text in UTF-8, without the mark of its encoding.

    UTF-16 and UTF-32 go by their mark, UTF-16 without one by its zero bytes; all else stays as it
    is. DOS's end-of-file byte and zeros at the end are dropped.

    Args:
        content: of the file.
    """
    mark, encoding = next(
        (pair for pair in _MARKS if content.startswith(pair[0])),
        (b"", _unmarked(content[:_SEEN])),
    )
    content = content.removeprefix(mark)
    if encoding != "utf-8":
        content = content.decode(encoding, "replace").encode()
    end = content.rstrip(b"\0")
    return end.rstrip(b"\x1a\0") if end.endswith(b"\x1a") else end


def decoded(content: bytes, errors: str = "replace") -> str:
    """Return a file's text with line feeds for line ends, up to DOS's end-of-file byte.

    Args:
        content: of the file; `as_utf8` tells which encodings are known.
        errors: what is done about bytes that are not UTF-8, as `bytes.decode` has it: each becomes
            U+FFFD, unless told otherwise.
    """
    text = as_utf8(content).decode("utf-8", errors)
    return _LINE_END.sub("\n", text).partition(_END_OF_FILE)[0]


def _unmarked(head: bytes) -> str:
    """Return the encoding of a text that begins so: of ASCII in UTF-16 every other byte is 0."""
    head = head.rstrip(b"\0")
    even, odd = head[::2], head[1::2]
    if odd and all(even) and not any(odd):
        return "utf-16-le"
    if odd and all(odd) and not any(even):
        return "utf-16-be"
    return "utf-8"
