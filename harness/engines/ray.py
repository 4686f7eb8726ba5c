"""Work on a Ray cluster, or on a Ray of this machine alone.

Ray makes good a worker or node that dies: it does its items again elsewhere. What Ray would print
or write beyond that is switched off.
"""

import logging
import os
import pickle
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

from harness.engines.base import AHEAD, EngineFailure, in_order
from harness.engines.software import require_same, software_versions
from tasks.base import InputError
from tasks.extras import extra

T = TypeVar("T")
R = TypeVar("R")
TRIES = 5  # at an item whose workers die
KNOCK = 2.0  # seconds between two looks whether the cluster is still there
AWAY = 20.0  # seconds without an answer after which its head is lost: it may be restarted
SHORT = 24  # bytes of a folder's path in which Ray's sockets still fit
STORE = 256 * 2**20  # bytes of a local Ray's object store; more goes to disk
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_task_oom_retries": str(TRIES - 1),  # by default without end
}

JOINING = {  # a wrong address is told within half a minute, not within four
    "RAY_NUM_REDIS_GET_RETRIES": "2",
    "RAY_py_gcs_connect_timeout_s": "5",
}


class Ray:
    """A cluster that this process is connected to; several threads may use it at once."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._lock = Lock()
        self._parcels: dict[int, tuple[object, str, Any]] = {}
        self._task = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_task())
        context = ray.get_runtime_context()
        self._head = Beat(f"the Ray cluster at {context.gcs_address}", context.gcs_address, AWAY)
        [node] = [n for n in ray.nodes() if n["NodeID"] == context.get_node_id()]
        address = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
        self._node = Beat("the Ray of this machine", address, 2 * KNOCK)

    @property
    def room(self) -> int:
        """Return the CPUs that the cluster has now."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 0)))

    def map(
        self, work: Callable[[T], R], items: Iterable[T], name: Callable[[T], str]
    ) -> Iterator[R]:
        """Yield results as `Engine.map` does."""
        number, parcel = self._parcel(work)

        def begin(item: T) -> Any:
            return self._task.remote(number, [parcel], pickle.dumps(item))

        def end(item: T, promise: Any) -> R:
            result: R = self._result(promise, name(item))
            return result

        return in_order(begin, end, items, AHEAD * self.room)

    def _parcel(self, work: object) -> tuple[str, Any]:
        """Return the name and the place in the cluster of a piece of work; it is sent once."""
        with self._lock:
            if id(work) not in self._parcels:
                number = f"work {len(self._parcels)}"
                place = self._ray.put((software_versions(), pickle.dumps(work)))
                self._parcels[id(work)] = work, number, place
            return self._parcels[id(work)][1:]

    def _result(self, promise: Any, item: str) -> Any:
        errors = self._ray.exceptions
        try:
            while not self._ray.wait([promise], timeout=KNOCK)[0]:
                self._node.listen()
                self._head.listen()
            return self._ray.get(promise)
        except errors.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise InputError(
                    f"a worker of the Ray cluster cannot load makespan ({error.cause}):"
                    " install the same on every node"
                ) from None
            raise error.cause from None
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError):
            raise EngineFailure(
                f"{item}: {TRIES} workers died of it, the last one for want of memory or killed"
            ) from None
        except errors.LocalRayletDiedError:
            raise EngineFailure("the Ray of this machine is gone") from None
        except errors.RayError as error:
            raise EngineFailure(f"{item}: Ray failed: {_first_line(error)}") from None


class Beat:
    """A part of the cluster that is checked while one waits for it, so that no wait is endless."""

    def __init__(self, part: str, address: str, patience: float) -> None:
        self._part, self._address, self._patience = part, address, patience
        self._silent_from: float | None = None

    def listen(self) -> None:
        """Raise EngineFailure if it has not answered for longer than the patience, in seconds."""
        now = monotonic()
        if _absence(self._address, KNOCK) is None:
            self._silent_from = None
        elif self._silent_from is None:
            self._silent_from = now
        elif now - self._silent_from > self._patience:
            raise EngineFailure(f"{self._part} is gone")


@contextmanager
def connect(address: str | None) -> Iterator[Ray]:
    """Yield a cluster by the address of its head, or without one a Ray of this machine.

    Args:
        address: HOST:PORT; None for this machine alone.

    Raises:
        InputError: if there is no such cluster, or Ray is not installed.
        EngineFailure: if the Ray of this machine does not start.
    """
    os.environ.update(QUIET)
    if address is None:  # a secret of its own, that is nowhere written; Ray reads it as it loads
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    elif silence := _absence(address, 10.0):
        raise InputError(f"`ray_address` {address}: {silence}; give HOST:PORT of the head")
    else:
        os.environ.update(JOINING)
    with extra("ray", "engine ray"):
        import ray
    ray._private.worker._worker_logs_enabled = False  # it would print into standard output
    with _local_ray(ray) if address is None else _cluster_ray(ray, address):
        try:
            yield Ray(ray)
        finally:
            ray.shutdown()


def short() -> str:
    """Return the folder for temporary files, or `/tmp` where that leaves sockets no room.

    The path of a Unix socket has at most 107 bytes, and Ray's own part of it takes over 60.
    """
    folder = gettempdir()
    return folder if len(os.fsencode(folder)) <= SHORT else "/tmp"


@contextmanager
def _local_ray(ray: Any) -> Iterator[None]:
    """Start a Ray of this machine alone, on the loopback address."""
    with TemporaryDirectory(prefix="ray-", dir=short(), ignore_cleanup_errors=True) as folder:
        try:
            _init(
                ray,
                address="local",
                _node_ip_address="127.0.0.1",
                _temp_dir=folder,
                include_dashboard=False,
                object_store_memory=STORE,
            )
        except _start_errors(ray) as error:
            raise EngineFailure(f"Ray does not start here: {_first_line(error)}") from None
        yield


@contextmanager
def _cluster_ray(ray: Any, address: str) -> Iterator[None]:
    """Join a cluster that runs already."""
    try:
        _init(ray, address=address)
    except _start_errors(ray) as error:
        raise InputError(
            f"`ray_address` {address}: {_first_line(error)}; it must be the head of a cluster that"
            " this machine is a node of"
        ) from None
    yield


def _init(ray: Any, **options: Any) -> None:
    # Ray's workers would look for modules first where it starts.
    with _silence_stderr(), chdir("/"):
        ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)


@contextmanager
def _silence_stderr() -> Iterator[None]:
    """Let no library print on standard error meanwhile: what is wrong is raised."""
    stderr = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _start_errors(ray: Any) -> tuple[type[Exception], ...]:
    return (OSError, RuntimeError, ValueError, AssertionError, ray.exceptions.RayError)


def _absence(address: str, seconds: float) -> str | None:
    """Return why HOST:PORT does not answer; None if it does."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 65536):
        return "this is not HOST:PORT"
    try:
        socket.create_connection((host.strip("[]"), int(port)), seconds).close()
    except OSError as error:
        return f"nobody answers there ({error.strerror or error})"
    return None


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


# In a worker process -----------------------------------------------------------------------

_WORK: dict[str, Callable[[Any], Any]] = {}


def _task() -> Callable[..., Any]:
    """Return what Ray sends to workers by its text, so that it can tell if makespan is missing."""

    def task(number: str, parcel: list[Any], item: bytes) -> Any:
        from harness.engines.ray import perform

        return perform(number, parcel, item)

    return task


def perform(number: str, parcel: list[Any], item: bytes) -> Any:
    """Do an item of a piece of work, which is fetched when this process first needs it.

    Args:
        number: the name of the work.
        parcel: one reference to the sender's versions and the pickled work.
        item: pickled.
    """
    if number not in _WORK:
        import ray

        sender, work = ray.get(parcel[0])
        require_same(sender, f"the node {ray.util.get_node_ip_address()}")
        _WORK[number] = pickle.loads(work)
    return _WORK[number](pickle.loads(item))
