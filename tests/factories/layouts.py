"""Files by other hands: one project in the layouts, encodings and line ends that are about."""

import codecs
import re
from random import Random

SM = """\
************************************************************************
file with basedata            : toy.bas
initial value random generator: 1
************************************************************************
projects                      :  1
jobs (incl. supersource/sink ):  5
horizon                       :  20
RESOURCES
  - renewable                 :  2   R
  - nonrenewable              :  0   N
  - doubly constrained        :  0   D
************************************************************************
PROJECT INFORMATION:
pronr.  #jobs rel.date duedate tardcost  MPM-Time
    1      3      0       9        0        5
************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           5
   4        1          1           5
   5        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2
------------------------------------------------------------------------
  1      1     0       0    0
  2      1     3       2    0
  3      1     2       1    1
  4      1     4       0    1
  5      1     0       0    0
************************************************************************
RESOURCEAVAILABILITIES:
  R 1  R 2
    2    1
************************************************************************
"""
RCP = "5 2\n2 1\n0 0 0 2 2 3\n3 2 0 1 4\n2 1 1 1 5\n4 0 1 1 5\n0 0 0 0\n"
OPTIMUM = (
    9  # of the project: jobs 2 and 3 share R1, jobs 3 and 4 share R2, and job 4 is after job 2
)

_OPTIONAL = ("projects ", "  - nonrenewable", "  - doubly", "jobnr.", "  R 1  R 2", "----")
_ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16": b"",
    "utf-16-le": b"",
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32": b"",
    "latin-1": b"",
}


def named() -> dict[str, bytes]:
    """Files of the same project by name, each with one peculiarity."""
    crlf = SM.replace("\n", "\r\n")
    return {
        "usual.sm": SM.encode(),
        "no-nonrenewable.sm": re.sub(r"  - (non|doubly).*\n", "", SM).encode(),
        "no-projects.sm": re.sub(r"projects .*\n", "", SM).encode(),
        "blank-in-title.sm": SM.replace("RESOURCEAVAIL", "RESOURCE AVAIL").encode(),
        "no-colon.sm": SM.replace("RELATIONS:", "RELATIONS").encode(),
        "lower-case.sm": SM.lower().encode(),
        "upper-case.SM": SM.upper().encode(),
        "indented.sm": re.sub("(?m)^", "  ", SM).encode(),
        "tabs.sm": re.sub(" +", "\t", SM).encode(),
        "no-heads.sm": re.sub(r"(jobnr|pronr|  R 1  R 2).*\n", "", SM).encode(),
        "equals-rule.sm": SM.replace("-" * 72, "=" * 72).encode(),
        "dos.sm": crlf.encode() + b"\x1a",
        "dos-block.sm": crlf.encode() + b"\x1a\0\0\0",
        "junk-after-end.sm": crlf.encode() + b"\x1a5 of another file",
        "zeros.rcp": RCP.encode() + b"\0" * 40,
        "old-mac.sm": SM.replace("\n", "\r").encode(),
        "mark.sm": codecs.BOM_UTF8 + SM.encode(),
        "utf16.sm": SM.encode("utf-16"),
        "utf16-big.sm": codecs.BOM_UTF16_BE + SM.encode("utf-16-be"),
        "utf16-unmarked.sm": SM.encode("utf-16-le"),
        "utf32.sm": SM.encode("utf-32"),
        "latin-1.sm": SM.replace("toy.bas", "bibliothèque").encode("latin-1"),
        "usual.rcp": RCP.encode(),
        "dos.rcp": RCP.replace("\n", "\r\n").encode() + b"\x1a",
        "one-line.rcp": RCP.replace("\n", " ").encode(),
        "utf16.rcp": RCP.encode("utf-16"),
    }


def relaid(text: str, seed: int) -> bytes:
    """A .sm or .rcp file with blanks, case, optional lines, encoding and line ends drawn."""
    rng = Random(f"layout/{seed}")
    dropped = {start for start in _OPTIONAL if rng.random() < 0.3}
    lines = [line for line in text.split("\n") if not line.startswith(tuple(dropped or "\0"))]
    spaced = "\n".join(_spaced(line, rng) for line in lines)
    encoding = rng.choice(list(_ENCODINGS))
    content = spaced.replace("\n", rng.choice(["\n", "\r\n", "\r"])).encode(encoding)
    tails = [b"", b"\x1a", b"\0\0", b"\x1a\0\0"] if encoding in ("utf-8", "latin-1") else [b""]
    return _ENCODINGS[encoding] + content + rng.choice(tails)


def _spaced(line: str, rng: Random) -> str:
    line = rng.choice([line, line.lower(), line.upper(), line.title()])
    line = re.sub(" +", lambda _: rng.choice([" ", "   ", "\t", " \t "]), line)
    title = "RESOURCEAVAILABILITIES"
    at = line.upper().find(title)
    if at >= 0 and rng.random() < 0.5:
        line = f"{line[: at + 8]} {line[at + 8 :]}"
    return rng.choice(["", " ", "\t"]) + line + rng.choice(["", " ", "  \t"])
