"""Text files in any encoding and with any line ends are the same text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.encoding import as_utf8, decoded
from tests.depth import examples

PLAIN = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF, exclude_characters="\r\x1a"))
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@examples(600)
@given(PLAIN, st.sampled_from(list(MARKED)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_marked_text_is_what_it_was(text: str, encoding: str, end: str) -> None:
    content = MARKED[encoding] + text.replace("\n", end).encode(encoding)
    assert decoded(content) == text
    assert as_utf8(content) == text.replace("\n", end).encode()


@examples(300)
@given(st.binary())
def test_no_bytes_are_refused_and_utf_8_keeps_its_own(content: bytes) -> None:
    decoded(content)
    text = content.decode("utf-8", "replace").replace("\0", "").replace("\x1a", "")
    assert as_utf8(text.encode()) == text.encode().removeprefix(codecs.BOM_UTF8)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_goes_by_its_zeros(encoding: str) -> None:
    assert decoded("PRECEDENCE\r\n1 2".encode(encoding)) == "PRECEDENCE\n1 2"


@pytest.mark.parametrize(
    "tail", [b"\x1a", b"\0\0\0", b"\x1a\0\0", b"\x1a\x1a\x1a", b"\x1aleft of the last block"]
)
def test_what_dos_put_after_the_end_is_no_text(tail: bytes) -> None:
    assert decoded(b"0 0 0\n" + tail) == "0 0 0\n"


def test_an_end_of_file_in_the_middle_hides_no_line_of_json() -> None:
    """JSON is checked line by line: nothing may vanish from it unseen."""
    assert as_utf8(b'{"a":1}\n\x1a\n{"b":2}\n') == b'{"a":1}\n\x1a\n{"b":2}\n'


def test_bytes_that_are_not_utf_8_are_marked_or_refused() -> None:
    assert decoded(b"caf\xe9 1") == "caf\ufffd 1"
    with pytest.raises(UnicodeDecodeError):
        decoded(b"caf\xe9 1", "strict")
