# ruff: noqa: E501
"""Programs that try what they should not; each defines `schedule(p, d)`.

LOUD ones fail, with one of the kinds beside them. QUIET ones also answer honestly and must be
scored for that. LOOKING ones return what they found, which must be nothing. CALLS are system calls
that must be refused, named by their numbers on x86-64 and aarch64.
"""

import os
from tempfile import gettempdir

from harness.sandbox import sandbox

# what an attack would leave; no other run's
WRITTEN = f"{gettempdir()}/makespan-sandbox-attack-{os.getpid()}"
SHARED = f"/dev/shm/makespan-sandbox-attack-{os.getpid()}"
NOBLE = "def honest(p, d):\n    return sorted(range(len(p)), key=lambda j: (d[j], j))\n"


def trying(body: str) -> str:
    """A program that tries something, swallows every error, and answers honestly."""
    lines = "".join(f"        {line}\n" for line in body.strip("\n").splitlines())
    tried = f"    try:\n{lines}    except BaseException: pass\n"
    return f"{NOBLE}def schedule(p, d):\n{tried}    return honest(p, d)\n"


def telling(body: str) -> str:
    """A program that tells what it found: the value of `found` at the end."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"def schedule(p, d):\n    found = None\n{lines}    return found\n"


LOUD: dict[str, tuple[str, set[str]]] = {
    "loop": ("def schedule(p, d):\n    while True: pass", {"time"}),
    "loop at import": ("while True: pass", {"time"}),
    "loop that catches all": (
        "def schedule(p, d):\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        {"time"},
    ),
    "loop ignoring signals": (
        "import signal\ndef schedule(p, d):\n    for n in range(1, 64):\n        try:"
        " signal.signal(n, signal.SIG_IGN)\n        except BaseException: pass\n    while 1: pass",
        {"time"},
    ),
    "one long call": ("def schedule(p, d): return 7 ** (10 ** 9) > 0", {"time", "memory"}),
    "sleep": ("import time\ndef schedule(p, d): time.sleep(60)", {"raised"}),
    "select as sleep": (
        "import _thread\ndef schedule(p, d):\n    lock = _thread.allocate_lock()\n"
        "    lock.acquire()\n    lock.acquire()\n    return []",
        {"raised", "killed", "time", "ok"},
    ),
    "os._exit": ("import os\ndef schedule(p, d): os._exit(0)", {"exit"}),
    "sys.exit": ("import sys\ndef schedule(p, d): sys.exit(0)", {"exit"}),
    "abort": ("import os\ndef schedule(p, d): os.abort()", {"killed"}),
    "null pointer": ("import ctypes\ndef schedule(p, d): ctypes.string_at(8)", {"killed"}),
    "stack overflow": (
        "import sys\nsys.setrecursionlimit(10**9)\n"
        "def schedule(p, d):\n    class A:\n        def __repr__(s): return repr([s])\n    repr(A())",
        {"killed", "raised", "memory"},
    ),
    "recursion": ("def schedule(p, d): return schedule(p, d)", {"raised"}),
    "memory at once": ("def schedule(p, d): return bytearray(3 << 30)", {"memory"}),
    "memory bit by bit": (
        "def schedule(p, d):\n    a = []\n    while True: a.append([0] * 1000)",
        {"memory"},
    ),
    "memory kept from report": (
        "def schedule(p, d):\n    global a\n    a = []\n    while True:\n"
        "        try:\n            while True: a.append(bytearray(1 << 12))\n"
        "        except MemoryError: pass",
        {"time", "memory", "killed"},
    ),
    "prints megabytes": (
        "def schedule(p, d):\n    for _ in range(100): print('x' * 1_000_000)",
        {"output"},
    ),
    "returns megabytes": ("def schedule(p, d): return list(range(100_000))", {"output"}),
    "floods the channel": (
        "import os\ndef schedule(p, d):\n    while True: os.write(3, b'x' * 65536)",
        {"output"},
    ),
    "forged result too many": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'[\"ok\",[0]]\\n' * 9)\n    return [0]",
        {"channel"},
    ),
    "forged garbage": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'\\xff\\n'); os._exit(0)",
        {"channel"},
    ),
    "forged NaN": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'[\"ok\",NaN]\\n'); os._exit(0)",
        {"channel"},
    ),
    "forged depth": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'[\"ok\",' + b'[' * 90000 + b'\\n')\n    os._exit(0)",
        {"channel"},
    ),
    "forged kind": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'[\"perfect\",[0]]\\n')\n    os._exit(0)",
        {"channel"},
    ),
    "forged huge number": (
        "import os\ndef schedule(p, d):\n    os.write(3, b'[\"ok\",1e999]\\n')\n    os._exit(0)",
        {"channel"},
    ),
    "NaN": ("def schedule(p, d): return [float('nan')]", {"type"}),
    "infinity": ("def schedule(p, d): return float('inf')", {"type"}),
    "a set": ("def schedule(p, d): return {1, 2}", {"type"}),
    "an iterator": ("def schedule(p, d): return iter(range(3))", {"type"}),
    "number too large": ("def schedule(p, d): return 10 ** 30", {"type"}),
    "cyclic list": ("def schedule(p, d):\n    a = []\n    a.append(a)\n    return a", {"raised"}),
    "lying float": (
        "class F(float):\n    __lt__ = __le__ = lambda s, o: True\n    __float__ = lambda s: 0.0\n"
        "def schedule(p, d): return F(9)",
        {"type"},
    ),
    "lying int in a list": (
        "class I(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\n"
        "def schedule(p, d): return [I(j) for j in range(3)]",
        {"type"},
    ),
    "lying list": (
        "class L(list):\n    __len__ = lambda s: 3\n    __iter__ = lambda s: iter((0, 1, 2))\n"
        "def schedule(p, d): return L()",
        {"type"},
    ),
    "lying text": ("class S(str): pass\ndef schedule(p, d): return S('x')", {"type"}),
    "error whose text raises": (
        "class E(Exception):\n    def __str__(s): raise s\ndef schedule(p, d): raise E",
        {"raised"},
    ),
    "error whose class lies": (
        "class M(type):\n    __name__ = property(lambda s: 1 / 0)\n"
        "    __hash__ = lambda s: 1 // 0\nclass E(BaseException, metaclass=M): pass\n"
        "def schedule(p, d): raise E",
        {"exit"},
    ),
    "patches the evaluator": (
        f"import json, sys\nfrom {sandbox.__package__} import program, server, values\n"
        "def schedule(p, d):\n    program.plain = values.plain = server.send = json.dumps = print\n"
        "    sys.modules.clear()\n    return 0",
        {"exit"},
    ),
    "error with a long name": (
        "E = type('E' * 10**6, (Exception,), {})\ndef schedule(p, d): raise E",
        {"raised"},
    ),
    "error with escapes": (
        "def schedule(p, d): raise ValueError('\\x1b[2J\\n\\n' + 'x' * 10**6)",
        {"raised"},
    ),
    "syntax error": ("def schedule(p, d: return", {"syntax"}),
    "null byte": ("x = 1\0", {"syntax"}),
    "deep brackets": ("x = " + "(" * 5000, {"syntax"}),
    "lone surrogate": ("x = '\ud800'", {"syntax"}),
    "no function": ("def shedule(p, d): return []", {"missing"}),
    "no callable": ("schedule = 3", {"missing"}),
    "wrong arguments": ("def schedule(p): return []", {"raised"}),
    "what is not offered": ("import sqlite3\ndef schedule(p, d): return []", {"raised"}),
}

QUIET: dict[str, str] = {  # each must be scored by its true solution, the honest order
    "fork": "import os\nos.fork()",
    "forks": "import os\nwhile os.fork() or True: pass",
    "detached children": "import os\nfor _ in range(40):\n    if os.fork() == 0:\n        os.setsid()\n        os.fork()",
    "posix_spawn": "import os\nos.posix_spawn('/bin/sh', ['sh', '-c', 'sleep 60'], {})",
    "exec": "import os\nos.execv('/bin/true', ['true'])",
    "threads": "import _thread\nfor _ in range(99): _thread.start_new_thread(print, ())",
    "atexit": "import atexit, os\natexit.register(lambda: os.write(3, b'[\"ok\",[0]]\\n'))",
    "print": "print('[\"ok\",[0]]')",
    "traces": "import sys\nsys.settrace(print)\nsys.setprofile(print)\nsys.addaudithook(print)",
    "patches what would catch it": "from harness.sandbox import program\n"
    "program.Attempt.__exit__ = lambda *_: False\nraise SystemExit",
    "frees what it does not own": "import ctypes\nc = ctypes.CDLL(None)\n"
    "c.madvise(ctypes.c_void_p(4096), 4096, 100)",
    "closes what is open": "import os\nfor fd in range(9): os.close(fd)",
    "seals the channel": "import os\nos.set_blocking(3, False)",
    "stops itself": "import os\nos.kill(os.getpid(), 19)",
    "signals everybody": "import os\nos.kill(-1, 15)",
    "signals the server": "import os, sys\nos.kill(os.getppid(), 9)",
    "raises limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "nice": "import os\nos.nice(-20)",
    "alarm": "import signal\nsignal.setitimer(0, 0.001)",
}

LOOKING: dict[str, str] = {  # each must find nothing: None or an error
    "a file outside": "found = open('/etc/passwd').read()",
    "a folder outside": "import os\nfound = os.listdir('/')",
    "whether a file exists": "import os\nfound = os.stat('/etc/passwd').st_size",
    "a file written": f"open('{WRITTEN}', 'w').write('x')\nfound = 'written'",
    "a file written here": "open('attack', 'w').write('x')\nfound = 'written'",
    "a symbolic link": f"import os\nos.symlink('/etc/passwd', '{WRITTEN}')\nfound = 'made'",
    "a folder made": f"import os\nos.mkdir('{WRITTEN}')\nfound = 'made'",
    "shared memory": f"open('{SHARED}', 'w').write('x')\nfound = 'written'",
    "the environment": "import os\nfound = dict(os.environ) or None",
    "the environment of /proc": "found = open('/proc/self/environ').read()",
    "the parent's environment": "import os\nfound = open(f'/proc/{os.getppid()}/environ').read()",
    "any process": "import os\nfound = [open(f'/proc/{k}/cmdline').read() for k in range(1, 9)]",
    "own memory as a file": "found = open('/proc/self/mem', 'rb').name",
    "the working folder": "import os\nfound = os.getcwd()",
    "a socket": "import _socket\nfound = _socket.socket().fileno()",
    "a local socket": "import _socket\nfound = _socket.socket(_socket.AF_UNIX).fileno()",
    "a pair of sockets": "import _socket\nfound = len(_socket.socketpair())",
    "a key in frames or objects": """
import gc, sys
yek = 'yek-detnuh'
frame = sys._getframe()
while frame:
    if any(yek[::-1] in repr(v) for v in (*frame.f_locals.values(), *frame.f_globals.values())):
        found = frame.f_code.co_name
    frame = frame.f_back
for thing in gc.get_objects():
    if type(thing) in (dict, list, tuple) and yek[::-1] in repr(thing)[:10000]:
        found = repr(thing)[:100]""",
    "references in memory": """
import gc
for thing in gc.get_objects():
    if type(thing) is dict and ('reference' in thing or 'optimum' in thing):
        found = sorted(map(str, thing))""",
    "trusted modules": """
import sys
found = [m for m in sys.modules if m.split('.')[0] in ('graders', 'generators', 'tasks', 'msgspec', 'openai')] or None""",
    "a module on disk": "import harness.run\nfound = 'loaded'",
    "native code of its own": "import ctypes\nfound = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)()",
    "a file by mapping": "import ctypes\nc = ctypes.CDLL(None)\nc.mmap.restype = ctypes.c_long\n"
    "found = [fd for fd in range(64) if c.mmap(None, 4096, 1, 2, fd, 0) != -1] or None",
    "an environment in C": "import ctypes\n"
    "found = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')[0]",
    "a clock": "import time\nfound = time.time()",
}

CALLS: dict[str, tuple[int, int, tuple[int, ...]]] = {  # name: x86-64, aarch64, arguments
    "ptrace": (101, 117, (16, 1)),
    "process_vm_readv": (310, 270, (1, 0, 0, 0, 0, 0)),
    "process_vm_writev": (311, 271, (1, 0, 0, 0, 0, 0)),
    "pidfd_open": (434, 434, (1, 0)),
    "pidfd_getfd": (438, 438, (3, 0, 0)),
    "io_uring_setup": (425, 425, (8, 0)),
    "memfd_create": (319, 279, (0, 0)),
    "memfd_secret": (447, 447, (0,)),
    "userfaultfd": (323, 282, (1,)),
    "keyctl": (250, 219, (0, -3, 1)),
    "add_key": (248, 217, (0, 0, 0, 0, -3)),
    "bpf": (321, 280, (0, 0, 0)),
    "perf_event_open": (298, 241, (0, 0, -1, -1, 0)),
    "unshare": (272, 97, (0x10000000,)),
    "setns": (308, 268, (3, 0)),
    "mount": (165, 40, (0, 0, 0, 0, 0)),
    "chroot": (161, 51, (0,)),
    "clone": (56, 220, (17, 0, 0, 0, 0)),
    "clone3": (435, 435, (0, 0)),
    "openat2": (437, 437, (-100, 0, 0, 24)),
    "open_by_handle_at": (304, 265, (-100, 0, 0)),
    "prctl": (157, 167, (4, 1, 0, 0, 0)),
    "seccomp": (317, 277, (1, 0, 0)),
    "prlimit64": (302, 261, (0, 9, 0, 0)),
    "dup": (32, 23, (3,)),
    "fcntl": (72, 25, (3, 1, 0)),
    "pipe2": (293, 59, (0, 0)),
    "recvfrom": (45, 207, (3, 0, 0, 0, 0, 0)),
    "sendmsg": (46, 211, (3, 0, 0)),
    "shmget": (29, 194, (0, 4096, 0o1600)),
    "msgget": (68, 186, (0, 0o1600)),
    "mq_open": (240, 180, (0, 0, 0, 0)),
    "tgkill": (234, 131, (1, 1, 9)),
    "kill": (62, 129, (1, 9)),
    "setitimer": (38, 103, (0, 0, 0)),
    "timer_create": (222, 107, (0, 0, 0)),
    "sched_setattr": (314, 274, (0, 0, 0)),
    "personality": (135, 92, (0xFFFFFFFF,)),
    "shared executable memory": (9, 222, (0, 4096, 7, 34, -1, 0)),
    "fork by the x32 table": (0x40000000 + 57, 0x40000000 + 57, ()),
    "fork by another number": ((1 << 32) + 57, (1 << 32) + 220, ()),
}
