"""Runs a program and writes what it took: `python timed.py FILE WORD...`, standard library only.

A process of its own, since a child's peak memory begins at that of the process it came from. User
and system seconds are those of the program and of every descendant that was waited for.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

file, *words = sys.argv[1:]
began = time.monotonic()
process = subprocess.Popen(words)
_, status, usage = os.wait4(process.pid, 0)
taken = {
    "cpu": usage.ru_utime + usage.ru_stime,
    "wall": time.monotonic() - began,
    "peak": usage.ru_maxrss / 1024,  # MB
    "status": os.waitstatus_to_exitcode(status),
}
Path(file).write_text(json.dumps(taken))
